# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is pyannote.audio imported so that it tells nobody, and on a torch without CUDA?

Left alone it makes an exporter to a server of its makers when it is imported, and tells that server about every
recording's length and speakers. And the torchaudio of the package index wants CUDA's libraries, of which pyannote.audio
uses nothing.
"""

import os
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NoReturn

_TELEMETRY = "pyannote.audio.telemetry"
_HOOKS = ("track_model_init", "track_pipeline_init", "track_pipeline_apply")


class DiarizationMissing(Exception):  # noqa: N818 - reads as what it is
    """The packages of passerelle[diarization] are not installed; the text says what to do."""


def installed() -> bool:
    """Tell whether the packages are there, without importing them."""
    return (
        all(find_spec(name) is not None for name in ("torch", "pyannote")) and find_spec("pyannote.audio") is not None
    )


def load() -> Any:  # noqa: ANN401 - its types are not there without the extra
    """Import pyannote.audio; three seconds the first time.

    Raises:
        DiarizationMissing: it, or torch, is not installed, or was imported before by somebody else.
    """
    os.environ["PYANNOTE_METRICS_ENABLED"] = "false"
    _without_telemetry()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torchcodec, which reads files; we hand over samples
        try:
            _torchaudio()
            return import_module("pyannote.audio")
        except ImportError as error:
            raise DiarizationMissing(
                f"Voices at a shared microphone need passerelle[diarization] ({error}): install torch first, then that."
            ) from error


def _without_telemetry() -> None:
    """Put a module that does nothing in the place of the one that makes the exporter."""
    known = sys.modules.get(_TELEMETRY)
    if known is None:
        silent = ModuleType(_TELEMETRY)
        for hook in _HOOKS:
            setattr(silent, hook, _tell_nobody)
        sys.modules[_TELEMETRY] = silent
    elif any(getattr(known, hook, None) is not _tell_nobody for hook in _HOOKS):
        raise DiarizationMissing("pyannote.audio was imported before its telemetry could be taken out.")


def _tell_nobody(*_: object, **__: object) -> None:
    return


def _torchaudio() -> None:
    """Import torchaudio; where its compiled half does not load, without it: resampling and mel filters are Python."""
    try:
        import_module("torchaudio")
    except OSError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
            del sys.modules[name]
        half: Any = ModuleType("torchaudio._extension")
        half._IS_TORCHAUDIO_EXT_AVAILABLE = False  # noqa: SLF001 - the names that torchaudio asks it for
        half._IS_ALIGN_AVAILABLE = False  # noqa: SLF001
        half._check_cuda_version = _tell_nobody  # noqa: SLF001
        half.fail_if_no_align = lambda _function: _not_compiled
        sys.modules["torchaudio._extension"] = half
        import_module("torchaudio")


def _not_compiled(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("torchaudio's compiled half does not load here")
