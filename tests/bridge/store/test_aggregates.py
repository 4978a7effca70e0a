# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.errors import Refused
from bridge.domain.guests import PENDING_TIMEOUT_S, GuestState
from bridge.domain.invites import Invite, token_hash
from bridge.domain.meetings import Meeting
from bridge.domain.names import InviteId, RoomId, UserId
from bridge.domain.segments import REPLAY, Segment
from bridge.store import audit, calls, guests, invites, meetings, segments, sessions, transactions
from bridge.store.calls import CallGrant
from bridge.store.database import Database
from bridge.store.sessions import SignedIn

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MARIE = UserId("@marie:home")
TOKEN_HASH = token_hash("a" * 43)


async def make_meeting(database: Database, *, meeting_id: str = "m", organizer: str = MARIE) -> Meeting:
    async with database.transaction() as tx:
        return await meetings.create(
            tx, meeting_id=meeting_id, title="Team", room_id=f"!{meeting_id}", organizer=organizer, actor=organizer
        )


async def make_invite(database: Database, *, uses: int = 1, ttl: timedelta = timedelta(hours=1)) -> Invite:
    assert TOKEN_HASH is not None
    async with database.transaction() as tx:
        return await invites.create(
            tx, invite_id="i", meeting_id="m", token_hash=TOKEN_HASH, uses=uses, expires_at=NOW + ttl,
            sponsor=MARIE, actor=MARIE,
        )  # fmt: skip


async def reserve(database: Database, user: str, invite: Invite, now: datetime = NOW) -> datetime:
    async with database.transaction() as tx:
        return await guests.reserve(
            tx, UserId(user), meeting_id=invite.meeting_id, invite_id=InviteId(invite.id), now=now
        )


async def actions(database: Database, subject: str) -> list[str]:
    async with database.transaction() as tx:
        return [row["action"] for row in await audit.about(tx, subject)]


async def test_a_meeting_is_found_by_id_room_title_and_its_people(database: Database):
    meeting = await make_meeting(database)
    async with database.transaction() as tx:
        assert await meetings.by_id(tx, "m") == meeting
        assert await meetings.by_room(tx, "!m") == meeting
        assert await meetings.by_room(tx, "!other") is None
        assert await meetings.by_title(tx, "Team") == [meeting]
        assert await meetings.by_title(tx, "Nothing") == []
        assert await meetings.of_staff(tx, MARIE) == [meeting]
        assert await meetings.of_staff(tx, "@jean:home") == []
        await meetings.add_staff(tx, "m", "@jean:home")
        await meetings.add_staff(tx, "m", "@jean:home")
        assert await meetings.of_staff(tx, "@jean:home") == [meeting]
        assert await meetings.is_staff_of(tx, meeting, UserId("@jean:home"))
        await meetings.drop_staff(tx, "m", "@jean:home")
        assert not await meetings.is_staff_of(tx, meeting, UserId("@jean:home"))
        assert await meetings.is_staff_of(tx, meeting, MARIE)
    assert await actions(database, "m") == ["meeting_created", "staff_joined"]


async def test_a_partner_is_counted_once(database: Database):
    meeting = await make_meeting(database)
    async with database.transaction() as tx:
        assert await meetings.add_partner(tx, meeting.id, "@p:partner", invite_id=None, actor=MARIE)
        assert not await meetings.add_partner(tx, meeting.id, "@p:partner", invite_id=None, actor=MARIE)
        await meetings.drop_partner(tx, meeting.id, "@p:partner")
        await meetings.drop_partner(tx, meeting.id, "@p:partner")
        assert await meetings.add_partner(tx, meeting.id, "@p:partner", invite_id=None, actor=MARIE)
    assert await actions(database, "m") == ["meeting_created", "partner_invited", "partner_failed", "partner_invited"]


