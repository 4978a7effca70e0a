# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is left behind when captions end: the room's transcript and a farewell, and the sound for the workers."""

from datetime import UTC, datetime

import aiohttp
import structlog

from bots import notice
from bots.captions.consent import ConsentBook
from bots.captions.ending import Ending
from bots.captions.thread import file_event
from bots.captions.transcript import Transcript
from bots.final.spool import CallSpool, EndedCall, LiveTurn
from bots.matrix_rtc import MatrixError, MatrixSession
from bots.meetingnote import NOTE, Note
from bots.roomthread import RoomThread
from bots.roomview import RoomView

log = structlog.get_logger(__name__)


async def part(
    session: MatrixSession, thread: RoomThread, note: Note, transcript: Transcript, why: Ending, *, model: str
) -> None:
    """Give the room its transcript, and go; ``model`` says in a sentence which model listened."""
    room_id = thread.room_id
    try:
        if len(transcript):
            day = datetime.fromtimestamp(note.started_ms / 1000, UTC).astimezone()
            name = f"transcript-{day:%Y-%m-%d-%H%M}"
            text = transcript.text(day.tzinfo or UTC, model=model)
            await _give(session, thread, note, f"{name}.txt", text, "text/plain")
            await _give(session, thread, note, f"{name}.vtt", transcript.vtt(model=model), "text/vtt")
        farewell = notice.text_event(notice.FAREWELLS[why])
        await session.send_event(room_id, "m.room.message", farewell, f"farewell-{note.started_ms}")
        await session.put_room_note(room_id, NOTE, {"active": False})
        await session.leave(room_id)
    except (MatrixError, aiohttp.ClientError, TimeoutError) as error:
        log.error("farewell_failed", room_id=room_id, reason=str(error)[:200])


def hand_over(
    sound: CallSpool, note: Note, view: RoomView, consent: ConsentBook, transcript: Transcript, now_ms: int
) -> None:
    """Give the sound of those who agreed to the workers, who write the final transcript."""
    names = {user_id: view.name(user_id) for user_id in sound.people()}
    agreed = {user_id: at_ms for user_id, at_ms in consent.agreements().items() if user_id in names}
    withdrawn = tuple(word.user_id for word in consent.withdrawals())
    shared = transcript.shared_tracks()
    turns = tuple(
        LiveTurn(said.track_sid, said.start_ms, said.end_ms, said.voice, said.display_name)
        for said in transcript.segments()
        if said.track_sid in shared
    )
    call = EndedCall(view.room_id, note.notice, note.started_ms, now_ms, names, turns, agreed, withdrawn)
    try:
        sound.end(call)
    except OSError as error:
        log.error("sound_not_handed_over", room_id=view.room_id, reason=type(error).__name__)


async def _give(session: MatrixSession, thread: RoomThread, note: Note, name: str, text: str, mimetype: str) -> None:
    data = text.encode()
    url = await session.upload(data, f"{mimetype}; charset=utf-8", name)
    event = file_event(name, url, mimetype, len(data), note.thread, thread.last)
    thread.last = await session.send_event(
        thread.room_id, "m.room.message", event, f"{mimetype.replace('/', '-')}-{note.started_ms}"
    )
