# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from bridge.domain.errors import Refused
from bridge.domain.revocation import (
    ENDS,
    IN_TRANSACTION,
    MAY,
    PAUSES_S,
    Ending,
    Kind,
    Role,
    names_of,
    pause_s,
    require_may,
    require_subject,
    server_acl,
    shuts_out,
)

HOME = "home.example"
ID = "h9Vt3kQ2x_Zb"


def test_every_kind_says_what_ends_and_who_may():
    assert set(ENDS) == set(MAY) == set(Kind)
    for kind, ends in ENDS.items():
        assert Ending.CALLS in ends, f"{kind}: whoever is out of one thing is out of the call"
        assert ends & IN_TRANSACTION, f"{kind}: a door closes at once"
        assert ends - IN_TRANSACTION <= {Ending.CALLS, Ending.MATRIX, Ending.ROOMS}
        assert Role.OPERATOR in MAY[kind]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_what_the_table_says(kind: Kind, role: Role):
    if role in MAY[kind]:
        require_may(kind, frozenset((role,)))
    else:
        with pytest.raises(Refused):
            require_may(kind, frozenset((role,)))
    with pytest.raises(Refused):
        require_may(kind, frozenset())


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (Kind.LINK, ID),
        (Kind.CONTRACTOR, ID),
        (Kind.DEVICE, "0123456789abcdef"),
        (Kind.GUEST, f"@guest-1:{HOME}"),
        (Kind.EVERYWHERE, f"@marie:{HOME}"),
        (Kind.PERSON, f"@marie:{HOME}"),
        (Kind.PERSON, "@pavel:partner.example:8448"),
        (Kind.SERVER, "partner.example:8448"),
        (Kind.PARTNERS, f"{ID}/partner.example:8448"),
    ],
)
def test_a_thing_is_named_as_its_kind_is(kind: Kind, subject: str):
    require_subject(kind, subject, HOME)


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (Kind.LINK, "x"),
        (Kind.CONTRACTOR, "@marie:home.example"),
        (Kind.GUEST, "guest-1"),
        (Kind.GUEST, "@pavel:partner.example"),
        (Kind.EVERYWHERE, "@pavel:partner.example"),
        (Kind.PERSON, "partner.example"),
        (Kind.SERVER, "@pavel:partner.example"),
        (Kind.SERVER, "partner example"),
        (Kind.SERVER, HOME),
        (Kind.PARTNERS, "partner.example"),
        (Kind.PARTNERS, f"{ID}/{HOME}"),
        (Kind.PARTNERS, f"{ID}/"),
        (Kind.PARTNERS, "x/partner.example"),
    ],
)
def test_what_cannot_be_such_a_thing_is_refused_and_our_own_server_too(kind: Kind, subject: str):
    with pytest.raises(Refused):
        require_subject(kind, subject, HOME)


def test_what_fails_is_tried_again_soon_and_for_ever():
    pauses = [pause_s(failures) for failures in range(1, 100)]
    assert pauses[: len(PAUSES_S)] == list(PAUSES_S)
    assert set(pauses[len(PAUSES_S) :]) == {PAUSES_S[-1]}
    assert pauses == sorted(pauses)


def test_a_server_shuts_out_its_people_and_nobody_of_a_server_with_a_longer_name():
    barred = frozenset(("partner.example:8448", "@eve:other.example"))
    assert shuts_out(barred, "@pavel:partner.example:8448")
    assert shuts_out(barred, "@eve:other.example")
    assert not shuts_out(barred, "@pavel:partner.example")
    assert not shuts_out(barred, "@adam:other.example")
    assert names_of("@pavel:partner.example:8448") == ["@pavel:partner.example:8448", "partner.example:8448"]


@pytest.mark.parametrize(
    ("barred", "own", "deny"),
    [
        ({"partner.example", "@eve:other.example"}, HOME, ["partner.example"]),
        ({"partner.example:8448"}, HOME, ["partner.example", "partner.example:8448"]),
        ({"localhost:8441"}, "localhost:8431", ["localhost:8441"]),
        (set(), HOME, []),
    ],
)
def test_a_room_refuses_barred_servers_and_never_our_own(barred: set[str], own: str, deny: list[str]):
    acl = server_acl(frozenset(barred), own)
    assert acl["deny"] == deny
    assert acl["allow"] == ["*"]