async def test_of_a_hundred_guests_on_a_link_for_three_exactly_three_come_in(database: Database):
    await make_meeting(database)
    invite = await make_invite(database, uses=3)

    async def try_it(number: int) -> str:
        try:
            await reserve(database, f"@guest-{number}:home", invite)
        except Refused as refused:
            return refused.errcode
        return "in"

    outcomes = await asyncio.gather(*(try_it(number) for number in range(100)))
    assert sorted(set(outcomes)) == ["PASSERELLE_INVITE_BUSY", "in"]  # none of the three is in the room yet
    assert outcomes.count("in") == 3
    async with database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM guests") == 3
        assert await tx.value("SELECT used FROM invites") == 3
    assert (await actions(database, "m")).count("guest_admitted") == 3


async def test_a_guest_that_failed_gives_its_use_back_once(database: Database):
    await make_meeting(database)
    invite = await make_invite(database)
    await reserve(database, "@guest-1:home", invite)
    for _ in range(2):
        async with database.transaction() as tx:
            await guests.failed(tx, UserId("@guest-1:home"))
    await reserve(database, "@guest-2:home", invite)
    with pytest.raises(Refused):
        await reserve(database, "@guest-3:home", invite)
    async with database.transaction() as tx:
        assert [guest.user_id for guest in await guests.to_end(tx)] == ["@guest-1:home"]


async def test_a_guest_lives_until_its_link_ends(database: Database):
    await make_meeting(database)
    invite = await make_invite(database, ttl=timedelta(minutes=5))
    guest = UserId("@guest-1:home")
    assert await reserve(database, guest, invite) == NOW + timedelta(minutes=5)
    async with database.transaction() as tx:
        assert await guests.admitted(tx, guest)
        assert not await guests.admitted(tx, guest)
        await guests.time_over(tx, NOW + timedelta(minutes=4))
        assert await guests.to_end(tx) == []
        await guests.time_over(tx, NOW + timedelta(minutes=5))
        (ending,) = await guests.to_end(tx)
        await guests.ended(tx, ending)
        await guests.ended(tx, ending)
        assert await guests.to_end(tx) == []
        assert await guests.state_of(tx, guest) is GuestState.ENDED
        assert not await guests.revoke(tx, guest)
    assert (await actions(database, "m"))[-2:] == ["guest_admitted", "guest_ended"]


async def test_a_guest_left_behind_by_a_crash_is_found(database: Database):
    await make_meeting(database)
    await reserve(database, "@guest-1:home", await make_invite(database))
    async with database.transaction() as tx:
        assert await guests.left_behind(tx, NOW + timedelta(seconds=PENDING_TIMEOUT_S)) == []
        later = NOW + timedelta(seconds=PENDING_TIMEOUT_S + 1)
        assert await guests.left_behind(tx, later) == ["@guest-1:home"]


async def test_withdrawing_a_link_ends_its_guests_and_sessions_and_no_other(database: Database):
    meeting = await make_meeting(database)
    invite = await make_invite(database, uses=5)
    guest = UserId("@guest-1:home")
    end = await reserve(database, guest, invite)
    async with database.transaction() as tx:
        await guests.admitted(tx, guest)
        await sessions.create(tx, "g", user_id=guest, door="guest", meeting_id=meeting.id, expires_at=end)
        await sessions.create(tx, "s", user_id=MARIE, door="staff", meeting_id=None, expires_at=end)
        assert await invites.revoke(tx, invite.id, MARIE)
        assert not await invites.revoke(tx, invite.id, MARIE)
        await guests.revoke_of_invite(tx, invite.id)
        await sessions.end_of_invite(tx, invite.id)
        assert await sessions.find(tx, "g", NOW) is None
        assert await sessions.find(tx, "s", NOW) is not None
        assert [ending.user_id for ending in await guests.to_end(tx)] == [guest]
    with pytest.raises(Refused):
        await reserve(database, "@guest-2:home", invite)
    assert await actions(database, "i") == ["invite_revoked"]


