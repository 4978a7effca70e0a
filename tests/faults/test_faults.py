# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The conformance suite finds planted faults."""

import pytest

from tests.faults.catalogue import FAULTS


@pytest.mark.parametrize("name", FAULTS)
async def test_a_planted_fault_turns_its_cell_red(name, findings):
    found = await findings[name]
    assert found, f"{FAULTS[name].cell} passes with {FAULTS[name].client} although {name}"
    print(f"{name} → {found}")


def test_there_are_twenty_faults_and_more():
    assert len(FAULTS) >= 20
