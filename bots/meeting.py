# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions of one room's call, from the notice to the transcript."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Self

import aiohttp
import structlog
from livekit import rtc

from bots import farewell, membership, notice
from bots.call import CallError, CallMember
from bots.calltext import CallText
from bots.captions.audience import Audience
from bots.captions.commands import Command, Wish, read_wish
from bots.captions.consent import CONSENT, ConsentBook
from bots.captions.ending import EmptyCall, Ending
from bots.captions.health import Health
from bots.captions.language import LanguageChoice
from bots.captions.leftover import left_behind
from bots.captions.segment import Segment
from bots.captions.track import Job, Speaker, TrackCaptions
from bots.captions.transcript import Transcript
from bots.corrections import Corrections
from bots.engines.vad import SileroDetector
from bots.final.spool import Spool
from bots.glossary import Glossary
from bots.keepsound import SoundKeeper
from bots.listen import CallListener, Ears
from bots.matrix import RoomNews
from bots.matrix_rtc import MatrixError, MatrixSession, until_answered
from bots.meetingnote import NOTE, Note
from bots.passport import Passport
from bots.past import Past, posted_in
from bots.publish import Publisher
from bots.rehearing import said_before
from bots.roomthread import RoomThread
from bots.roomview import RoomView
from bots.sharing import Room, Sharing
from bots.statements import RoomStatements
from bots.tile import CaptionTile
from bots.voices import VoicePool
from bots.worker import SpeechPool