async def test_no_secret_is_stored(database: Database):
    meeting = await make_meeting(database)
    await make_invite(database)
    async with database.transaction() as tx:
        await sessions.create(tx, "bearer-secret", user_id=MARIE, door="staff", meeting_id=None, expires_at=NOW)
        await sessions.put_code(tx, "code-secret", SignedIn("marie", "Marie"), NOW)
        tables = [row["t"] for row in await tx.rows("SELECT tablename AS t FROM pg_tables WHERE schemaname = 'public'")]
        everything = "".join([str(await tx.rows(f"SELECT * FROM {table}")) for table in tables])
    assert meeting.room_id in everything
    assert not any(secret in everything for secret in ("bearer-secret", "code-secret", "a" * 43))


async def test_a_session_ends_on_time_and_with_its_user(database: Database):
    async with database.transaction() as tx:
        await sessions.create(tx, "t", user_id=MARIE, door="staff", meeting_id=None, expires_at=NOW)
        assert await sessions.find(tx, "t", NOW) is None
        found = await sessions.find(tx, "t", NOW - timedelta(seconds=1))
        assert found is not None
        assert (found.user_id, found.door, found.meeting_id) == (MARIE, "staff", None)
        await sessions.end_of_user(tx, MARIE)
        assert await sessions.find(tx, "t", NOW - timedelta(seconds=1)) is None


async def test_a_sign_in_code_works_once_and_for_its_minute(database: Database):
    who = SignedIn("marie", "Marie Curie")
    async with database.transaction() as tx:
        await sessions.put_code(tx, "one", who, NOW)
        await sessions.put_code(tx, "two", who, NOW)
        assert await sessions.take_code(tx, "one", NOW) is None
        assert await sessions.take_code(tx, "one", NOW - timedelta(seconds=1)) == who
        assert await sessions.take_code(tx, "one", NOW - timedelta(seconds=1)) is None
        await sessions.purge(tx, NOW)
        assert await tx.value("SELECT count(*) FROM login_codes") == 0


async def test_two_people_of_one_name_never_share_an_account(database: Database):
    async with database.transaction() as tx:
        assert await sessions.bind_identity(tx, issuer="i", subject="1", wanted="marie") == "marie"
        assert await sessions.bind_identity(tx, issuer="i", subject="2", wanted="marie") is None
        assert await sessions.bind_identity(tx, issuer="other", subject="1", wanted="marie") is None
        assert await sessions.bind_identity(tx, issuer="i", subject="1", wanted="renamed") == "marie"


async def test_whoever_leaves_a_room_is_removed_from_its_call_alone(database: Database):
    there, elsewhere = CallGrant("lk-a", "@u:home:8431:DEV"), CallGrant("lk-b", "@u:home:8431:DEV")
    near = CallGrant("lk-a", "@u:home:DEV")
    user, other = UserId("@u:home:8431"), UserId("@u:home")
    async with database.transaction() as tx:
        await calls.grant(tx, there, room_id=RoomId("!a"), user_id=user, device_id="D")
        await calls.grant(tx, there, room_id=RoomId("!a"), user_id=user, device_id="D")
        await calls.grant(tx, elsewhere, room_id=RoomId("!b"), user_id=user, device_id="D")
        await calls.grant(tx, near, room_id=RoomId("!a"), user_id=other, device_id="D")
        assert await calls.revoke(tx, user, RoomId("!a")) == 1
        assert await calls.revoked(tx) == [there]
        await calls.removed(tx, there, NOW)
        assert await calls.revoked(tx) == []
        assert await calls.revoke(tx, user) == 1
        assert await calls.revoked(tx) == [elsewhere]
    assert await actions(database, "!a") == ["call_admitted", "call_admitted", "call_removed"]


async def test_whoever_was_let_in_again_meanwhile_stays(database: Database):
    what, user = CallGrant("lk", "@u:home:D"), UserId("@u:home")
    async with database.transaction() as tx:
        await calls.grant(tx, what, room_id=RoomId("!a"), user_id=user, device_id="D")
        await calls.revoke(tx, user)
        await calls.grant(tx, what, room_id=RoomId("!a"), user_id=user, device_id="D")
        await calls.removed(tx, what, NOW)
        assert await tx.value("SELECT count(*) FROM call_grants") == 1


