# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo saw, as figures, and whether that is good enough."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import jiwer

from bots.captions.pace import POST_INTERVAL_S

SECONDS_TO_MEDIA_MAX = 10.0
SIMILARITY_MIN = 0.8
ATTRIBUTION_MIN = 1.0
WER_MAX = 0.15
LIVE_DELAY_P95_MAX_S = 4.0
ROOM_DELAY_P95_MAX_S = LIVE_DELAY_P95_MAX_S + POST_INTERVAL_S


@dataclass(frozen=True, slots=True)
class Caption:
    """A final caption as the live feed brought it; times in seconds of the wall clock."""

    speaker: str
    """Whose name the caption carries: the demo's name of the speaker, or the user id where it is nobody of ours."""
    text: str
    lang: str
    start_s: float
    end_s: float
    live_s: float
    """When the live feed brought its final text."""
    room_s: float | None
    """When the room's event arrived; None where it never did."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One phrase as it was really played: when its last sample left, on the wall clock."""

    speaker: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Packets:
    """RTP packets through the SFU."""

    received: int
    sent: int
    lost: int


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that a run of the demo measured."""

    seconds_to_media: Mapping[str, float | None]
    """By door."""
    texts: Mapping[str, str]
    """By speaker: what the recording says."""
    spoken: Sequence[Spoken]
    captions: Sequence[Caption]
    similarity: Mapping[tuple[str, str], float]
    """(speaker, listener) → likeness of the loudness sent and received."""
    video_frames: Mapping[str, int]
    """Frames of the one camera, by listener."""
    packets: Packets
    files: Sequence[str] = ()
    """Transcript files that the bot left in the room."""


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict, and the figures behind it."""

    ok: bool
    failures: tuple[str, ...]
    json: dict[str, object] = field(default_factory=dict)


def words(text: str) -> list[str]:
    """The words that count: lower case, no punctuation, hyphens and apostrophes as word boundaries."""
    return re.sub(r"[^\w ]", " ", re.sub(r"['’\-]", " ", text.lower())).split()


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Substitutions, deletions and insertions per word of the reference."""
    return float(jiwer.wer(" ".join(words(reference)), " ".join(words(hypothesis))))


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank); None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def really_said_by(text: str, texts: Mapping[str, str]) -> str:
    """Which speaker's known words these are, judged by the words alone, whatever name they carry."""

    def shared(known: str) -> int:
        matcher = difflib.SequenceMatcher(None, words(known), words(text), autojunk=False)
        return sum(block.size for block in matcher.get_matching_blocks())

    return max(texts, key=lambda speaker: shared(texts[speaker]))


def delays(captions: Iterable[Caption], spoken: Sequence[Spoken]) -> list[tuple[Caption, float]]:
    """Each caption that ends a phrase, with when the last sample of that phrase was played.

    A phrase may give several captions (a long one is cut); only the last to end counts, since only there the end of
    speech is known from what was played and not from what the bot believes.
    """
    last: dict[Spoken, Caption] = {}
    for caption in captions:
        own = [phrase for phrase in spoken if phrase.speaker == caption.speaker and phrase.start_s < caption.end_s]
        if own:
            phrase = max(own, key=lambda candidate: candidate.start_s)
            if phrase not in last or last[phrase].end_s < caption.end_s:
                last[phrase] = caption
    return [(caption, phrase.end_s) for phrase, caption in last.items()]


