# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do our own captions show of a recording? The real track, pool, model and voice detector, in virtual time.

Only the network is left out: a frame is fed at the moment at which its last sample was spoken.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from types import SimpleNamespace
from unittest.mock import patch

from bots.captions.language import LanguageChoice
from bots.captions.segment import Segment
from bots.captions.track import Speaker, TrackCaptions
from bots.engines.contract import SAMPLE_RATE, VAD_WINDOW, Samples
from bots.engines.vad import SileroDetector
from bots.worker import SpeechPool
from tests.bench.captions.meter import Meter
from tests.bench.captions.metered_loop import MeteredLoop
from tests.bench.captions.screen import Shown

START_MS = 1_700_000_000_000
ROOM = "!bench"


def caption(meter: Meter, samples: Samples, *, workers: int = 1) -> tuple[list[Shown], float]:
    """Return what came to the screen and the processor seconds of all of it; nobody else is talking."""
    ((shown,), cpu_s) = caption_together(meter, [samples], workers=workers)
    return shown, cpu_s


def caption_together(meter: Meter, recordings: Sequence[Samples], *, workers: int) -> tuple[list[list[Shown]], float]:
    """Caption several people who talk at the same time; ``workers`` readings at once."""
    before = meter.spent_s
    shown: list[list[Shown]] = [[] for _ in recordings]
    # The pool asks the operating system for the time; here it asks the loop.
    with (
        contextlib.closing(MeteredLoop(meter)) as loop,
        patch("bots.worker.time", SimpleNamespace(monotonic=loop.time)),
    ):
        listening_s = loop.run_until_complete(_meeting(meter, recordings, workers, shown))
    return shown, meter.spent_s - before + listening_s


async def _meeting(meter: Meter, recordings: Sequence[Samples], workers: int, shown: list[list[Shown]]) -> float:
    loop = asyncio.get_running_loop()

    def deliver(segment: Segment) -> None:
        start_s = (segment.start_ms - START_MS) / 1000
        shown[int(segment.track_sid)].append(
            Shown(
                at_s=loop.time(),
                utterance=segment.id,
                start_s=start_s,
                end_s=(segment.end_ms - START_MS) / 1000,
                text=segment.text,
                stable=segment.text[: segment.stable_chars],
                final=segment.final,
            )
        )

    pool = SpeechPool(meter, workers, deliver)
    running = asyncio.create_task(pool.run())
    spent = await asyncio.gather(*(_listen(pool, str(sid), each) for sid, each in enumerate(recordings)))
    assert await pool.drained(ROOM, 600)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return sum(spent)


async def _listen(pool: SpeechPool, sid: str, samples: Samples) -> float:
    """Do what ``bots.listen`` does with the frames of one track; return the processor seconds that took."""
    loop = asyncio.get_running_loop()
    track = TrackCaptions(Speaker(ROOM, "$call", "@speaker:hs", sid), SileroDetector(), LanguageChoice(("fr", "en")))
    spent_s = 0.0
    for start in range(0, len(samples) - VAD_WINDOW + 1, VAD_WINDOW):
        heard_s = (start + VAD_WINDOW) / SAMPLE_RATE
        await asyncio.sleep(heard_s - loop.time())
        began = time.process_time()
        jobs = track.feed(samples[start : start + VAD_WINDOW], START_MS + heard_s * 1000)
        partial = track.due(pool.interval_s)
        spent_s += time.process_time() - began
        for job in [*jobs, *([partial] if partial else [])]:
            pool.submit(job)
    for job in track.flush():
        pool.submit(job)
    return spent_s
