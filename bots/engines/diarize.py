# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Tells voices at one microphone apart, by a pipeline of pyannote.audio that lies on this machine."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bots.captions.parts import Part, Speakers
from bots.captions.turns import Turn
from bots.captions.voices import Voiceprint
from bots.engines import silent_pyannote
from bots.engines.contract import SAMPLE_RATE, Samples

MIN_PRINT_S = 0.5
"""Less speech tells nothing of a voice."""
_CONFIG = "config.yaml"
_HERE = "$model/"
_FILES = {"plda": ("plda.npz", "xvec_transform.npz")}
_MODEL_FILES = ("pytorch_model.bin",)


class PipelineError(Exception):
    """No usable pipeline; the message says what to download or change."""


def check(directory: Path) -> None:
    """Make sure that a pipeline is whole and refers to nothing outside, so that loading it asks no network.

    Raises:
        PipelineError: something is missing.
    """
    hint = "a pipeline is a local copy of pyannote's; passerelle models fetch pyannote-community-1 brings it."
    try:
        config = yaml.safe_load((directory / _CONFIG).read_text())
        params = config["pipeline"]["params"]
        parts = {name: str(params[name]) for name in ("segmentation", "embedding", "plda")}
    except OSError:
        raise PipelineError(f"{directory} holds no {_CONFIG}: {hint}") from None
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise PipelineError(f"{directory / _CONFIG} describes no speaker diarization ({error!r}): {hint}") from error
    for name, part in parts.items():
        if not part.startswith(_HERE):
            raise PipelineError(f"{directory / _CONFIG}: {name} is {part}, not in this directory: {hint}")
        for file in _FILES.get(name, _MODEL_FILES):
            path = directory / part.removeprefix(_HERE) / file
            if not path.is_file():
                raise PipelineError(f"{path} is missing: {hint}")
            if path.stat().st_size < 1024:  # what git leaves where its large files were not fetched
                raise PipelineError(f"{path} is only a pointer to a large file: git lfs pull. {hint}")


class Diarizer:
    """A pyannote.audio 4 pipeline in one thread. Blocking calls, for one worker thread, after ``load``.

    Its files are pickles, which can hold code: the directory must come from somebody you trust.
    """

    def __init__(self, directory: Path) -> None:
        check(directory)
        self._directory = directory
        self._pipeline: Any = None

    def load(self) -> None:
        """Bring the pipeline into memory, four seconds and 700 MB; later calls do nothing.

        Raises:
            DiarizationMissing: passerelle[diarization] is not installed.
        """
        if self._pipeline is not None:
            return
        pyannote_audio = silent_pyannote.load()
        import torch  # noqa: PLC0415 - torch takes seconds and 300 MB

        torch.set_num_threads(1)
        self._pipeline = pyannote_audio.Pipeline.from_pretrained(self._directory)

    def turns(self, samples: Samples, *, overlapping: bool = False) -> list[Turn]:
        """Tell who speaks when, in milliseconds from the first sample; voices are named anew each time.

        Where several speak at once the loudest of them has the turn, or each has one if ``overlapping``.
        """
        found = self._run(samples)
        return _turns(found.speaker_diarization if overlapping else found.exclusive_speaker_diarization)

    def hear(self, samples: Samples, speakers: Speakers) -> Part:
        """Tell who speaks when, one at a time, and what each sounds like; ``speakers`` bounds how many there are."""
        bounds = {"min_speakers": speakers.least or None, "max_speakers": speakers.most or None}
        if speakers.least and speakers.least == speakers.most:
            bounds = {"num_speakers": speakers.most}
        found = self._run(samples, **bounds)
        names = [str(voice) for voice in found.speaker_diarization.labels()]
        prints = {name: _unit(vector) for name, vector in zip(names, found.speaker_embeddings, strict=True)}
        return Part(tuple(_turns(found.exclusive_speaker_diarization)), prints)

    def _run(self, samples: Samples, **bounds: int | None) -> Any:  # noqa: ANN401 - pyannote's own
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of fewer speakers than asked for: whoever asked is told, in our words
            return self._pipeline(
                {"waveform": _tensor(samples), "sample_rate": SAMPLE_RATE, "uri": "track"},
                **{name: bound for name, bound in bounds.items() if bound},
            )

    def voiceprint(self, samples: Samples) -> Voiceprint | None:
        """Tell what the one voice in these samples sounds like; nothing if there is too little of it."""
        if len(samples) < MIN_PRINT_S * SAMPLE_RATE:
            return None
        vector = self._pipeline._embedding(_tensor(samples)[None])[0]  # noqa: SLF001 - the model that it compares by
        return _unit(vector)


def _turns(annotation: Any) -> list[Turn]:  # noqa: ANN401 - pyannote's own
    return [
        Turn(round(segment.start * 1000), round(segment.end * 1000), str(voice))
        for segment, _, voice in annotation.itertracks(yield_label=True)
    ]


def _unit(vector: Any) -> Voiceprint | None:  # noqa: ANN401 - numpy's, of any float
    length = float(np.linalg.norm(vector))
    return (vector / length).astype(np.float32) if np.isfinite(length) and length > 0 else None


def _tensor(samples: Samples) -> Any:  # noqa: ANN401 - torch is not imported before ``load``
    import torch  # noqa: PLC0415

    return torch.from_numpy(np.ascontiguousarray(samples))[None]
