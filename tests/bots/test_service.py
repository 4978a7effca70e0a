# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which rooms the bot stays in, with a homeserver that is a list of calls."""

import asyncio
import itertools
import socket

import pytest

from bots import notice
from bots.captions.health import FAILURES_IN_ROW, Cause
from bots.captions.schedule import Level
from bots.meeting import Means
from bots.meetingnote import Note
from bots.service import MAX_CALLS, CaptionService
from bots.settings import Settings
from bots.store.database import DatabaseAwayError

TOKEN = "0123456789abcdefghijklmnopqrstuv"

BOT = "@captions:hs:8431"
CHIEF = "@chief:hs:8431"


class FakeSession:
    """The part of MatrixSession that inviting needs; remembers what was done."""

    user_id, device_id = BOT, "CAPTIONS"

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.note: dict = {}
        self.states: dict[str, list[dict]] = {}

    async def join(self, room_id: str) -> None:
        self.done.append(("join", room_id))

    async def leave(self, room_id: str) -> None:
        self.done.append(("leave", room_id))

    async def state(self, room_id: str) -> list[dict]:
        return self.states[room_id]

    async def room_note(self, room_id: str, kind: str) -> dict:
        return self.note

    async def send_event(self, room_id: str, kind: str, content: dict, txn_id: str) -> str:
        self.said.append(content["body"])
        return f"${len(self.said)}"


def room(*, creator: str = CHIEF, encrypted: bool = False) -> list[dict]:
    state = [
        {"type": "m.room.create", "state_key": "", "sender": creator, "content": {"room_version": "12"}},
        {"type": "m.room.power_levels", "state_key": "", "sender": creator, "content": {"users": {CHIEF: 50}}},
    ]
    if encrypted:
        state.append({"type": "m.room.encryption", "state_key": "", "sender": creator, "content": {}})
    return state


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def bot(session, monkeypatch, tmp_path) -> CaptionService:
    monkeypatch.setattr("bots.speech.model_of", lambda speech: "none")
    settings = Settings.model_validate(
        {
            "homeserver": {"client_url": "http://hs", "user_id": BOT, "password": TOKEN, "device_id": "CAPTIONS"},
            "bridge": {"internal_url": "http://bridge", "internal_token": TOKEN},
            "speech": {"model_cache": str(tmp_path)},
            "call": {"livekit_service_url": "http://rtc"},
        }
    )
    bot = CaptionService(settings)
    bot._means = Means(
        session,
        bot._pool,
        bot._publisher,
        ("fr",),
        "http://rtc",
        bot._passport,
        bot._corrections,
        bot._health,
        bot._translate,
        None,
        bot._glossary,
        bot._past,
    )
    return bot


@pytest.mark.parametrize(
    ("state", "inviter", "said"),
    [
        (room(), "@guest:hs:8431", notice.NOT_ENTITLED),
        (room(), "", notice.NOT_ENTITLED),
        (room(creator="@stranger:evil"), "@stranger:evil", notice.OTHER_SERVER),
        (room(creator="@stranger:evil"), CHIEF, notice.OTHER_SERVER),
        (room(encrypted=True), CHIEF, notice.ENCRYPTED),
    ],
)
async def test_it_says_why_it_does_not_stay(bot, session, state, inviter, said):
    session.states["!r"] = state
    await bot._invited("!r", inviter)
    assert session.said == [said]
    assert session.done == [("join", "!r"), ("leave", "!r")]


async def test_more_calls_than_it_can_serve_are_declined(bot, session):
    bot._busy = {f"!{number}": None for number in range(MAX_CALLS + 1)}
    await bot._invited("!one-more", CHIEF)
    assert session.done == [("leave", "!one-more")]


async def test_a_room_without_captions_is_left_after_a_restart(bot, session):
    await bot._resume("!r")
    assert session.done == [("leave", "!r")]


async def test_an_invitation_that_comes_while_the_last_captions_still_end_is_taken_up_afterwards(bot):
    order = []
    going = asyncio.Event()

    async def ending():
        await going.wait()
        order.append("ended")

    async def beginning():
        order.append("begun again")

    async with asyncio.TaskGroup() as tasks:
        bot._occupy(tasks, "!r", ending)
        await asyncio.sleep(0)
        bot._occupy(tasks, "!r", beginning)
        going.set()
    assert order == ["ended", "begun again"]
    assert bot._busy == {}


async def test_a_failure_in_one_room_is_said_there_and_ends_nothing_else(bot, session):
    async def failing():
        raise RuntimeError("a bug")

    async with asyncio.TaskGroup() as tasks:
        bot._occupy(tasks, "!r", failing)
    assert session.said == [notice.FAILED]
    assert session.done == [("leave", "!r")]


def test_what_is_kept_about_a_room_is_read_back():
    note = Note("$n", "$t", CHIEF, 5, tile=True)
    assert Note.read(note.content()) == note


@pytest.mark.parametrize(
    "content", [{}, {"active": True}, Note("$n", "$t", CHIEF, 5).content() | {"active": False}, {"withdrawn": 3}]
)
def test_a_room_without_a_complete_note_has_no_captions(content):
    assert Note.read(content) is None


async def test_the_canary_is_read_while_somebody_has_captions_and_else_no_model_is_loaded_for_it(bot, monkeypatch):
    rounds = []

    class Singer:
        def __init__(self, *parts, **bound) -> None: ...

        async def sing(self, recordings) -> None:
            rounds.append(len(recordings[0].samples))

    async def at_once(seconds: float) -> None:
        rounds.append(seconds)
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr("bots.service.Canary", Singer)
    monkeypatch.setattr("bots.service.asyncio.sleep", at_once)
    keeping = asyncio.create_task(bot._keep_canary())
    while len(rounds) < 10:
        await real_sleep(0.01)
    assert set(rounds) == {600.0}
    bot._meetings["!r"] = object()
    while not any(isinstance(one, int) for one in rounds):
        await real_sleep(0.01)
    keeping.cancel()


async def test_an_engine_that_keeps_failing_is_noticed(bot, monkeypatch, until):
    monkeypatch.setattr("bots.service.LOOK_S", 0.001)
    watching = asyncio.create_task(bot._watch_health())
    bot._pool.counts.failed_in_row = FAILURES_IN_ROW
    await until(lambda: bot._health.cause is Cause.ENGINE)
    bot._pool.counts.failed_in_row = 0
    await until(lambda: bot._health.cause is None)
    watching.cancel()


async def test_workers_are_asked_to_wait_only_while_words_come_late(bot, monkeypatch):
    asked = []

    async def ask(url: str, host: str) -> None:
        asked.append((url, host))
        raise DatabaseAwayError("away")

    rounds = itertools.count()

    async def at_once(seconds: float) -> None:
        if next(rounds) == 2:
            bot._pool._queue.load.level = Level.SLOWER
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr("bots.service.ask_to_pause", ask)
    monkeypatch.setattr("bots.service.asyncio.sleep", at_once)
    asking = asyncio.create_task(bot._keep_workers_waiting("postgresql://db"))
    for _ in range(3):
        await real_sleep(0)
    assert asked == []
    while len(asked) < 2:
        await real_sleep(0)
    asking.cancel()
    assert set(asked) == {("postgresql://db", socket.gethostname())}
