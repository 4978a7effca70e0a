# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Moderation over HTTP: who is in the call, what is forbidden, who may not come back, whose hand is up."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bridge.domain.meetings import Meeting
from bridge.domain.names import UserId
from bridge.domain.powers import LEVELS, Group, Powers, Role, Source
from bridge.store.bars import Bar
from bridge.store.sessions import Bearer
from bridge.web import moderating, raising
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import HANDS
from bridge.web.meetings import enter, require_host


class NewRules(Body):
    """What is to be forbidden to whom, null to nobody; and whether members only listen. What is left out stays."""

    microphone: Group | None = None
    camera: Group | None = None
    screen: Group | None = None
    audience: bool = False


class NewRole(Body):
    """What somebody is to be: a member, a speaker or a host."""

    role: Role


def add_routes(app: web.Application) -> None:
    """Add what hosts do to people, and raised hands."""
    one = "/api/v1/meetings/{meeting_id}"
    app.router.add_get(f"{one}/people", _people)
    app.router.add_post(f"{one}/people/mute", _mute_all)
    app.router.add_post(f"{one}/people/{{user_id}}/mute", _mute)
    app.router.add_put(f"{one}/people/{{user_id}}/role", _set_role)
    app.router.add_delete(f"{one}/people/{{user_id}}", _remove)
    app.router.add_get(f"{one}/rules", _rules)
    app.router.add_patch(f"{one}/rules", _set_rules)
    app.router.add_get(f"{one}/barred", _barred)
    app.router.add_put(f"{one}/barred/{{user_id}}", _bar)
    app.router.add_delete(f"{one}/barred/{{user_id}}", _unbar)
    app.router.add_get(f"{one}/hands", _hands)
    app.router.add_put(f"{one}/hand", _raise)
    app.router.add_delete(f"{one}/hand", _lower_own)
    app.router.add_post(f"{one}/hands/next", _next)
    app.router.add_delete(f"{one}/hands/{{user_id}}", _lower)


async def _people(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    _, meeting = await require_host(request)
    there = await moderating.people(services, meeting)
    return _answer({"people": [_person(person) for person in there]})


async def section(services: Services, meeting: Meeting) -> dict[str, Any]:
    """Return what the host page shows of people: the call, hands, rules, and who may not come back."""
    powers = await moderating.rules(services, meeting)
    return {
        "people": [_person(person) for person in await moderating.people(services, meeting)],
        "hands": [hand_json(hand) for hand in await raising.queue(services, meeting)],
        "rules": rules_json(powers),
        "barred": [bar_json(bar) for bar in await moderating.barred(services, meeting)],
        "organisers": [user for user, level in powers.users.items() if level >= LEVELS[Role.ORGANISER]],
    }


def _person(person: moderating.Person) -> dict[str, Any]:
    return {
        "user_id": person.user_id,
        "display_name": person.display_name,
        "role": person.role.value,
        "guest": person.guest,
        "sends": {source.value: "muted" if muted else "on" for source, muted in sorted(person.sends.items())},
        "may_send": sorted(person.may),
    }


async def _mute_all(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    return _answer({"muted": await moderating.mute_all(request.app[SERVICES], meeting, who.user_id)})


async def _mute(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    muted = await moderating.mute(request.app[SERVICES], meeting, who.user_id, _person_named(request))
    return _answer({"muted": int(muted)})


async def _set_role(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    body = await read(request, NewRole)
    await moderating.set_role(request.app[SERVICES], meeting, who.user_id, _person_named(request), body.role)
    return _answer({})


async def _remove(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    await moderating.remove(request.app[SERVICES], meeting, who.user_id, _person_named(request))
    return _answer({})


async def _rules(request: web.Request) -> web.Response:
    _, meeting = await enter(request)
    return await _rules_of(request, meeting)


async def _set_rules(request: web.Request) -> web.Response:
    """Change the rules that the body names."""
    services = request.app[SERVICES]
    who, meeting = await require_host(request)
    body = await read(request, NewRules)
    given = body.model_fields_set
    for source, group in ((source, getattr(body, source)) for source in Source if source in given):
        await moderating.forbid(services, meeting, who.user_id, source, group)
    if "audience" in given:
        await moderating.set_audience(services, meeting, who.user_id, on=body.audience)
    return await _rules_of(request, meeting)


async def _rules_of(request: web.Request, meeting: Meeting) -> web.Response:
    return _answer(rules_json(await moderating.rules(request.app[SERVICES], meeting)))


def rules_json(powers: Powers) -> dict[str, Any]:
    """Return what is forbidden to whom, and whether members only listen."""
    return {source.value: powers.forbidden_to(source) for source in Source} | {"audience": powers.audience}


async def _barred(request: web.Request) -> web.Response:
    _, meeting = await require_host(request)
    found = await moderating.barred(request.app[SERVICES], meeting)
    return _answer({"barred": [bar_json(bar) for bar in found]})


def bar_json(bar: Bar) -> dict[str, Any]:
    """Return somebody who may not come back."""
    return {
        "user_id": bar.user_id,
        "display_name": bar.display_name,
        "barred_by": bar.barred_by,
        "barred_at": bar.barred_at.isoformat(timespec="seconds"),
        "link_shut": bar.link,
    }


async def _bar(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    await moderating.bar(request.app[SERVICES], meeting, who.user_id, _person_named(request))
    return _answer({})


async def _unbar(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    await moderating.unbar(request.app[SERVICES], meeting, who.user_id, _person_named(request))
    return _answer({})


async def _hands(request: web.Request) -> web.Response:
    _, meeting = await enter(request)
    return await _queue(request, meeting)


async def _raise(request: web.Request) -> web.Response:
    who, meeting = await _with_hand(request)
    await raising.up(request.app[SERVICES], meeting, who.user_id)
    return await _queue(request, meeting)


async def _lower_own(request: web.Request) -> web.Response:
    who, meeting = await _with_hand(request)
    await raising.down(request.app[SERVICES], meeting, who.user_id)
    return await _queue(request, meeting)


async def _with_hand(request: web.Request) -> tuple[Bearer, Meeting]:
    who, meeting = await enter(request)
    request.app[SERVICES].limits.take(HANDS, who.user_id)
    return who, meeting


async def _lower(request: web.Request) -> web.Response:
    who, meeting = await require_host(request)
    await raising.lower(request.app[SERVICES], meeting, who.user_id, _person_named(request))
    return await _queue(request, meeting)


async def _next(request: web.Request) -> web.Response:
    """Let the first in the queue speak; `next` is null when no hand is up."""
    who, meeting = await require_host(request)
    first = await raising.take_next(request.app[SERVICES], meeting, who.user_id)
    return _answer({"next": None if first is None else hand_json(first)})


async def _queue(request: web.Request, meeting: Meeting) -> web.Response:
    up = await raising.queue(request.app[SERVICES], meeting)
    return _answer({"hands": [hand_json(hand) for hand in up]})


def hand_json(hand: raising.InQueue) -> dict[str, Any]:
    """Return a raised hand."""
    return {
        "user_id": hand.user_id,
        "display_name": hand.display_name,
        "raised_at": hand.raised_at.isoformat(timespec="seconds"),
    }


def _person_named(request: web.Request) -> UserId:
    return UserId(request.match_info["user_id"])


def _answer(content: dict[str, Any]) -> web.Response:
    return web.json_response(content, headers={"Cache-Control": "no-store"})
