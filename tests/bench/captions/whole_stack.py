# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How many people can talk at once where everything else runs too, and does the call notice that captions are made?

A stack as `passerelle up` starts it, a call through its SFU, and for a minute somebody talks without a stop at each
microphone; delays are those of the words on the meeting's feed. One of them listens to all: first without captions,
then with them. The microphones and the listener take part of the processor that they are measured on.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bots.demo.report import percentile
from bots.engines.contract import SAMPLE_RATE
from tests.bench.captions.corpus import Word
from tests.bench.captions.screen import Screened, Shown, judge
from tests.bench.captions.talkers import TALK_S, Speech, speeches
from tests.conftest import RunningStack, find_port_base, run_stack
from tests.integration.captioned_call import Log, Person, allow, ask_captions, meeting, metrics, until

_ALONE_S = 20.0
_READ_WITHIN_S = 60.0
_LEVEL = "passerelle_captions_level "


@dataclass(frozen=True, slots=True)
class Ears:
    """What the listener got of everybody: lost packets and sound that was made up instead, as shares; what the sound
    waited in the jitter buffer for, in seconds.
    """

    lost: float
    concealed: float
    waited_s: float


@dataclass(frozen=True, slots=True)
class StackLoad:
    """What so many talkers did to captions and call."""

    talkers: int
    first_p90_s: float | None
    final_p95_s: float | None
    unread_words: float
    """The share of words that never stood on the screen in their place."""
    level: int
    notices: Sequence[str]
    without: Ears
    captioned: Ears


def measure(count: int, seconds: float = TALK_S) -> StackLoad:
    """Let so many people talk at once on a stack of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="passerelle-bench-") as folder,
        run_stack(Path(folder) / "data", find_port_base()) as stack,
    ):
        return asyncio.run(_measure(stack, count, seconds))


async def _measure(stack: RunningStack, count: int, seconds: float) -> StackLoad:
    async with meeting(stack, guests=count - 1) as (room_id, staff, *guests, log):
        people: list[Person] = [staff, *guests]
        for person in people:
            await allow(person.session, room_id, allow=True)
            await person.enter(room_id, listens=person is staff)
        said = dict(zip(people, speeches(count, _ALONE_S + seconds), strict=True))
        _talk(said, 0.0, _ALONE_S)
        before = await _heard(staff)
        await asyncio.sleep(_ALONE_S)
        without = await _heard(staff)
        await ask_captions(staff.session, room_id, log)
        _talk(said, _ALONE_S, _ALONE_S + seconds)
        begin, level = await _heard(staff), 0
        for _ in range(int(seconds)):
            await asyncio.sleep(1.0)
            level = max(level, await _level(stack))
        captioned = await _heard(staff)
        await until(lambda: all(s["final"] for s in log.segments.values()), "an end of every line", _READ_WITHIN_S)
        total = Screened()
        for person, speech in said.items():
            late = _from(speech, _ALONE_S)
            total.add(judge(_shown(log, person), late.words, late.lang, audio_s=seconds, cpu_s=0.0))
        return StackLoad(
            count,
            percentile(total.first_word_s, 0.9),
            percentile(total.final_s, 0.95),
            1 - len(total.first_word_s) / max(1, total.words),
            level,
            [event["content"]["body"] for event in log.from_bot() if "degraded" in event["content"].get("body", "")],
            _between(before, without),
            _between(begin, captioned),
        )


def _talk(said: Mapping[Person, Speech], from_s: float, to_s: float) -> None:
    for person, speech in said.items():
        part = speech.samples[int(from_s * SAMPLE_RATE) : int(to_s * SAMPLE_RATE)]
        person.begin((part * 32767).astype(np.int16))


def _from(speech: Speech, from_s: float) -> Speech:
    """What is said of a speech from then on, timed from there."""
    words = [Word(w.text, w.start_s - from_s, w.end_s - from_s) for w in speech.words if w.start_s >= from_s]
    return Speech(speech.lang, speech.samples[int(from_s * SAMPLE_RATE) :], tuple(words))


def _shown(log: Log, person: Person) -> list[Shown]:
    """What came on the feed of somebody, timed from the beginning of their speech."""
    return [
        Shown(
            at - person.began,
            segment["id"],
            segment["start_ms"] / 1000 - person.began,
            segment["end_ms"] / 1000 - person.began,
            segment["text"],
            segment["text"][: segment["stable_chars"]],
            segment["final"],
        )
        for at, segment in log.shown
        if segment["user_id"] == person.session.user_id
    ]


async def _heard(listener: Person) -> Counter[str]:
    """Everything that the listener's jitter buffers counted so far, of all tracks together."""
    assert listener.room is not None
    stats = await listener.room.get_rtc_stats()
    total: Counter[str] = Counter()
    for each in (*stats.publisher_stats, *stats.subscriber_stats):  # of one connection they are all the publisher's
        if each.HasField("inbound_rtp"):
            inbound = each.inbound_rtp
            total["packets"] += inbound.received.packets_received
            total["lost"] += inbound.received.packets_lost
            total["samples"] += inbound.inbound.total_samples_received
            total["concealed"] += inbound.inbound.concealed_samples
            total["waited_s"] += inbound.inbound.jitter_buffer_delay
            total["emitted"] += inbound.inbound.jitter_buffer_emitted_count
    return total


def _between(begin: Counter[str], end: Counter[str]) -> Ears:
    new = Counter(end)
    new.subtract(begin)
    return Ears(
        new["lost"] / max(1, new["packets"] + new["lost"]),
        new["concealed"] / max(1, new["samples"]),
        new["waited_s"] / max(1, new["emitted"]),
    )


async def _level(stack: RunningStack) -> int:
    line = next(line for line in (await metrics(stack)).splitlines() if line.startswith(_LEVEL))
    return int(float(line.removeprefix(_LEVEL)))
