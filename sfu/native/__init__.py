# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The packet path in C: loads what `sfu.native.build` made, and finds it the ciphers of an OpenSSL."""

import ctypes
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

CData = Any
"""A value of cffi's: C's types are not Python's."""

_UNYIELDING = {
    "tables_lock": 1,
    "tables_unlock": 1,
    "peer_take_arrivals": 3,
    "stream_take_levels": 3,
    "pending_done": 2,
}
"""Functions, and how many arguments they have."""
SYSTEM_CRYPTO = "libcrypto.so.3"


class MissingError(RuntimeError):
    """The native engine can't be used here; the text says why and what to do."""


@cache
def load() -> tuple[Any, Any]:
    """Give (ffi, lib). Raises MissingError."""
    try:
        module = import_module("sfu.native._engine")
    except ImportError as error:
        raise MissingError("the native engine is not built; build it: python -m sfu.native.build") from error
    binding = find_spec("pylibsrtp._binding")
    tried = [name for name in (binding.origin if binding else None, SYSTEM_CRYPTO) if name]
    if not any(module.lib.crypto_load(name.encode()) for name in tried):
        raise MissingError(f"the native engine finds no OpenSSL 3 in {' nor '.join(tried)}; install pylibsrtp's wheel")
    return module.ffi, module.lib


@cache
def unyielding() -> ctypes.PyDLL:
    """Give the functions that take a lock of C's and so must not let other Python threads run: `tables_lock(lock)` and
    `tables_unlock(lock)`, and what takes it for a copy: `peer_take_arrivals(engine, peer, into)`,
    `stream_take_levels(engine, stream, loudest)`, `pending_done(engine, pending)`. All arguments are addresses.

    Raises MissingError.
    """
    load()
    library = ctypes.PyDLL(import_module("sfu.native._engine").__file__)
    for name, count in _UNYIELDING.items():
        getattr(library, name).argtypes = (ctypes.c_void_p,) * count
    library.stream_take_levels.restype = ctypes.c_double
    return library


def address(row: CData) -> int:
    """Where it is."""
    return int(load()[0].cast("uintptr_t", row))


def why_not() -> str | None:
    """Say why the native engine can't be used; None when it can."""
    try:
        load()
    except MissingError as error:
        return str(error)
    return None
