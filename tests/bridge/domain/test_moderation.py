# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from bridge.domain.errors import Refused
from bridge.domain.moderation import MAX_HOSTS, RULES, Act, named, promoted, require, require_role
from bridge.domain.powers import LEVELS, MAX_SPEAKERS, Group, Powers, Role, Source, with_audience, with_source

WHO = {"organiser": 100, "second organiser": 100, "host": 50, "other host": 50, "speaker": 10}
POWERS = Powers.of({"users": WHO})
PEOPLE = ["organiser", "host", "speaker", "member"]


def refusal(ask, *arguments, **more) -> tuple[int, str] | None:
    try:
        ask(*arguments, **more)
    except Refused as refused:
        return refused.status, refused.errcode
    return None


@pytest.mark.parametrize("act", Act)
def test_every_act_is_a_hosts(act: Act):
    assert [refusal(require, act, POWERS, who) is None for who in PEOPLE] == [True, True, False, False]


@pytest.mark.parametrize("act", [act for act, rule in RULES.items() if rule.outranks])
@pytest.mark.parametrize(
    ("actor", "person", "may"),
    [
        ("organiser", "host", True),
        ("organiser", "second organiser", False),
        ("organiser", "organiser", False),
        ("host", "member", True),
        ("host", "speaker", True),
        ("host", "other host", False),
        ("host", "organiser", False),
        ("speaker", "member", False),
    ],
)
def test_nobody_is_taken_out_by_who_does_not_stand_above_them(act: Act, actor: str, person: str, may: bool):
    assert (refusal(require, act, POWERS, actor, person) is None) == may


def test_hosts_may_mute_one_another():
    assert refusal(require, Act.MUTE, POWERS, "host", "organiser") is None


@pytest.mark.parametrize(
    ("actor", "person", "role", "outcome"),
    [
        ("host", "member", Role.SPEAKER, True),
        ("host", "speaker", Role.MEMBER, True),
        ("host", "speaker", Role.SPEAKER, False),
        ("host", "member", Role.HOST, (403, "M_FORBIDDEN")),
        ("host", "other host", Role.MEMBER, (403, "M_FORBIDDEN")),
        ("host", "other host", Role.SPEAKER, (403, "M_FORBIDDEN")),
        ("organiser", "member", Role.HOST, True),
        ("organiser", "speaker", Role.HOST, True),
        ("organiser", "host", Role.SPEAKER, True),
        ("organiser", "host", Role.MEMBER, True),
        ("organiser", "member", Role.ORGANISER, (403, "M_FORBIDDEN")),
        ("organiser", "second organiser", Role.MEMBER, (403, "M_FORBIDDEN")),
        ("organiser", "organiser", Role.MEMBER, (403, "M_FORBIDDEN")),
        ("speaker", "member", Role.SPEAKER, (403, "M_FORBIDDEN")),
        ("member", "member", Role.SPEAKER, (403, "M_FORBIDDEN")),
    ],
)
def test_hosts_let_speak_and_the_organiser_names_hosts(actor: str, person: str, role: Role, outcome: object):
    try:
        result: object = require_role(POWERS, actor, person, role, guest=False)
    except Refused as refused:
        result = (refused.status, refused.errcode)
    assert result == outcome


def test_a_guest_may_speak_but_never_host():
    assert require_role(POWERS, "organiser", "guest", Role.SPEAKER, guest=True)
    assert refusal(require_role, POWERS, "organiser", "guest", Role.HOST, guest=True) == (403, "M_FORBIDDEN")


@pytest.mark.parametrize(
    ("role", "limit", "errcode"),
    [
        (Role.HOST, MAX_HOSTS, "PASSERELLE_TOO_MANY_HOSTS"),
        (Role.SPEAKER, MAX_SPEAKERS, "PASSERELLE_TOO_MANY_SPEAKERS"),
    ],
)
def test_hosts_and_speakers_are_limited(role: Role, limit: int, errcode: str):
    crowd = {f"@{number}:x": LEVELS[role] for number in range(limit - (role is Role.HOST))}
    powers = Powers.of({"users": {"organiser": 100} | crowd})
    assert refusal(require_role, powers, "organiser", "one more", role, guest=False) == (409, errcode)


def test_promotion_is_one_step_where_there_is_one():
    free = {"users": WHO}
    for content in (with_audience(free, on=True), with_source(free, Source.CAMERA, Group.GUESTS)):
        powers = Powers.of(content)
        assert promoted(powers, "member") is Role.SPEAKER
        assert promoted(powers, "speaker") is Role.HOST
    assert promoted(POWERS, "member") is Role.HOST


NAMES = {
    "@marie:home.example": "Marie Curie",
    "@guest-1:home.example": "Gina (Guest)",
    "@guest-2:home.example": "Gina (Guest, Lyon)",
    "@pavel:partner.example": "Pavel",
    "@other:partner.example": "Pavel Novák",
}


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        ("@anybody:server.example", "@anybody:server.example"),
        ("Marie Curie", "@marie:home.example"),
        ("marie", "@marie:home.example"),
        ("Marie Curie:", "@marie:home.example"),
        ("Pavel", "@pavel:partner.example"),
        ("Gina (Guest)", "@guest-1:home.example"),
        ("Gina", "PASSERELLE_SEVERAL"),
        ("Zoé", "PASSERELLE_NOBODY"),
        ("", "PASSERELLE_NOBODY"),
        ("@", "PASSERELLE_NOBODY"),
    ],
)
def test_people_are_found_by_what_they_are_called(words: str, outcome: str):
    found = refusal(named, words, NAMES)
    assert (named(words, NAMES) if found is None else found[1]) == outcome