def judge(seen: Observed) -> Report:
    """Turn what was seen into figures and a verdict."""
    by_speaker = {
        speaker: " ".join(
            caption.text
            for caption in sorted(seen.captions, key=lambda caption: caption.start_s)
            if caption.speaker == speaker
        )
        for speaker in seen.texts
    }
    wer_by_speaker = {speaker: word_error_rate(seen.texts[speaker], by_speaker[speaker]) for speaker in seen.texts}
    total_words = sum(len(words(text)) for text in seen.texts.values())
    wer = sum(wer_by_speaker[speaker] * len(words(text)) for speaker, text in seen.texts.items()) / total_words
    said_by = [(caption, really_said_by(caption.text, seen.texts)) for caption in seen.captions]
    right = {
        speaker: [caption.speaker == real for caption, real in said_by if real == speaker] for speaker in seen.texts
    }
    attribution = _share([named for each in right.values() for named in each])
    ends = delays(seen.captions, seen.spoken)
    live = [caption.live_s - end_s for caption, end_s in ends]
    room = [caption.room_s - end_s for caption, end_s in ends if caption.room_s is not None]
    in_room = sum(caption.room_s is not None for caption in seen.captions)
    live_p95, room_p95 = percentile(live, 0.95), percentile(room, 0.95)

    failures: list[str] = []
    for door, seconds in seen.seconds_to_media.items():
        if seconds is None or seconds > SECONDS_TO_MEDIA_MAX:
            failures.append(f"{door}: media after {_seconds(seconds)}, at most {SECONDS_TO_MEDIA_MAX:.0f} s")
    for (speaker, listener), value in seen.similarity.items():
        if value < SIMILARITY_MIN:
            failures.append(f"{listener} did not hear {speaker}: similarity {value:.2f}, at least {SIMILARITY_MIN}")
    failures.extend(f"{listener} saw no video" for listener, frames in seen.video_frames.items() if frames == 0)
    if wer > WER_MAX:
        failures.append(f"word error rate {wer:.3f}, at most {WER_MAX}")
    if attribution < ATTRIBUTION_MIN:
        failures.append(f"{attribution:.0%} of the captions carry the right name")
    if in_room < len(seen.captions):
        failures.append(f"{len(seen.captions) - in_room} captions never came to the room")
    if live_p95 is None or live_p95 > LIVE_DELAY_P95_MAX_S:
        failures.append(f"live captions p95 {_seconds(live_p95)}, at most {LIVE_DELAY_P95_MAX_S} s")
    if room_p95 is None or room_p95 > ROOM_DELAY_P95_MAX_S:
        failures.append(f"captions in the room p95 {_seconds(room_p95)}, at most {ROOM_DELAY_P95_MAX_S} s")
    failures.extend(
        f"the bot left no {suffix} transcript in the room"
        for suffix in (".txt", ".vtt")
        if not any(name.endswith(suffix) for name in seen.files)
    )

    return Report(
        ok=not failures,
        failures=tuple(failures),
        json={
            "ok": not failures,
            "failures": failures,
            "doors": {door: {"seconds_to_media": seconds} for door, seconds in seen.seconds_to_media.items()},
            "captions": [
                {
                    "speaker": caption.speaker,
                    "text": caption.text,
                    "lang": caption.lang,
                    "start_s": caption.start_s,
                    "end_s": caption.end_s,
                    "live_s": caption.live_s,
                    "room_s": caption.room_s,
                }
                for caption in seen.captions
            ],
            "speakers": {
                speaker: {
                    "words": len(words(seen.texts[speaker])),
                    "wer": round(wer_by_speaker[speaker], 4),
                    "captions": len(right[speaker]),
                    "attribution": _share(right[speaker]),
                }
                for speaker in seen.texts
            },
            "wer": round(wer, 4),
            "attribution": attribution,
            "caption_delay_p50_s": percentile(live, 0.5),
            "caption_delay_p95_s": live_p95,
            "room_delay_p50_s": percentile(room, 0.5),
            "room_delay_p95_s": room_p95,
            "heard": {
                f"{speaker} by {listener}": round(value, 3) for (speaker, listener), value in seen.similarity.items()
            },
            "video_frames": dict(seen.video_frames),
            "packets": {"in": seen.packets.received, "out": seen.packets.sent, "lost": seen.packets.lost},
            "transcript_files": list(seen.files),
        },
    )


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
