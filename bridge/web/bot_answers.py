# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the meetings' bot does for each command, and what it answers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime

from bridge.domain.bot_commands import COMMANDS, read_date, read_schedule
from bridge.domain.errors import Refused
from bridge.domain.invites import DEFAULT_TTL_S, DEFAULT_USES
from bridge.domain.languages import LANGUAGES
from bridge.domain.lifecycle import LifeEvent, MeetingState
from bridge.domain.lobby import PlaceEvent
from bridge.domain.lobby_answers import named, read_policy
from bridge.domain.meetings import Meeting, matrix_to
from bridge.domain.names import OUR_ID_BYTES, MeetingId, UserId
from bridge.domain.planning import Times
from bridge.domain.recurrence import occurrences, zone_of
from bridge.locales import Catalogue
from bridge.store import errands, lobby, meetings
from bridge.web import admission, bot_revoking, life, lobby_card, organizing, waiting
from bridge.web.bot_asked import Asked
from bridge.web.bot_moderation import Moderator
from bridge.web.context import Services
from bridge.web.limits import NEW_INVITES, NEW_MEETINGS

MAX_LISTED = 10
"""Meetings in one answer. Stops: answers that fill a screen."""


class Answerer:
    """Does what is asked and says so in one language."""

    def __init__(self, services: Services, words: Catalogue) -> None:
        self._services = services
        self._words = words
        self._does: dict[str, Callable[[Asked], Awaitable[str]]] = {
            "help": self._help,
            "start": self._start,
            "schedule": self._schedule,
            "list": self._list,
            "status": self._status,
            "invite": self._invite,
            "open": self._open,
            "lock": self._lock,
            "unlock": self._unlock,
            "lobby": self._lobby,
            "waiting": self._waiting,
            "admit": self._admit,
            "refuse": self._refuse,
            "end": self._end,
            "cancel": self._cancel,
            "revoke": self._revoke,
            "lang": self._lang,
            **Moderator(services, words).does,
        }

    async def answer(self, asked: Asked) -> str:
        """Do what is asked; return what to say about it. What cannot be done is `Refused`."""
        return await self._does[asked.command](asked)

    def help(self, heading: str) -> str:
        """Return the list of commands, as the table has them."""
        text = self._words.bot
        lines = [
            f"!meet {command.name} {command.arguments}".rstrip() + f" – {text[f'help_{command.name}']}"
            for command in COMMANDS.values()
        ]
        example = f"!meet status {self._services.settings.http.public_url}/m/…"
        return "\n".join((text[heading], *lines, text["help_elsewhere"].format(example=example)))

    def _say(self, key: str, **values: str) -> str:
        return self._words.bot[key].format(**values)

    async def _help(self, asked: Asked) -> str:
        del asked
        return self.help("help")

    async def _start(self, asked: Asked) -> str:
        title = " ".join(asked.words) or self._words.bot["default_title"]
        meeting = await self._make(asked, title, None)
        return "\n".join((self._say("made", title=meeting.title), *await self._links(meeting, asked.sender)))

    async def _schedule(self, asked: Asked) -> str:
        times, title = read_schedule(asked.words, self._services.settings.meetings.time_zone)
        zone_of(times.zone)
        meeting = await self._make(asked, title or self._words.bot["default_title"], times)
        values = {"title": meeting.title, "when": self._when(meeting)}
        rule = None if meeting.schedule is None else meeting.schedule.rrule
        first = self._say("planned", **values) if rule is None else self._say("series", rule=rule, **values)
        return f"{first}\n" + self._say("page", url=self._page(meeting))

    async def _make(self, asked: Asked, title: str, times: Times | None) -> Meeting:
        """Make the meeting of this message: told twice, it is there once."""
        meeting_id = _meeting_id_of(asked.event_id)
        known = await admission.meeting_by_id(self._services, meeting_id)
        if known is not None:
            return known
        self._services.limits.take(NEW_MEETINGS, asked.sender)
        return await organizing.create(
            self._services,
            raw_title=title,
            organizer=asked.sender,
            actor=asked.sender,
            times=times,
            meeting_id=meeting_id,
        )

    async def _links(self, meeting: Meeting, actor: UserId) -> list[str]:
        settings = self._services.settings
        invite = await admission.create_invite(
            self._services, meeting, uses=DEFAULT_USES, ttl_s=DEFAULT_TTL_S, actor=actor
        )
        ends = datetime.fromisoformat(invite["expires_at"])
        until = self._moment(ends.astimezone(zone_of(settings.meetings.time_zone)), settings.meetings.time_zone)
        return [
            self._say("page", url=self._page(meeting)),
            self._say("link", url=invite["url"]),
            self._say("room", url=matrix_to(meeting.room_id, settings.homeserver.name)),
            self._say("until", when=until, uses=str(invite["uses"]), command="!meet invite"),
        ]

    async def _list(self, asked: Asked) -> str:
        async with self._services.database.transaction() as tx:
            found = await meetings.of_staff(tx, asked.sender)
        coming = [meeting for meeting in found if meeting.life.state is not MeetingState.ENDED]
        if not coming:
            return self._say("list_empty", command="!meet start")
        coming.sort(
            key=lambda meeting: (meeting.life.starts_at is not None, meeting.life.starts_at or meeting.life.since)
        )
        lines = [f"{self._status_line(meeting)} {self._page(meeting)}" for meeting in coming[:MAX_LISTED]]
        more = len(coming) - MAX_LISTED
        url = self._services.settings.http.public_url
        end = [self._words.count("bot.list_more", more, url=url)] if more > 0 else []
        return "\n".join((self._words.bot["list"], *lines, *end))

    async def _status(self, asked: Asked) -> str:
        meeting = asked.about
        hosts = await organizing.hosts(self._services, meeting)
        lines = [self._status_line(meeting), self._say("status_hosts", hosts=", ".join(hosts))]
        if meeting.locked:
            lines.append(self._words.bot["status_locked"])
        return "\n".join((*lines, self._say("page", url=self._page(meeting))))

    async def _invite(self, asked: Asked) -> str:
        if asked.words:
            await admission.invite_partner(self._services, asked.about, asked.words[0], asked.sender)
            return self._say("invited", user=asked.words[0])
        self._services.limits.take(NEW_INVITES, asked.sender)
        return "\n".join((await self._links(asked.about, asked.sender))[1:])

    async def _open(self, asked: Asked) -> str:
        meeting = await life.happen(self._services, asked.about, LifeEvent.OPENED, asked.sender)
        return self._say("opened", title=meeting.title)

    async def _lock(self, asked: Asked) -> str:
        meeting = await organizing.set_locked(self._services, asked.about, asked.sender, locked=True)
        return self._say("locked", title=meeting.title)

    async def _unlock(self, asked: Asked) -> str:
        meeting = await organizing.set_locked(self._services, asked.about, asked.sender, locked=False)
        return self._say("unlocked", title=meeting.title)

    async def _lobby(self, asked: Asked) -> str:
        if not asked.words:
            return self._say(f"lobby_{asked.about.lobby.value}", title=asked.about.title)
        policy = read_policy(asked.words)
        meeting = await organizing.set_lobby(self._services, asked.about, asked.sender, policy)
        return self._say(f"lobby_{policy.value}", title=meeting.title)

    async def _waiting(self, asked: Asked) -> str:
        async with self._services.database.transaction() as tx:
            there = await lobby.waiting(tx, asked.about.id)
        if not there:
            return self._words.bot["waiting_none"]
        lines = [lobby_card.line(self._words, place) for place in there[: lobby_card.MAX_NAMED]]
        return "\n".join((self._words.count("bot.waiting", len(there)), *lines))

    async def _admit(self, asked: Asked) -> str:
        return self._say("waiting_let_in", names=await self._decide(asked, PlaceEvent.ADMITTED))

    async def _refuse(self, asked: Asked) -> str:
        return self._say("waiting_refused", names=await self._decide(asked, PlaceEvent.REFUSED))

    async def _decide(self, asked: Asked, event: PlaceEvent) -> str:
        async with self._services.database.transaction() as tx:
            which = named(await lobby.waiting(tx, asked.about.id), asked.words)
        done = await waiting.decide(self._services, asked.about, asked.sender, event, which)
        return ", ".join(place.name for place in done)

    async def _end(self, asked: Asked) -> str:
        meeting = await organizing.end(self._services, asked.about, asked.sender)
        if meeting.life.state is MeetingState.ENDED:
            return self._say("ended", title=meeting.title)
        return self._say("next", title=meeting.title, when=self._when(meeting))

    async def _cancel(self, asked: Asked) -> str:
        meeting, day = asked.about, read_date(asked.words)
        if day is None:
            return self._say("cancelled", title=(await organizing.cancel(self._services, meeting, asked.sender)).title)
        dates = [] if meeting.schedule is None else occurrences(meeting.schedule, self._services.now())
        found = [one.recurrence_id for one in dates if one.recurrence_id.date() == day]
        if not found:
            raise Refused(404, "M_NOT_FOUND", self._say("no_such_day", day=day.isoformat()))
        meeting = await organizing.change_date(self._services, meeting, asked.sender, found[0], None)
        if meeting.life.state is MeetingState.ENDED:
            return self._say("cancelled", title=meeting.title)
        return self._say("cancelled_day", title=meeting.title, day=day.isoformat(), when=self._when(meeting))

    async def _revoke(self, asked: Asked) -> str:
        key, what = await bot_revoking.revoke(self._services, asked.meeting, asked.sender, asked.words)
        return self._words.count(f"bot.{key}", what) if isinstance(what, int) else self._say(key, name=what)

    async def _lang(self, asked: Asked) -> str:
        language = asked.words[0].lower() if asked.words else ""
        if language not in LANGUAGES:
            raise Refused(400, "M_BAD_JSON", f"!meet lang {'|'.join(LANGUAGES)}")
        async with self._services.database.transaction() as tx:
            await errands.set_language(tx, asked.sender, language)
        return self._words.in_language(language).bot["language"]

    def _status_line(self, meeting: Meeting) -> str:
        cancelled = meeting.life.state is MeetingState.ENDED and meeting.life.cancelled
        state = self._words.bot["state_cancelled" if cancelled else f"state_{meeting.life.state.value}"]
        when = self._when(meeting)
        return self._say("status", title=meeting.title, state=f"{state}: {when}" if when else state)

    def _when(self, meeting: Meeting) -> str:
        """Return the date that runs or is next, in its own time zone; empty without one."""
        if meeting.schedule is None or meeting.life.starts_at is None:
            return ""
        zone = meeting.schedule.zone
        return self._moment(meeting.life.starts_at.astimezone(zone_of(zone)), zone)

    def _moment(self, at: datetime, zone: str) -> str:
        return f"{at:{self._words.bot['moment']}} ({zone})"

    def _page(self, meeting: Meeting) -> str:
        return f"{self._services.settings.http.public_url}/m/{meeting.id}"


def _meeting_id_of(event_id: str) -> MeetingId:
    digest = hashlib.sha256(f"meeting of {event_id}".encode()).digest()
    return MeetingId(base64.urlsafe_b64encode(digest[:OUR_ID_BYTES]).decode())
