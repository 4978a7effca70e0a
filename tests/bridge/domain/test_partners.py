# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from bridge.domain.partners import Progress, links, progress, refusal


@pytest.mark.parametrize(
    ("membership", "in_call", "wanted"),
    [
        (None, False, Progress.DECLINED),
        ("invite", True, Progress.INVITED),
        ("join", False, Progress.JOINED),
        ("join", True, Progress.IN_CALL),
        ("leave", True, Progress.DECLINED),
        ("ban", True, Progress.BARRED),
        ("knock", False, Progress.DECLINED),
    ],
)
def test_how_far_somebody_is_comes_from_the_membership_first(membership, in_call, wanted):
    assert progress(membership, in_call=in_call) is wanted


def test_every_application_is_told_the_room_and_a_server_to_ask():
    found = links("!a+b", "here:8448")
    assert found == {
        "matrix_to": "https://matrix.to/#/%21a%2Bb?via=here%3A8448",
        "matrix_uri": "matrix:roomid/a%2Bb?via=here%3A8448&action=join",
        "element_desktop": "element://vector/webapp/#/room/%21a%2Bb?via=here%3A8448",
        "element_web": "/#/room/%21a%2Bb?via=here%3A8448",
        "element_call": "/room#?roomId=%21a%2Bb&viaServers=here%3A8448&perParticipantE2EE=false",
    }


@pytest.mark.parametrize(
    ("text", "errcode"),
    [
        ("403 M_FORBIDDEN: Federation denied with partner.example.", "PASSERELLE_NOT_FEDERATED"),
        ("403 M_FORBIDDEN: Invites are not allowed here", "PASSERELLE_CANNOT_INVITE"),
    ],
)
def test_a_refusal_says_whose_it_is(text, errcode):
    refused = refusal("@pavel:partner.example", text)
    assert (refused.status, refused.errcode) == (403, errcode)
    assert "partner.example" in refused.error
