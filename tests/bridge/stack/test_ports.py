# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Ports of a stack: counted from one base, kept by the data folder, checked before anything starts."""

import socket

import pytest

from bridge.stack.errors import StackError
from bridge.stack.ports import Ports, check_free, choose_ports


def free_base() -> int:
    for base in range(23500, 23900, 60):
        try:
            check_free(Ports(base))
        except StackError:
            continue
        return base
    pytest.fail("no free port base")


def test_the_ports_are_those_of_the_architecture():
    assert [listener.port for listener in Ports(8400).listeners()] == [
        8400, 8401, 8402, 8410, 8411, 8411, 8420, 8430, 8431, 8440, 8441, 8450,
    ]  # fmt: skip


def test_without_a_wish_the_base_is_8400_and_is_saved(tmp_path):
    assert choose_ports(tmp_path, None) == Ports(8400)
    assert choose_ports(tmp_path, 8400) == Ports(8400)


def test_a_data_folder_keeps_its_base_without_being_told(tmp_path):
    choose_ports(tmp_path, 23500)
    assert choose_ports(tmp_path, None) == Ports(23500)


def test_another_base_in_the_same_folder_is_refused_and_says_which_it_has(tmp_path):
    choose_ports(tmp_path, 23500)
    with pytest.raises(StackError, match=r"--port-base 23500.*--data to use 9000"):
        choose_ports(tmp_path, 9000)
    assert choose_ports(tmp_path, None) == Ports(23500)


@pytest.mark.parametrize("base", [-1, 0, 80, 1023, 65486, 70000])
def test_a_base_whose_ports_leave_the_range_is_refused(tmp_path, base):
    with pytest.raises(StackError, match="between 1024 and 65485"):
        choose_ports(tmp_path, base)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("base", [1024, 65485])
def test_the_first_and_last_base_are_accepted(tmp_path, base):
    assert choose_ports(tmp_path, base) == Ports(base)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port_base": "x"}', "{}"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(StackError, match=r"stack\.json is damaged"):
        choose_ports(tmp_path, None)


def test_free_ports_pass_and_are_free_again_afterwards():
    ports = Ports(free_base())
    check_free(ports)
    check_free(ports)


@pytest.mark.parametrize("index", range(10))
def test_each_busy_port_is_named_with_who_wanted_it_and_the_way_out(index):
    ports = Ports(free_base())
    listener = list(ports.listeners())[index]
    with socket.socket(socket.AF_INET, listener.kind) as holder:
        holder.bind(("127.0.0.1", listener.port))
        if listener.kind == socket.SOCK_STREAM:
            holder.listen(1)
        with pytest.raises(StackError) as refused:
            check_free(ports)
    text = str(refused.value)
    assert f"port {listener.port} " in text
    assert listener.wanted_by in text
    assert "--port-base" in text