async def test_who_was_let_in_long_ago_is_forgotten(database: Database):
    async with database.transaction() as tx:
        await calls.grant(
            tx, CallGrant("lk", "@u:home:D"), room_id=RoomId("!a"), user_id=UserId("@u:home"), device_id="D"
        )
        await calls.purge(tx, datetime.now(UTC) + calls.KEEP - timedelta(hours=1))
        assert await tx.value("SELECT count(*) FROM call_grants") == 1
        await calls.purge(tx, datetime.now(UTC) + calls.KEEP + timedelta(hours=1))
        assert await tx.value("SELECT count(*) FROM call_grants") == 0


async def test_a_transaction_is_stored_once_and_handled_once(database: Database):
    async with database.transaction() as tx:
        assert await transactions.put(tx, "t1", b"one")
        assert await transactions.put(tx, "t2", b"two")
        assert not await transactions.put(tx, "t1", b"changed")
    seen = []
    while True:
        async with database.transaction() as tx:
            waiting = await transactions.next_waiting(tx)
            if waiting is None:
                break
            seen.append((waiting.txn_id, waiting.body))
            await transactions.done(tx, waiting.txn_id)
    assert seen == [("t1", b"one"), ("t2", b"two")]
    async with database.transaction() as tx:
        assert not await transactions.put(tx, "t1", b"again")
        assert await transactions.next_waiting(tx) is None
        assert await tx.value("SELECT count(*) FROM transactions WHERE body IS NOT NULL") == 0
        await transactions.purge(tx, datetime.now(UTC) + timedelta(days=31))
        assert await tx.value("SELECT count(*) FROM transactions") == 0


async def test_two_workers_never_hold_the_same_transaction(database: Database):
    async with database.transaction() as tx:
        await transactions.put(tx, "t1", b"one")
    async with database.transaction() as first, database.transaction() as second:
        assert await transactions.next_waiting(first) is not None
        assert await transactions.next_waiting(second) is None


def segment(number: int = 1, *, rev: int = 1, text: str = "hello", room: str = "!a") -> Segment:
    return Segment(
        f"s{number:03}", room, "", "@u:s", "U", "TR", number, number + 1, text, 0, "en", final=False, rev=rev
    )


async def test_a_higher_revision_replaces_and_nothing_else_does(database: Database):
    async with database.transaction() as tx:
        assert await segments.put(tx, segment())
        assert not await segments.put(tx, segment(text="same rev"))
        assert await segments.put(tx, segment(rev=3, text="newer"))
        assert not await segments.put(tx, segment(rev=2, text="late"))
        assert not await segments.put(tx, segment(rev=9, room="!b", text="other room"))
        assert await segments.latest(tx, "!a") == [segment(rev=3, text="newer")]
        assert await segments.latest(tx, "!b") == []


async def test_a_voice_at_a_shared_microphone_is_kept(database: Database):
    heard = replace(segment(), voice="voice-1")
    async with database.transaction() as tx:
        await segments.put(tx, heard)
        assert await segments.latest(tx, "!a") == [heard]


async def test_what_a_bot_that_died_left_unfinished_counts_after_a_while(database: Database):
    async with database.transaction() as tx:
        await segments.put(tx, segment())
        call = segment().call_id
        assert await segments.of_call(tx, "!a", call) == []
        await tx.execute("UPDATE segments SET updated_at = now() - interval '31 seconds'")
        assert await segments.of_call(tx, "!a", call) == [segment()]


async def test_the_last_segments_come_oldest_first(database: Database):
    async with database.transaction() as tx:
        for number in range(REPLAY + 10):
            await segments.put(tx, segment(number))
        latest = await segments.latest(tx, "!a")
    assert [found.start_ms for found in latest] == list(range(10, REPLAY + 10))
