# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does the C of `traffic.c` get into this process? Compiled for each run, which takes a second."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import cffi
import pylibsrtp

from sfu.load.traffic import SAMPLE_EVERY, Counts, Flow, LoadError, Sample, StreamRow
from sfu.media.contract import SrtpKeys
from sfu.media.srtp import KEY_SIZE, derive_gcm

_SOURCE = Path(__file__).with_name("traffic.c")
_HEADER = Path(__file__).with_name("traffic.h")
_FLAGS = ("-O2", "-Wall", "-Wextra", "-shared", "-fPIC")
_SAMPLES_AT_ONCE = 512
_FLOWS_MAX = 2048


def compiler() -> str | None:
    """Find a C compiler: $CC, cc, gcc or clang."""
    return next(
        (found for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (found := shutil.which(name))), None
    )


def crypto_library() -> str:
    """Name a library with OpenSSL's EVP functions: that inside of pylibsrtp's wheel, else the system's."""
    binding = getattr(pylibsrtp, "_binding", None)
    inside = getattr(binding, "__file__", "")
    if inside and "EVP_aes_128_gcm" in Path(inside).read_bytes().decode("latin-1"):
        return str(inside)
    found = find_library("crypto")
    if found is None:
        raise LoadError("no OpenSSL is found: neither in pylibsrtp nor on the system")
    return found


def build(folder: Path) -> Path:
    """Compile `traffic.c` into a folder. Raises LoadError with the compiler's own words."""
    cc = compiler()
    if cc is None:
        raise LoadError("no C compiler is found")
    made = folder / "traffic.so"
    command = [cc, *_FLAGS, str(_SOURCE), "-o", str(made), "-ldl", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LoadError(f"{cc} cannot compile {_SOURCE.name}: {done.stderr.strip()}")
    return made


class NativeTraffic:
    """Fulfils `sfu.load.traffic.Traffic`. Raises LoadError where it cannot be built."""

    name = "C"

    def __init__(self, sample_every: int = SAMPLE_EVERY) -> None:
        self._ffi: Any = cffi.FFI()
        declared = re.sub(r"/\*.*?\*/", "", _HEADER.read_text("utf-8"), flags=re.DOTALL)
        self._ffi.cdef(declared)
        with tempfile.TemporaryDirectory() as folder:
            self._lib: Any = self._ffi.dlopen(str(build(Path(folder))))
        self._traffic: Any = self._lib.traffic_new(crypto_library().encode(), sample_every)
        if self._traffic == self._ffi.NULL:
            raise LoadError("OpenSSL cannot be loaded for AES-GCM")
        self._thread = threading.Thread(target=self._lib.traffic_run, args=(self._traffic,), name="load", daemon=True)
        self._samples: Any = self._ffi.new("sample_row[]", _SAMPLES_AT_ONCE)
        self._flows: Any = self._ffi.new("flow_row[]", _FLOWS_MAX)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for the thread."""
        self._lib.traffic_stop(self._traffic)
        if self._thread.ident is not None:
            self._thread.join()

    def add_sender(self, endpoint: socket.socket, keys: SrtpKeys) -> int:
        """Give a publisher's transport a number."""
        key, salt = derive_gcm(keys.send)
        assert len(key) == KEY_SIZE
        return self._number(self._lib.traffic_sender(self._traffic, endpoint.fileno(), key, salt.to_bytes(12, "big")))

    def add_stream(self, sender: int, row: StreamRow) -> None:
        """Let a publisher send."""
        values = {
            "ssrc": row.ssrc,
            "clock_rate": row.clock_rate,
            "per_second": row.per_second,
            "size": row.size,
            "parts": row.parts,
            "key_parts": row.key_parts,
            "payload_type": row.payload_type,
            "video": row.video,
            "level": row.level,
            "mid": row.mid.encode(),
            "rid": row.rid.encode(),
            "starts": row.starts,
        }
        self._number(self._lib.traffic_stream(self._traffic, sender, self._ffi.new("stream_row *", values)))

    def key_picture(self, sender: int, ssrc: int) -> None:
        """Begin a stream's next picture anew."""
        self._lib.traffic_key_picture(self._traffic, sender, ssrc)

    def silence(self, sender: int) -> None:
        """Send nothing more."""
        self._lib.traffic_silence(self._traffic, sender)

    def add_receiver(self, endpoint: socket.socket) -> int:
        """Count what comes on a transport."""
        return self._number(self._lib.traffic_receiver(self._traffic, endpoint.fileno()))

    def leave(self, receiver: int) -> None:
        """Count no more."""
        self._lib.traffic_leave(self._traffic, receiver)

    def take_samples(self) -> Sequence[Sample]:
        """What waits to be looked at."""
        count = self._lib.traffic_samples(self._traffic, self._samples, _SAMPLES_AT_ONCE)
        return [
            Sample(row.owner, bool(row.control), row.index, row.came, self._ffi.buffer(row.data, row.length)[:])
            for row in self._samples[0:count]
        ]

    def flows(self, receiver: int) -> Sequence[Flow]:
        """What a receiver got so far."""
        count = self._lib.traffic_flows(self._traffic, receiver, self._flows, _FLOWS_MAX)
        return [
            Flow(row.ssrc, row.first, row.highest, row.packets, row.octets, row.began) for row in self._flows[0:count]
        ]

    def counts(self) -> Counts:
        """What happened so far."""
        counts = self._ffi.new("traffic_counts *")
        self._lib.traffic_count(self._traffic, counts)
        return Counts(counts.sent, counts.send_errors, counts.received, counts.samples_lost, counts.flows_refused)

    @staticmethod
    def _number(number: int) -> int:
        if number < 0:
            raise LoadError("no memory, or too many open sockets (ulimit -n)")
        return number
