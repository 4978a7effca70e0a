# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""M8: a receiver that changes its mind a thousand times sees one stream without a seam."""

import asyncio

from sfu.core.media import Wish
from tests.emulated.link import Conditions
from tests.emulated.publisher import Encoding
from tests.emulated.stage import call
from tests.virtual_time import run

SMALL = (Encoding("q", 20_000, 10), Encoding("h", 40_000, 10), Encoding("f", 80_000, 10))
SWITCHES = 1000
VIEWERS = 5
SEED = 1
NETWORK = Conditions(delay=0.01, jitter=0.008)


def test_a_thousand_switches_leave_no_seam(goals):
    async def scenario():
        async with call(SEED, SMALL, adapts=False) as (stage, publisher, receiver):
            others = [stage.client(f"viewer {n}") for n in range(VIEWERS - 1)]
            await asyncio.gather(*(stage.join(other) for other in others))
            receivers = [receiver, *(stage.subscribe(other, publisher) for other in others)]
            for name in stage.links:
                stage.conditions(name, NETWORK, NETWORK)
            wishes = dict.fromkeys(receivers, 2)
            videos = [one.video[publisher.video_track] for one in receivers]
            while min(video.switches for video in videos) < SWITCHES / VIEWERS:
                for one in receivers:
                    wishes[one] = stage.random.choice([other for other in range(3) if other != wishes[one]])
                    stage.plane.wish(one.client.id, publisher.video_track, Wish(max_quality=wishes[one]))
                await asyncio.sleep(stage.random.uniform(0.3, 1.5))
            return videos

    videos = run(scenario())
    found = [seam for video in videos for seam in video.discontinuities]
    results = [
        goals.at_least("M8", "layer switches", SWITCHES, sum(video.switches for video in videos)),
        goals.at_most("M8", "breaks in sequence, timestamps, picture ids", 0, len(found)),
        goals.at_most("M8", "frames lost", 0, sum(video.lost_frames for video in videos)),
    ]
    assert all(results), found[:5]
