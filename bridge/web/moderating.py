# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What hosts do to the people of a meeting, and what they forbid: the bot, the API and the host page call this.

`bridge.domain.moderation` says who may. What is decided is written into the room (power levels, kicks, bans) and
nowhere else; the media server follows from there (`bridge.web.call_rights`), as it does when an app of theirs wrote it.
Muting alone goes to the media server: it is an act, no state, and people may unmute themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.domain.audit import Action, AuditRow
from bridge.domain.errors import Refused
from bridge.domain.meetings import Meeting
from bridge.domain.moderation import Act, named, promoted, require, require_role
from bridge.domain.names import UserId, localpart_of, server_of
from bridge.domain.powers import LEVELS, Group, Powers, Role, Source, with_audience, with_source
from bridge.domain.rtc_identity import livekit_room
from bridge.store import audit, bars, calls, meetings
from bridge.store.bars import MAX_BARS, Bar
from bridge.web.call_rights import sources_of
from bridge.web.context import Services
from bridge.web.sfu import SentTrack


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is in the call. `sends` holds what they send, and whether it is muted; `may` what they may send."""

    user_id: UserId
    display_name: str
    role: Role
    guest: bool
    sends: dict[Source, bool]
    may: frozenset[Source]


async def people(services: Services, meeting: Meeting) -> list[Person]:
    """Return who is in the call, the organiser first and then by role and name; the captions are no person."""
    powers, names = await services.rooms.powers(meeting.room_id), await services.rooms.names(meeting.room_id)
    found = [
        Person(
            user_id,
            names.get(user_id, user_id),
            powers.role_of(user_id),
            services.settings.homeserver.is_guest(user_id),
            {track.source: track.muted for _, track in tracks if track.source is not None},
            sources_of(services, powers, user_id),
        )
        for user_id, tracks in (await _in_call(services, meeting)).items()
        if user_id != services.settings.captions.bot_user
    ]
    return sorted(found, key=lambda person: (-LEVELS[person.role], person.display_name.casefold(), person.user_id))


async def whom(services: Services, meeting: Meeting, words: str) -> UserId:
    """Return whom somebody's words mean: a user id, or a name in the room."""
    return named(words, await services.rooms.names(meeting.room_id))


async def mute(services: Services, meeting: Meeting, actor: UserId, person: UserId) -> bool:
    """Mute somebody's microphone; False when there was none to mute. They may unmute themselves."""
    require(Act.MUTE, await services.rooms.powers(meeting.room_id), actor, person)
    return await _mute(services, meeting, actor, {person}) > 0


async def mute_all(services: Services, meeting: Meeting, actor: UserId) -> int:
    """Mute everybody who is no host; return how many microphones that silenced."""
    powers = await services.rooms.powers(meeting.room_id)
    require(Act.MUTE, powers, actor)
    spared = {actor, services.settings.captions.bot_user}
    there = [user for user in await _in_call(services, meeting) if powers.level_of(user) < LEVELS[Role.HOST]]
    return await _mute(services, meeting, actor, set(there) - spared)


async def _mute(services: Services, meeting: Meeting, actor: UserId, persons: set[UserId]) -> int:
    room, in_call = livekit_room(meeting.room_id), await _in_call(services, meeting)
    loud = [
        (user_id, identity, track)
        for user_id in persons
        for identity, track in in_call.get(user_id, [])
        if track.source is Source.MICROPHONE and not track.muted
    ]
    for _, identity, track in loud:
        await services.sfu.mute(room, identity, track.sid)
    async with services.database.transaction() as tx:
        for user_id in sorted({user_id for user_id, _, _ in loud}):
            await audit.append(tx, AuditRow(actor, Action.MUTED, meeting.id, {"user_id": user_id}))
    services.watchers.tell(meeting.id)
    return len(loud)


async def _in_call(services: Services, meeting: Meeting) -> dict[UserId, list[tuple[str, SentTrack]]]:
    """Return who is in the call with what each of their identities there sends."""
    room = livekit_room(meeting.room_id)
    there = await services.sfu.people(room)
    async with services.database.transaction() as tx:
        users = await calls.users_of(tx, room, [person.identity for person in there])
    found: dict[UserId, list[tuple[str, SentTrack]]] = {}
    for person in there:
        if person.identity in users:
            sent = [(person.identity, track) for track in person.tracks]
            found.setdefault(users[person.identity], []).extend(sent)
    return found


async def rules(services: Services, meeting: Meeting) -> Powers:
    """Return what is forbidden to whom."""
    return await services.rooms.powers(meeting.room_id)


