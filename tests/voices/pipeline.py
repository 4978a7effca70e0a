# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A pipeline directory as community-1 is one, from weights that install from the package index.

The real one can be had only with an account of its publisher. Segmentation is pyannote's own model (in whisperx,
BSD-2); the embedding, Resemblyzer's, is much weaker than community-1's, so clustering is the agglomerative one with a
threshold set on other recordings than those tested (``tests.voices.tune``). It uses nothing of PLDA, but the pipeline
wants to load one.
"""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import yaml

from bots.captions.voices import Likeness
from bots.engines import silent_pyannote

SEGMENTATION = {"threshold": 0.44, "min_duration_off": 0.3}
AGGLOMERATIVE = {"clustering": {"method": "average", "threshold": 0.24, "min_cluster_size": 12}}
VBX = {"clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}}
SPEECH = Path(__file__).parents[1] / "fixtures/speech"
LIKENESS = Likeness(same=0.78, other=0.68, clear=0.65)
"""Of Resemblyzer's prints, from the same recordings (``tests.voices.tune``)."""
_WEIGHTS = (("whisperx", "assets/pytorch_model.bin"), ("resemblyzer", "pretrained.pt"))


def missing() -> str:
    """Say what is not installed; empty if everything is."""
    packages = ("torch", "pyannote.audio", "omegaconf", *(package for package, _ in _WEIGHTS))
    absent = [name for name in packages if not _installed(name)]
    return f"needs {', '.join(absent)}, as .ci/run installs them" if absent else ""


def make(directory: Path, *, clustering: str = "AgglomerativeClustering") -> Path:
    """Write the directory and return it."""
    segmentation, encoder = (_file(package, name) for package, name in _WEIGHTS)
    for part in ("segmentation", "embedding", "plda"):
        (directory / part).mkdir(parents=True)
    shutil.copyfile(segmentation, directory / "segmentation/pytorch_model.bin")
    _write_embedding(encoder, directory / "embedding/pytorch_model.bin")
    _write_plda(directory / "plda")
    params = {name: f"$model/{name}" for name in ("segmentation", "embedding", "plda")}
    params |= {"clustering": clustering, "embedding_exclude_overlap": True}
    params |= {"segmentation_batch_size": 8, "embedding_batch_size": 8}
    config = {
        "dependencies": {"pyannote.audio": "4.0.0"},
        "pipeline": {"name": "pyannote.audio.pipelines.SpeakerDiarization", "params": params},
        "params": {"segmentation": SEGMENTATION} | (VBX if clustering == "VBxClustering" else AGGLOMERATIVE),
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    return directory


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _file(package: str, name: str) -> Path:
    spec = importlib.util.find_spec(package)  # found, never imported: both want more than their weights
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / name


def _write_embedding(source: Path, target: Path) -> None:
    silent_pyannote.load()
    import torch

    from tests.voices.ge2e import GE2E

    model = GE2E()
    trained = torch.load(source, map_location="cpu", weights_only=True)["model_state"]
    wanted = {name: weight for name, weight in trained.items() if name.partition(".")[0] in {"lstm", "linear"}}
    unknown = model.load_state_dict(wanted, strict=False).unexpected_keys
    assert not unknown
    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "pytorch-lightning_version": "2.6.0",
    }
    model.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, target)


def _write_plda(directory: Path) -> None:
    """Space as it is: no direction of the embedding counts more than another."""
    one, none = np.eye(256), np.zeros(256)
    np.savez(directory / "xvec_transform.npz", mean1=none, mean2=none, lda=one)
    np.savez(directory / "plda.npz", mu=none, tr=one, psi=np.linspace(2.0, 1.0, 256))
