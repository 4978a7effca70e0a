# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The speaker encoder of Resemblyzer (GE2E, Apache-2.0) as a model of pyannote.audio: its weights can be installed."""

import torch
import torchaudio
from pyannote.audio.core.model import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications
from torch import nn
from torch.nn import functional

SLICE = 160
HOP = 40
MIN_SAMPLES = 4000
LOUDNESS = 10 ** (-30 / 20)


class GE2E(Model):
    """Slices of 1.6 s through an LSTM, averaged. Shorter speech is repeated; 0.25 s is too short."""

    def __init__(self, sample_rate: int = 16_000, num_channels: int = 1):
        super().__init__(sample_rate=sample_rate, num_channels=num_channels, task=None)
        self.mel = torchaudio.transforms.MelSpectrogram(
            16_000, n_fft=400, hop_length=160, n_mels=40, norm="slaney", mel_scale="slaney", pad_mode="constant"
        )
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)
        self.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)

    @property
    def dimension(self) -> int:
        return 256

    def forward(self, waveforms: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        found = torch.full((len(waveforms), 256), float("nan"))
        for row, waveform in enumerate(waveforms[:, 0]):
            speech = waveform if weights is None else waveform[_spread(weights[row], len(waveform)) > 0.5]
            if len(speech) >= MIN_SAMPLES:
                _, (hidden, _) = self.lstm(self._slices(speech))
                each = functional.normalize(functional.relu(self.linear(hidden[-1])), dim=1)
                found[row] = functional.normalize(each.mean(0), dim=0)
            elif weights is None:
                raise ValueError("too little speech")  # pyannote.audio tries out by this how much is needed
        return found

    def _slices(self, speech: torch.Tensor) -> torch.Tensor:
        rms = speech.pow(2).mean().sqrt().clamp_min(1e-8)
        mel = self.mel(speech * (LOUDNESS / rms).clamp_min(1.0)).T
        if len(mel) < SLICE:
            return mel.repeat(-(-SLICE // len(mel)), 1)[None, :SLICE]
        return mel.unfold(0, SLICE, HOP).transpose(1, 2).contiguous()


def _spread(mask: torch.Tensor, length: int) -> torch.Tensor:
    return functional.interpolate(mask[None, None].float(), size=length, mode="nearest")[0, 0]
