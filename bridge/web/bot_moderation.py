# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the meetings' bot answers to commands about people: mute, forbid, promote, remove, bar, and raised hands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bridge.domain.bot_commands import read_promotion, read_rule, read_switch
from bridge.domain.names import UserId
from bridge.domain.powers import Role
from bridge.locales import Catalogue
from bridge.web import moderating, raising
from bridge.web.bot_asked import Asked
from bridge.web.context import Services

MAX_LISTED = 20
"""Hands in one answer. Stops: answers that fill a screen."""


class Moderator:
    """Does what hosts ask about people, and says so in one language."""

    def __init__(self, services: Services, words: Catalogue) -> None:
        self._services = services
        self._words = words
        self.does: dict[str, Callable[[Asked], Awaitable[str]]] = {
            "mute": self._mute,
            "forbid": self._forbid,
            "allow": self._allow,
            "audience": self._audience,
            "promote": self._promote,
            "demote": self._demote,
            "remove": self._remove,
            "bar": self._bar,
            "unbar": self._unbar,
            "hand": self._hand,
            "hands": self._hands,
            "next": self._next,
        }

    def _say(self, key: str, **values: str) -> str:
        return self._words.bot[key].format(**values)

    async def _whom(self, asked: Asked, words: str | None = None) -> UserId:
        return await moderating.whom(self._services, asked.about, " ".join(asked.words) if words is None else words)

    async def _name(self, asked: Asked, person: UserId) -> str:
        return await self._services.rooms.display_name(asked.about.room_id, person)

    async def _mute(self, asked: Asked) -> str:
        if [word.lower() for word in asked.words] == ["all"]:
            count = await moderating.mute_all(self._services, asked.about, asked.sender)
            return self._say("muted_all", count=str(count))
        person = await self._whom(asked)
        muted = await moderating.mute(self._services, asked.about, asked.sender, person)
        return self._say("muted" if muted else "was_silent", name=await self._name(asked, person))

    async def _forbid(self, asked: Asked) -> str:
        source, group = read_rule(asked.words)
        await moderating.forbid(self._services, asked.about, asked.sender, source, group)
        text = self._words.bot
        return self._say("forbidden", what=text[f"source_{source}"], whom=text[f"group_{group}"])

    async def _allow(self, asked: Asked) -> str:
        source, _ = read_rule(asked.words[:1])
        await moderating.forbid(self._services, asked.about, asked.sender, source, None)
        return self._say("allowed", what=self._words.bot[f"source_{source}"])

    async def _audience(self, asked: Asked) -> str:
        on = read_switch(asked.words)
        await moderating.set_audience(self._services, asked.about, asked.sender, on=on)
        return self._say("audience_on" if on else "audience_off", command="!meet promote")

    async def _promote(self, asked: Asked) -> str:
        words, role = read_promotion(asked.words)
        person = await self._whom(asked, words)
        if role is None:
            role = await moderating.promote(self._services, asked.about, asked.sender, person)
        else:
            await moderating.set_role(self._services, asked.about, asked.sender, person, role)
        return self._say(f"is_{role}", name=await self._name(asked, person))

    async def _demote(self, asked: Asked) -> str:
        person = await self._whom(asked)
        await moderating.set_role(self._services, asked.about, asked.sender, person, Role.MEMBER)
        return self._say("is_member", name=await self._name(asked, person))

    async def _remove(self, asked: Asked) -> str:
        person = await self._whom(asked)
        name = await self._name(asked, person)
        await moderating.remove(self._services, asked.about, asked.sender, person)
        return self._say("removed", name=name, command="!meet bar")

    async def _bar(self, asked: Asked) -> str:
        person = await self._whom(asked)
        name = await self._name(asked, person)
        shut = await moderating.bar(self._services, asked.about, asked.sender, person)
        first = self._say("barred", name=name, command=f"!meet unbar {person}")
        return f"{first} {self._say('link_shut', command='!meet invite')}" if shut else first

    async def _unbar(self, asked: Asked) -> str:
        person = UserId(" ".join(asked.words))
        await moderating.unbar(self._services, asked.about, asked.sender, person)
        return self._say("unbarred", name=person)

    async def _hand(self, asked: Asked) -> str:
        if [word.lower() for word in asked.words] == ["down"]:
            await raising.down(self._services, asked.about, asked.sender)
            return self._words.bot["hand_down"]
        return self._say("hand_up", place=str(await raising.up(self._services, asked.about, asked.sender)))

    async def _hands(self, asked: Asked) -> str:
        up = await raising.queue(self._services, asked.about)
        lines = [f"{place}. {hand.display_name}" for place, hand in enumerate(up[:MAX_LISTED], 1)]
        more = [f"… +{len(up) - MAX_LISTED}"] if len(up) > MAX_LISTED else []
        return "\n".join((*lines, *more)) or self._words.bot["no_hands"]

    async def _next(self, asked: Asked) -> str:
        first = await raising.take_next(self._services, asked.about, asked.sender)
        if first is None:
            return self._words.bot["no_hands"]
        left = len(await raising.queue(self._services, asked.about))
        return self._say("has_the_floor", name=first.display_name, count=str(left))