async def forbid(services: Services, meeting: Meeting, actor: UserId, source: Source, group: Group | None) -> None:
    """Take a source from a group and from nobody else; None gives it back to all."""
    require(Act.FORBID, await services.rooms.powers(meeting.room_id), actor)
    await services.rooms.change_powers(meeting.room_id, lambda content: with_source(content, source, group))
    await _rule_changed(services, meeting, actor, source.value, "nobody" if group is None else group.value)


async def set_audience(services: Services, meeting: Meeting, actor: UserId, *, on: bool) -> None:
    """Let whoever is not promoted only listen, or speak again."""
    require(Act.AUDIENCE, await services.rooms.powers(meeting.room_id), actor)
    await services.rooms.change_powers(meeting.room_id, lambda content: with_audience(content, on=on))
    await _rule_changed(services, meeting, actor, "audience", "on" if on else "off")


async def _rule_changed(services: Services, meeting: Meeting, actor: UserId, what: str, now: str) -> None:
    async with services.database.transaction() as tx:
        await audit.append(tx, AuditRow(actor, Action.RULES_CHANGED, meeting.id, {"what": what, "now": now}))


async def promote(services: Services, meeting: Meeting, actor: UserId, person: UserId) -> Role:
    """Make somebody a speaker where members may not speak, else a host; return what they are now."""
    role = promoted(await services.rooms.powers(meeting.room_id), person)
    await set_role(services, meeting, actor, person, role)
    return role


async def set_role(services: Services, meeting: Meeting, actor: UserId, person: UserId, role: Role) -> None:
    """Make somebody a member, a speaker or a host; the organiser stays what they are."""
    if server_of(person) is None:
        raise Refused(400, "PASSERELLE_BAD_USER_ID", "This is no Matrix user id; they look like @name:server.")
    powers, homeserver = await services.rooms.powers(meeting.room_id), services.settings.homeserver
    if not require_role(powers, actor, person, role, guest=homeserver.is_guest(person)):
        return
    await services.rooms.set_level(meeting.room_id, person, LEVELS[role])
    services.watchers.tell(meeting.id)
    async with services.database.transaction() as tx:
        if Role.HOST in {role, powers.role_of(person)}:
            data: dict[str, str | int] = {"user": person, "host": int(role is Role.HOST)}
            await audit.append(tx, AuditRow(actor, Action.HOST_CHANGED, meeting.id, data))
        else:
            data = {"user": person, "role": role.value}
            await audit.append(tx, AuditRow(actor, Action.ROLE_CHANGED, meeting.id, data))
        if role is Role.HOST and localpart_of(person, homeserver.name) is not None:
            await meetings.add_staff(tx, meeting.id, person, let_in_by=actor)


async def remove(services: Services, meeting: Meeting, actor: UserId, person: UserId) -> None:
    """Take somebody out of room and call; they may come back by a link that opens."""
    require(Act.REMOVE, await services.rooms.powers(meeting.room_id), actor, person)
    if await services.rooms.membership(meeting.room_id, person) not in {"join", "invite", "knock"}:
        raise Refused(404, "PASSERELLE_NOT_THERE", f"{person} is not in this meeting.")
    await services.rooms.remove(meeting.room_id, person)
    async with services.database.transaction() as tx:
        await audit.append(tx, AuditRow(actor, Action.REMOVED, meeting.id, {"user_id": person}))


async def bar(services: Services, meeting: Meeting, actor: UserId, person: UserId) -> bool:
    """Take somebody out who may not come back, by no door; tell whether a link or pass is shut with them.

    The rest follows from the ban (`bridge.web.transactions`): the call, a guest's account, the link they came by.
    """
    require(Act.BAR, await services.rooms.powers(meeting.room_id), actor, person)
    if server_of(person) is None or person == services.settings.homeserver.bot_user:
        raise Refused(400, "PASSERELLE_BAD_USER_ID", "This is no Matrix user id; they look like @name:server.")
    async with services.database.transaction() as tx:
        if len(await bars.of_meeting(tx, meeting.id)) >= MAX_BARS:
            raise Refused(409, "PASSERELLE_TOO_MANY_BARRED", f"At most {MAX_BARS} people are barred. Lock the meeting.")
    await services.rooms.ban(meeting.room_id, person)
    return services.settings.homeserver.is_guest(person)


async def unbar(services: Services, meeting: Meeting, actor: UserId, person: UserId) -> None:
    """Let somebody come again, and the link open that was shut with them."""
    require(Act.UNBAR, await services.rooms.powers(meeting.room_id), actor, person)
    if await services.rooms.membership(meeting.room_id, person) != "ban":
        raise Refused(404, "PASSERELLE_NOT_BARRED", f"{person} is not barred from this meeting.")
    await services.rooms.unban(meeting.room_id, person)


async def barred(services: Services, meeting: Meeting) -> list[Bar]:
    """Return who may not come back, the last one first."""
    async with services.database.transaction() as tx:
        return await bars.of_meeting(tx, meeting.id)
