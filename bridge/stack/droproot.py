# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Run a program as somebody other than root who still reaches files below folders that are root's alone.

PostgreSQL refuses to run as root, yet its binaries and data may lie below a folder of mode 0700. So this runs
as a process of its own, gives up everything but what reaching takes, and becomes the program:

    python -m bridge.stack.droproot WAY UID GID FOLDER PROGRAM [ARGUMENT…]

The ways, from the least power to the most (`capabilities(7)`, `user_namespaces(7)`):

- `plain`: only the identity changes. Enough where every folder on the path is open.
- `read_search`: keeps CAP_DAC_READ_SEARCH, so closed folders can be walked and read, nothing more.
- `override`: keeps CAP_DAC_OVERRIDE, for files that only root may execute (installed under umask 077), and
  for containers, which grant it and not the former.
- `user_namespace`: root of nothing: uid 1000 of a namespace where that is the outer root. Files stay root's.

PostgreSQL asks `access(2)` about its files, and that call ignores capabilities of whoever is not root, unless
the secure bit NO_SETUID_FIXUP is set before.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

WAYS = ("plain", "read_search", "override", "user_namespace")

_CAPABILITY = {"read_search": 2, "override": 1}  # CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE
_NAMESPACE_ID = 1000
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilityData(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def die_with_parent(signal_number: int) -> None:
    """Ask the kernel to send this process a signal when its parent dies. Lost when the identity changes."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def owner_of_files(way: str, uid: int) -> int:
    """Who, seen from outside, must own the files that a program started in this way writes."""
    return 0 if way == "user_namespace" else uid


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(a) for a in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *padded) < 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def _become_keeping(uid: int, gid: int, capability: int) -> None:
    _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)  # also keeps the capabilities across setresuid
    _become(uid, gid)
    header = _CapabilityHeader(_LINUX_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)()  # version 3 has 64 bits in two parts; ours are in the first
    data[0].effective = data[0].permitted = data[0].inheritable = 1 << capability
    if _libc.capset(ctypes.byref(header), data) < 0:
        raise OSError(ctypes.get_errno(), f"capset: {os.strerror(ctypes.get_errno())}")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)  # survives exec


def _enter_user_namespace() -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    if _libc.unshare(_CLONE_NEWUSER) < 0:
        raise OSError(ctypes.get_errno(), f"unshare: {os.strerror(ctypes.get_errno())}")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{_NAMESPACE_ID} {outer_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{_NAMESPACE_ID} {outer_gid} 1", encoding="ascii")


def main(arguments: Sequence[str]) -> None:
    """Drop as asked, go to the folder, become the program. Never returns."""
    way, uid, gid, folder, *command = arguments
    if way == "user_namespace":
        _enter_user_namespace()
    elif way == "plain":
        _become(int(uid), int(gid))
    else:
        _become_keeping(int(uid), int(gid), _CAPABILITY[way])
    os.chdir(folder)
    # SIGINT is PostgreSQL's fast shutdown; its clients die at the same moment and could not say goodbye.
    die_with_parent(signal.SIGINT)
    os.execv(command[0], command)  # noqa: S606  becoming the program is the point


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as problem:
        sys.exit(f"droproot: {problem}")
