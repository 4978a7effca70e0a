# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Shared microphones of one meeting: what people say and ask for goes in, named captions and answers come out."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from bots import notice
from bots.captions.commands import MODERATOR, Command, Wish
from bots.captions.microphones import Heard, Microphones, VoiceWords
from bots.captions.segment import Segment
from bots.captions.track import Job
from bots.engines.contract import Samples
from bots.locales import in_each
from bots.roomview import RoomView
from bots.voices import Listening, VoicePool

THAT_IS_ME = re.compile("🙋[\U0001f3fb-\U0001f3ff]?(\u200d[♂♀]\ufe0f?)?")
"""The reaction to a caption by which its speaker says so, in any skin and sex."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """What the sharing of a room's microphones needs of its meeting.

    ``view`` is the room now; ``agreed`` tells whether somebody may be listened to; ``publish`` takes captions that
    changed, ``say`` an answer to people; ``line`` gives the segments that an event of the captions' thread shows.
    """

    room_id: str
    view: Callable[[], RoomView]
    agreed: Callable[[str], bool]
    publish: Callable[[Segment], None]
    say: Callable[[str], None]
    line: Callable[[str], Sequence[Segment]]


def voice_words(lang: str) -> VoiceWords:
    """Return how voices without a name are called in a meeting in this language."""
    words = in_each("voice")
    return VoiceWords(words.get(lang, words["en"]), tuple(words.values()))


class Sharing:
    """Without a pool (no ``[diarization]``) every track is its owner's, and wishes are answered by saying so."""

    def __init__(self, room: Room, pool: VoicePool | None, lang: str) -> None:
        self._room = room
        self._pool = pool
        self._microphones = None if pool is None else Microphones(pool.likeness, voice_words(lang), look=pool.look)

    def listen(self, job: Job) -> None:
        """Listen to an utterance that ended, if somebody may share its microphone; it is read meanwhile."""
        owner = job.track.speaker.user_id
        if self._pool is None or self._microphones is None or job.frozen is None or not self._microphones.wants(owner):
            return
        utterance = job.utterance
        self._pool.submit(
            Listening(self._room.room_id, owner, utterance.id, utterance.start_ms, job.frozen.samples, self._heard)
        )

    def said(self, segment: Segment) -> list[Segment]:
        """Take a final segment as it was read; return what to publish of it."""
        return [segment] if self._microphones is None else self._microphones.said(segment)

    def corrected(self, segment: Segment) -> None:
        """Learn that a person corrected a segment: from now on it is theirs, name included."""
        if self._microphones is not None:
            self._microphones.leave(segment.id)

    def recall(self, segments: Iterable[Segment]) -> None:
        """Learn what was published before a restart."""
        if self._microphones is not None:
            self._microphones.recall(segments)

    def hear_again(self, owner: str, voice: str, samples: Samples) -> None:
        """Listen to what a voice said before a restart, so that it keeps its label."""
        if self._pool is not None:
            self._pool.submit(Listening(self._room.room_id, owner, voice, 0, samples, self._heard_again))

    def follow_consent(self) -> None:
        """Forget the voices at microphones whose owners do not agree any more."""
        if self._pool is None or self._microphones is None:
            return
        for owner in self._microphones.owners:
            if not self._room.agreed(owner):
                self._pool.forget(self._room.room_id, owner)
                self._microphones.forget(owner)

    def grant(self, wish: Wish) -> None:
        """Do what somebody asked for, or say why not."""
        if self._microphones is None:
            self._room.say(notice.NO_DIARIZATION)
            return
        match wish.command:
            case Command.SHARED:
                self._mark(self._microphones, wish)
            case Command.ME:
                self._claim(self._microphones, self._microphones.voice_called(wish.words), wish.user_id)
            case Command.NAME:
                words, _, name = wish.words.partition("=")
                voice = self._microphones.voice_called(words)
                if not voice or not name.strip():
                    self._room.say(notice.WHICH_VOICE)
                else:
                    self._publish(self._microphones.name(voice, name))

    def react(self, event: Mapping[str, Any]) -> None:
        """Take a reaction: "that is me" on a line in which one voice speaks."""
        content, sender = event.get("content"), event.get("sender")
        relation = content.get("m.relates_to") if isinstance(content, Mapping) else None
        if event.get("type") != "m.reaction" or not isinstance(relation, Mapping) or not isinstance(sender, str):
            return
        key, target = relation.get("key"), relation.get("event_id")
        if self._microphones is None or not isinstance(key, str) or not isinstance(target, str):
            return
        if THAT_IS_ME.fullmatch(key):
            line = self._room.line(target)
            if line:
                self._claim(self._microphones, self._microphones.one_voice(line), sender)

    async def drained(self, timeout_s: float) -> None:
        """Wait for the labels of the last words."""
        if self._pool is not None and not await self._pool.drained(self._room.room_id, timeout_s):
            log.warning("voices_unheard", room_id=self._room.room_id)

    def end(self) -> None:
        """Forget every voice: nothing of them outlives the meeting."""
        if self._pool is not None and self._microphones is not None:
            self._pool.forget(self._room.room_id)
            self._microphones.forget_all()
            self._microphones = None

    def _heard(self, utterance: Listening, heard: Heard) -> None:
        if self._microphones is None or not self._room.agreed(utterance.owner):
            return
        changed, found = self._microphones.heard(utterance.segment_id, utterance.owner, utterance.start_ms, heard)
        if found:
            self._room.say(notice.several_voices(self._room.view().name(utterance.owner)))
        self._publish(changed)

    def _heard_again(self, said: Listening, heard: Heard) -> None:
        if self._microphones is not None and self._room.agreed(said.owner):
            self._microphones.know(said.owner, said.segment_id, heard)

    def _mark(self, microphones: Microphones, wish: Wish) -> None:
        """``shared``, ``shared off``, ``shared @user``, ``shared @user off``."""
        words = wish.words.split()
        shared = words[-1:] != ["off"]
        named = words if shared else words[:-1]
        owner = _meant(wish, named)
        if not owner or owner not in self._room.view().joined():
            self._room.say(notice.WHOSE_MICROPHONE)
        elif owner != wish.user_id and self._room.view().power(wish.user_id) < MODERATOR:
            self._room.say(notice.NOT_YOUR_MICROPHONE)
        else:
            self._publish(microphones.mark(owner, shared=shared))
            self._room.say(notice.marked(self._room.view().name(owner), shared=shared))

    def _claim(self, microphones: Microphones, voice: str, user_id: str) -> None:
        changed = microphones.claim(voice, user_id, self._room.view().name(user_id)) if voice else []
        if not voice:
            self._room.say(notice.WHICH_VOICE)
        elif changed is None:
            self._room.say(notice.CLAIMED)
        else:
            self._publish(changed)

    def _publish(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            self._room.publish(segment)


def _meant(wish: Wish, named: Sequence[str]) -> str:
    """Return whose microphone is meant: of the one whom the message calls, of an id that stands there, or one's own."""
    if len(wish.mentions) == 1:
        return wish.mentions[0]
    if not named:
        return wish.user_id
    return named[0] if len(named) == 1 and named[0].startswith("@") else ""
