# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who spoke when on a track that several people share, heard anew once the call is over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bots.captions.paragraphs import Voice
from bots.captions.turns import Turn, same_voices
from bots.engines.contract import SAMPLE_RATE
from bots.final.hearing import LongHearing
from bots.final.spool import LiveTurn, SpooledTrack
from bots.locales import in_language

_LABEL = "voice-"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Voices:
    """The turns on one track (Unix ms), and who each label is."""

    turns: tuple[Turn, ...]
    known: dict[str, Voice]


def voices_of(
    track: SpooledTrack, owner: Voice, live: Sequence[LiveTurn], hearing: LongHearing | None, lang: str
) -> Voices:
    """Tell who spoke when; blocks, for about a tenth of the track's length.

    Voices keep the labels and names that they had in the meeting, whichever of them they share most time with; those
    that nobody noticed then get labels of their own, named in ``lang``. Without a hearing the live turns stand as they
    are.
    """
    turns = tuple(Turn(turn.start_ms, turn.end_ms, turn.voice) for turn in live)
    known = {turn.voice: Voice(owner.user_id, turn.display_name, turn.voice) for turn in live}
    found = _heard_anew(track, hearing)
    if not found:
        return Voices(turns, known)
    labels = same_voices(found, turns)
    taken = [int(label.removeprefix(_LABEL)) for label in known if label.removeprefix(_LABEL).isdigit()]
    number = max(taken, default=0)
    for turn in found:
        if turn.voice not in labels:
            number += 1
            labels[turn.voice] = f"{_LABEL}{number}"
            name = f"{in_language(lang, 'voice', number=str(number))} ({owner.display_name})"
            known[labels[turn.voice]] = Voice(owner.user_id, name, labels[turn.voice])
    return Voices(tuple(replace(turn, voice=labels[turn.voice]) for turn in found), known)


def _heard_anew(track: SpooledTrack, hearing: LongHearing | None) -> list[Turn]:
    """Hear all stretches in one go, so that a voice is one throughout; silence between them is left out."""
    if hearing is None:
        return []
    lengths = [stretch.samples() for stretch in track.stretches]
    blocks = (block for stretch in track.stretches for block in stretch.blocks())
    found = hearing.turns(blocks, sum(lengths))
    placed: list[Turn] = []
    offset_ms = 0
    for stretch, length in zip(track.stretches, lengths, strict=True):
        end_ms = offset_ms + length * 1000 // SAMPLE_RATE
        for turn in found:
            begin, end = max(turn.start_ms, offset_ms), min(turn.end_ms, end_ms)
            if begin < end:
                moved = stretch.start_ms - offset_ms
                placed.append(Turn(begin + moved, end + moved, turn.voice))
        offset_ms = end_ms
    log.info("voices_heard_anew", voices=len({turn.voice for turn in placed}))
    return placed
