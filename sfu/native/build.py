# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Build the native engine: `python -m sfu.native.build`. Needs a C compiler and Python's headers, nothing else.

`CC` names another compiler, with its arguments; `CFLAGS` adds to ours.
"""

import io
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent
SOURCES = HERE / "src"
BUILT = HERE / "_engine.abi3.so"
MODULE = "sfu.native._engine"

FLAGS = ("-std=c11", "-D_GNU_SOURCE", "-O3", "-fPIC", "-pthread", "-fvisibility=hidden", "-ffp-contract=off", "-g")
STRICT = ("-Wall", "-Wextra", "-Werror")
"""For tests alone: another compiler's warning must not keep anybody from building it."""
LIMITED_API = "-DPy_LIMITED_API=0x030b0000"

_UPCALLS = """
extern "Python" {
    int up_admit(void *, peer_t *, uint32_t);
    void up_learn(void *, peer_t *, uint32_t, int, const uint8_t *, int);
    void up_use(void *, stream_t *, int);
    void up_gap(void *, stream_t *, int64_t, int64_t, double);
    void up_late(void *, stream_t *, int64_t);
    int up_layered(void *, stream_t *, int, int);
    void up_begins(void *, stream_t *, packet_t *, int64_t, double);
    void up_blocked(void *, stream_t *, double);
    void up_send(void *, int64_t, const uint8_t *, int);
    void up_other(void *, int, const uint8_t *, int, const uint8_t *, int);
}
"""


class NotBuiltError(RuntimeError):
    """The native engine could not be built here; the text says why. The Python engine does the same without it."""


def compiler() -> list[str]:
    """Give the command of the C compiler. Raises NotBuiltError where there is none."""
    command = shlex.split(os.environ.get("CC", ""))
    if command:
        return command
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return [found]
    raise NotBuiltError("no C compiler (cc, gcc or clang)")


def build(into: Path = BUILT, flags: Sequence[str] = ()) -> Path:
    """Compile to `into`; warnings are asked for of our own sources alone. Raises NotBuiltError."""
    headers = Path(sysconfig.get_paths()["include"])
    if sys.platform != "linux":
        raise NotBuiltError(f"it reads sockets as Linux does; this is {sys.platform}")
    if not (headers / "Python.h").exists():
        raise NotBuiltError(f"Python's headers are not in {headers} (Debian: python3-dev)")
    command = compiler()
    with tempfile.TemporaryDirectory() as folder:
        binding, partial = Path(folder) / "_engine.c", into.with_suffix(".part")
        _write_binding(binding)
        extra = [*shlex.split(os.environ.get("CFLAGS", "")), *(flag for flag in flags if not flag.startswith("-W"))]
        include = [f"-I{headers}", f"-I{SOURCES}"]
        sources = [str(path) for path in sorted(SOURCES.glob("*.c"))]
        objects: list[str] = []
        for source, options in [(str(binding), [LIMITED_API]), *((source, list(flags)) for source in sources)]:
            objects.append(f"{folder}/{Path(source).stem}.{len(objects)}.o")
            _run([*command, *FLAGS, *options, *include, *extra, "-c", source, "-o", objects[-1]])
        _run([*command, "-shared", "-pthread", *extra, *objects, "-ldl", "-o", str(partial)])
        partial.replace(into)
    return into


def _write_binding(path: Path) -> None:
    ffi = FFI()
    header = (SOURCES / "engine.h").read_text(encoding="utf-8")
    ffi.cdef(header + _UPCALLS)
    ffi.set_source(MODULE, '#include <stdint.h>\n#include "engine.h"\n', py_limited_api=True)
    with redirect_stdout(io.StringIO()):
        ffi.emit_c_code(str(path))


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotBuiltError(f"{command[0]} does not run: {error}") from error
    if done.returncode:
        raise NotBuiltError(f"{shlex.join(command)}\n{done.stderr.strip()}")


def main() -> int:
    """Build it and say what came of it."""
    try:
        print(f"native engine: {build()}")  # noqa: T201  # a command's answer
    except NotBuiltError as error:
        print(f"native engine: not built: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
