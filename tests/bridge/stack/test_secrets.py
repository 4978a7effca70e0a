# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Secrets of a stack: all different, private, kept."""

import dataclasses
import stat

import pytest

from bridge.stack.errors import StackError
from bridge.stack.secrets import Secrets, load_secrets, write_private


def values(secrets: Secrets) -> list[str]:
    flat = dataclasses.asdict(secrets)
    return [v for group in (flat.pop("home"), flat.pop("partner"), flat) for v in group.values()]


def test_every_secret_is_different_and_long_enough_for_hs256(tmp_path):
    found = values(load_secrets(tmp_path))
    assert len(found) == 21
    assert len(set(found)) == len(found)
    assert all(len(secret) >= 32 for secret in found)


def test_a_thousand_installs_share_nothing(tmp_path):
    made = []
    for number in range(1_000):
        (folder := tmp_path / str(number)).mkdir()
        made += values(load_secrets(folder))
    print(f"S9: 1,000 installs made {len(made):,} secrets, {len(set(made)):,} of them different")
    assert len(set(made)) == len(made) == 21_000


def test_they_are_the_same_the_next_time(tmp_path):
    assert load_secrets(tmp_path) == load_secrets(tmp_path)


def test_only_the_owner_can_read_them(tmp_path):
    load_secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_printing_them_shows_none(tmp_path):
    secrets = load_secrets(tmp_path)
    shown = repr(secrets) + repr(secrets.home)
    assert not any(value in shown for value in values(secrets))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"home": {}}', '{"home": {"x": "kept-quiet"}, "partner": {}}'])
def test_a_damaged_file_is_named_without_quoting_it(tmp_path, text):
    (tmp_path / "secrets.json").write_text(text)
    with pytest.raises(StackError, match=r"secrets\.json is damaged") as refused:
        load_secrets(tmp_path)
    assert "kept-quiet" not in str(refused.value)


def test_a_private_file_that_was_open_to_others_is_closed(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
