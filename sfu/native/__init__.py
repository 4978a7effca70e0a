# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The packet path in C: loads what `sfu.native.build` made, and finds it the ciphers of an OpenSSL."""

import ctypes
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

CData = Any
"""A value of cffi's: C's types are not Python's."""

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
def turns() -> tuple[Callable[[int], None], Callable[[int], None]]:
    """Give what takes and releases the lock at an address, without letting another Python thread run in between.

    Raises MissingError.
    """
    load()
    library = ctypes.PyDLL(import_module("sfu.native._engine").__file__)
    library.tables_lock.argtypes = library.tables_unlock.argtypes = (ctypes.c_void_p,)
    return library.tables_lock, library.tables_unlock


def why_not() -> str | None:
    """Say why the native engine can't be used; None when it can."""
    try:
        load()
    except MissingError as error:
        return str(error)
    return None