_LOOK_S = 1.0
_DRAIN_S = 20.0
_BROKEN_S = 5.0
"""So long a line that broke off when we died may wait for us to be back in the call, where it is shown as well."""
MAX_ANSWERS = 8
"""stops: commands faster than the room takes answers; the oldest answer is dropped."""
_REASSERT_S = 3.0
_REJOIN_S = (0.5, 1.0, 2.0, 5.0, 10.0)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What every meeting shares."""

    session: MatrixSession
    pool: SpeechPool
    publisher: Publisher
    languages: tuple[str, ...]
    service_url: str
    passport: Callable[[], Awaitable[Passport]]
    corrections: Corrections
    health: Health
    translate: Callable[[Segment], None]
    voices: VoicePool | None
    glossary: Glossary
    past: Past
    spool: Spool | None = None


class CaptionedMeeting:
    """One room. ``hear`` takes what is new in it, ``run`` does everything else and returns when it is over."""

    def __init__(self, means: Means, view: RoomView, note: Note, *, resumed: bool) -> None:
        self.room_id = view.room_id
        self._means = means
        self._view = view
        self._note = note
        self._resumed = resumed
        self._consent = ConsentBook(note.notice)
        self._consent.recall(view.of_type(CONSENT), note.withdrawn)
        self._thread = RoomThread(means.session, view.room_id, note.thread, note.thread)
        self._transcript = Transcript()
        self._unsettled: set[str] = set()
        self._listener: CallListener | None = None
        self._call_text: CallText | None = None
        self._audience = Audience()
        self._began_ms = _now_ms()
        self._read_by: float | None = None
        self._tile = CaptionTile(shown=note.tile)
        self._terms: list[str] = []
        keeps = note.keeps_sound and means.spool is not None  # those who agreed before it was said did not agree to it
        self._sound = means.spool.call(note.notice) if keeps and means.spool else None
        self._changed = asyncio.Event()
        self._ending: Ending | None = None
        self._note_changed = False
        self._heard = 0
        self._recalled = not resumed
        self._remembered = asyncio.Event()
        self._in_call = asyncio.Event()
        self._ready = asyncio.Event()
        self._passport: Passport | None = None
        self._statements = RoomStatements(means.session, view)
        self._answers: deque[str] = deque(maxlen=MAX_ANSWERS)
        self._sharing = Sharing(
            Room(
                view.room_id,
                lambda: self._view,
                self._consent.agreed,
                self._publish,
                self._answer,
                self._thread.shown,
            ),
            means.voices,
            means.languages[0],
        )
        self._reasserted = float("-inf")
        self._member = CallMember(
            means.session, view.room_id, service_url=means.service_url, auto_subscribe=False, intent="audio"
        )

    @classmethod
    async def begin(cls, means: Means, view: RoomView, asked_by: str) -> Self:
        """Say in the room who asked and how to agree; only then is there anything to join with."""
        session, room_id = means.session, view.room_id
        now_ms = int(time.time() * 1000)
        event_id = await session.send_event(
            room_id,
            "m.room.message",
            notice.asked(view.name(asked_by), asked_by, keeps_sound=means.spool is not None),
            f"notice-{now_ms}",
        )
        title = view.content("m.room.name").get("name")
        root = await session.send_event(
            room_id,
            "m.room.message",
            notice.thread_root(title if isinstance(title, str) else ""),
            f"thread-{now_ms}",
        )
        reaction = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": "✅"}}
        await session.send_event(room_id, "m.reaction", reaction, f"example-{now_ms}")
        note = Note(event_id, root, asked_by, now_ms, keeps_sound=means.spool is not None)
        await session.put_room_note(room_id, NOTE, note.content())
        return cls(means, view, note, resumed=False)

    def hear(self, news: RoomNews) -> None:
        """Take what is new in the room."""
        self._heard += 1
        for event in news.state:
            self._view.apply(event)
        for event in (*news.timeline, *news.state):
            word = self._consent.hear(event)
            self._note_changed = self._note_changed or (word is not None and not word.allow)
        for event in news.timeline:
            wish = read_wish(event, self._view.power)
            if wish is not None:
                self._grant(wish)
            self._sharing.react(event)
        self._follow_consent()
        self._changed.set()

    async def catch_up(self) -> None:
        """Read the room anew, after events were missed."""
        session = self._means.session
        heard = None
        while heard != self._heard:  # news that came meanwhile may be newer than what was read
            heard = self._heard
            view = RoomView(self.room_id, await session.state(self.room_id))
            reactions = await session.relations(self.room_id, self._note.notice, "m.annotation")
        self._view = view
        self._consent.catch_up(self._view.of_type(CONSENT), reactions)
        self._note_changed = True
        self._follow_consent()
        self._changed.set()

    def end(self, why: Ending) -> None:
        """Begin to end; the first reason counts."""
        self._ending = self._ending or why
        self._changed.set()

    def deliver(self, segment: Segment) -> None:
        """Take what one of our tracks said."""
        named = replace(segment, display_name=self._view.name(segment.user_id))
        for part in self._sharing.said(named) if named.final else [named]:
            self._publish(part)

    def _publish(self, segment: Segment) -> None:
        if segment.final:
            self._transcript.add(segment)
            self._unsettled.add(segment.id)
        self._means.publisher.put(segment)
        self._show(segment)

    def _show(self, segment: Segment) -> None:
        """Show words in the call, or there what has become of them; not what was said before a restart, as news."""
        if segment.end_ms < self._began_ms:
            return
        if self._call_text is not None:
            self._call_text.put(segment)
        self._tile.put(segment)

    def settled(self, segment: Segment) -> None:
        """Learn that the bridge has a final segment (or never will); now the room may have it."""
        self._unsettled.discard(segment.id)
        self._thread.put(segment)
        self._changed.set()

    def corrected(self, segment: Segment) -> None:
        """Take a line of this call that somebody corrected, perhaps long ago."""
        self._sharing.corrected(segment)
        self._transcript.add(segment)
        self._thread.put(segment)
        self._show(segment)
        self._means.translate(segment)

    async def run(self) -> Ending:
        """Be in the call until it ends; returns why."""
        async with asyncio.TaskGroup() as tasks:
            preparing = tasks.create_task(self._prepare())
            remembering = tasks.create_task(self._remember())
            writing = tasks.create_task(self._write())
            follow = self._means.corrections.follow
            correcting = tasks.create_task(follow(self.room_id, self._note.notice, self.corrected))
            naming = tasks.create_task(self._means.glossary.follow(self.room_id, self._take_terms))
            staying = tasks.create_task(self._stay())
            why = await self._until_over()
            log.info("captions_end", room_id=self.room_id, why=why.name.lower())
            staying.cancel()
            await asyncio.wait([staying])
            await asyncio.wait([remembering], timeout=_DRAIN_S)
            await self._drain(why)
            self._sharing.end()
            for task in (preparing, remembering, writing, correcting, naming):
                task.cancel()
        if why is not Ending.STOPPED:
            self._hand_over()
        if why in notice.FAREWELLS:
            model = self._passport.sentence(self._means.languages[0]) if self._passport else ""
            await farewell.part(self._means.session, self._thread, self._note, self._transcript, why, model=model)
        return why

    # ------------------------------------------------------------------------------------------- in the call

    async def _stay(self) -> None:
        """Stay connected, however often the SFU goes away."""
        joined, failures = False, 0
        if not self._resumed:
            await self._ready.wait()
        try:
            while True:
                try:
                    room = await (self._member.connect() if joined else self._member.join())
                    joined, failures = True, 0
                    await self._listen(room)
                except MatrixError as error:
                    if error.status == HTTPStatus.FORBIDDEN:
                        self.end(Ending.REFUSED)
                        return
                    log.warning("call_not_joined", room_id=self.room_id, errcode=error.errcode)
                except (CallError, aiohttp.ClientError, TimeoutError) as error:
                    log.warning("call_not_joined", room_id=self.room_id, reason=type(error).__name__)
                await asyncio.sleep(_REJOIN_S[min(failures, len(_REJOIN_S) - 1)])
                failures += 1
        finally:
            await self._member.leave()

    async def _prepare(self) -> None:
        """Load the models, and say which listens. After a restart sound is received meanwhile, and waits to be read."""
        await self._means.pool.warm()
        await self._show_passport()
        self._ready.set()

    async def _show_passport(self) -> None:
        """Say in the room which model is about to listen; its absence keeps nobody from captions."""
        try:
            self._passport = await self._means.passport()
        except OSError as error:
            log.error("model_unreadable", room_id=self.room_id, reason=type(error).__name__)
        else:
            await self._statements.show_passport(self._passport)

    async def _listen(self, room: rtc.Room) -> None:
        listener = CallListener(room, self.room_id, self._note.notice, self._ears())
        text = CallText(room, self._audience)
        self._listener, self._call_text = listener, text
        self._in_call.set()
        showing = [asyncio.create_task(text.run()), asyncio.create_task(self._tile.run(room))]
        try:
            self._follow_consent()
            await listener.disconnected.wait()
            log.warning("call_disconnected", room_id=self.room_id)
        finally:
            self._listener = None
            await listener.close()
            if room.isconnected() and self._ending is not Ending.REMOVED:
                await self._read_out()
                await text.sent()
            self._call_text = None
            for task in showing:
                task.cancel()
            await asyncio.wait(showing)

    def _ears(self) -> Ears:
        pool = self._means.pool
        keep = partial(SoundKeeper, self._sound)
        return Ears(self._captions_of, self._read, self.deliver, lambda: pool.interval_s, keep, self._ready.is_set)

    def _read(self, job: Job) -> None:
        self._sharing.listen(job)
        self._means.pool.submit(job)

    def _captions_of(self, speaker: Speaker) -> TrackCaptions:
        return TrackCaptions(speaker, SileroDetector(), LanguageChoice(self._means.languages), self._terms)

    def _take_terms(self, terms: list[str]) -> None:
        self._terms[:] = terms

    def _follow_consent(self) -> None:
        """Receive exactly those who are in the room, are in the call, and agreed."""
        if self._listener is not None:
            owners = membership.owners(self._view.call_members(_now_ms()))
            self._listener.allow({name: user for name, user in owners.items() if self._consent.agreed(user)})
        self._sharing.follow_consent()
        if self._sound is not None and self._recalled:
            self._sound.keep_only(self._consent.agreed)

    # --------------------------------------------------------------------------------------- beginning and end

    async def _remember(self) -> None:
        """Find our way back after a restart: who agreed, what was said, and what we left half done."""
        if self._resumed:
            session, call_id = self._means.session, self._note.notice
            reactions = await until_answered(partial(session.relations, self.room_id, call_id, "m.annotation"))
            self._consent.recall([*self._view.of_type(CONSENT), *reactions], self._note.withdrawn)
            self._recalled = True
            self._follow_consent()
            posted = await posted_in(session, self.room_id, self._note)
            for event_id, segments in posted:
                self._thread.recall(event_id, segments)
            in_room = [segment for _, segments in posted for segment in segments]
            stored = await self._means.past.lines(self.room_id, call_id)
            left = left_behind(stored, in_room, self._consent.agreed, self._began_ms)
            self._sharing.recall([*in_room, *left.unposted])
            for segment in (*in_room, *left.unposted):
                self._transcript.add(segment)
            for segment in left.unposted:
                self._thread.put(segment)
            self._remembered.set()
            await self._end_broken(left.broken)
            await self._hear_again()
        self._remembered.set()

    async def _end_broken(self, lines: tuple[Segment, ...]) -> None:
        """Finish what was being spoken when we died, in the call, too, if that takes us back soon enough."""
        if lines:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BROKEN_S):
                    await self._in_call.wait()
        for segment in lines:
            self._publish(segment)
            if self._call_text is not None:
                self._call_text.put(segment)

    async def _write(self) -> None:
        """Write into the thread, once it is known what stands there."""
        await self._remembered.wait()
        await self._thread.run()

    async def _hear_again(self) -> None:
        """Find the voices of shared microphones again; without their sound they get new numbers."""
        if self._sound is None:
            return
        try:
            found = await asyncio.to_thread(said_before, self._sound, self._transcript.segments())
        except (OSError, RuntimeError) as error:
            log.warning("voices_not_found_again", room_id=self.room_id, reason=type(error).__name__)
            return
        for before in found:
            self._sharing.hear_again(before.owner, before.voice, before.samples)

    def _grant(self, wish: Wish) -> None:
        match wish.command:
            case Command.OFF:
                self.end(Ending.ASKED)
            case Command.TILE | Command.TILE_OFF:
                shown = wish.command is Command.TILE
                self._tile.show(shown)
                self._note = replace(self._note, tile=shown)
                self._note_changed = True
            case Command.SHARED | Command.ME | Command.NAME:
                self._sharing.grant(wish)

    def _answer(self, text: str) -> None:
        self._answers.append(text)
        self._changed.set()

    async def _give_answers(self) -> None:
        while self._answers:
            event = notice.text_event(self._answers.popleft())
            try:
                await self._means.session.send_event(self.room_id, "m.room.message", event, f"answer-{time.time_ns()}")
            except (MatrixError, aiohttp.ClientError, TimeoutError) as error:
                log.warning("answer_not_sent", room_id=self.room_id, reason=type(error).__name__)

    async def _until_over(self) -> Ending:
        watch = EmptyCall(time.monotonic(), self._resumed)
        own = self._means.session.user_id
        while True:
            if self._note_changed:
                self._note_changed = False
                await self._keep_note()
            await self._give_answers()
            await self._statements.show_health(self._means.health.cause, time.monotonic())
            members = self._view.call_members(_now_ms())
            others = any(member.user_id != own for member in members)
            if self._listener is not None and all(member.user_id != own for member in members):
                await self._reassert()
            why = self._ending or watch.look(others=others, now=time.monotonic())
            if why is not None:
                return why
            self._changed.clear()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                self._follow_consent()  # memberships expire by the clock, without an event

    async def _reassert(self) -> None:
        """Be seen again: nobody is listened to by a bot that the room does not show as a member of its call."""
        if time.monotonic() - self._reasserted < _REASSERT_S:
            return
        self._reasserted = time.monotonic()
        try:
            await self._member.reassert()
        except (MatrixError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("membership_not_renewed", room_id=self.room_id, reason=type(error).__name__)

    async def _keep_note(self) -> None:
        self._note = replace(self._note, withdrawn=tuple(self._consent.withdrawals()))
        try:
            await self._means.session.put_room_note(self.room_id, NOTE, self._note.content())
        except (MatrixError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("note_not_kept", room_id=self.room_id, reason=type(error).__name__)
            self._note_changed = True

    async def _drain(self, why: Ending) -> None:
        """Let the last words be read, stored and written, as far as that is still possible."""
        await self._read_out()
        if why is Ending.REMOVED:
            return
        try:
            async with asyncio.timeout(_DRAIN_S):
                while self._unsettled or self._thread.waiting:
                    self._changed.clear()
                    try:
                        async with asyncio.timeout(_LOOK_S / 4):
                            await self._changed.wait()
                    except TimeoutError:
                        continue
        except TimeoutError:
            log.warning("captions_unwritten", room_id=self.room_id)

    async def _read_out(self) -> None:
        """Let what was heard be read, and labelled; whoever asks again waits no longer for that."""
        self._read_by = self._read_by or time.monotonic() + _DRAIN_S
        if not await self._means.pool.drained(self.room_id, self._read_by - time.monotonic()):
            log.warning("utterances_unread", room_id=self.room_id)
        await self._sharing.drained(max(1.0, self._read_by - time.monotonic()))

    def _hand_over(self) -> None:
        """Give the sound to the workers, who write the final transcript."""
        if self._sound is not None:
            self._sound.keep_only(self._consent.agreed)
            farewell.hand_over(self._sound, self._note, self._view, self._consent, self._transcript, _now_ms())


def _now_ms() -> int:
    return int(time.time() * 1000)
