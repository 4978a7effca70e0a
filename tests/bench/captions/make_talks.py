# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How were the talks made, and the times of their words found?

`python -m tests.bench.captions.make_talks FOLDER` makes them anew from `phrases.tsv`: talk, recording, text. FOLDER
holds the recordings anywhere below it (the packages are named in the fixtures' README). The result is committed, so
that nobody needs this to run the bench.

Each recording is trimmed, brought to one level and laid after the one before it with a pause of 0.35 to 1.2 s, as
people pause between sentences (seeded by the talk's name). Times of words: Whisper `base` reads each recording alone,
in its full 30 s context, and is *made* to write the reference text; where its attention lies then says when each word
was spoken (dynamic time warping over the cross-attention: faster-whisper's `find_alignment`). No way of captioning
takes part in that, and a wrong reading can't shift it. Attention leaves the last word of a recording early (0.2 s in
half of the English ones): that word ends where its sound has fallen 20 dB below the recording's loudest 10 ms, if that
is later.
"""

import csv
import json
import sys
import zlib
from itertools import groupby
from pathlib import Path

import av
import numpy as np
import soundfile

from bots.engines.contract import SAMPLE_RATE, Samples
from bots.engines.weights import find_model
from tests.bench.captions.corpus import FOLDER
from tests.bench.captions.words import words

LEVEL = 0.06
"""Root mean square of what is spoken, -24 dB of full scale."""
PAUSE_S = (0.35, 1.2)
LEAD_S = 0.5
CONTEXT_S = 30
_STEP = 160
_QUIET = 0.03
_KEPT_S = 0.06
_FADED = 0.1


def read(path: Path) -> Samples:
    """Read any recording as 16 kHz mono."""
    with av.open(str(path), format="g722" if path.suffix == ".g722" else None) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        frames = [*container.decode(audio=0), None]
        parts = [part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32)


def trimmed(samples: Samples) -> Samples:
    """Take the silence off both ends, and set the level."""
    steps = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
    loud = np.sqrt(np.mean(steps**2, axis=1))
    spoken = np.flatnonzero(loud > _QUIET * loud.max())
    kept = int(_KEPT_S * SAMPLE_RATE)
    first, last = max(0, spoken[0] * _STEP - kept), (spoken[-1] + 1) * _STEP + kept
    samples = samples[first:last] * (LEVEL / np.sqrt(np.mean(steps[spoken] ** 2)))
    return np.clip(samples, -1, 1).astype(np.float32)


def fading_s(samples: Samples) -> float:
    """Return when the sound falls 20 dB below its loudest for good, in seconds from the first sample."""
    steps = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP)
    loud = np.sqrt(np.mean(steps**2, axis=1))
    return round((int(np.flatnonzero(loud > _FADED * loud.max())[-1]) + 1) * _STEP / SAMPLE_RATE, 2)


class Aligner:
    """Says when each word of a known text was spoken."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        path = find_model("", Path("build/models"))
        self._model = WhisperModel(path, device="cpu", compute_type="int8", cpu_threads=1)

    def times(self, samples: Samples, text: str, lang: str) -> list[tuple[float, float, str]]:
        """Return start, end and spelling of each word, in seconds from the first sample."""
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.tokenizer import Tokenizer

        assert len(samples) <= CONTEXT_S * SAMPLE_RATE, "Whisper hears 30 s at once: give a longer one in parts"
        model = self._model
        tokenizer = Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=lang)
        padded = np.zeros(CONTEXT_S * SAMPLE_RATE, dtype=np.float32)
        padded[: len(samples)] = samples
        encoded = model.encode(pad_or_trim(model.feature_extractor(padded), CONTEXT_S * 100))
        (found,) = model.find_alignment(tokenizer, [tokenizer.encode(" " + text)], encoded, len(samples) // _STEP)
        times = [
            (round(float(word["start"]), 2), round(float(word["end"]), 2), word["word"].strip())
            for word in found
            if words(word["word"], lang)
        ]
        start_s, end_s, last = times[-1]
        return [*times[:-1], (start_s, max(end_s, fading_s(samples)), last)]


def make(talk: str, rows: list[dict[str, str]], sources: Path, aligner: Aligner) -> None:
    """Write one talk: the sound, and its phrases with their words."""
    rng = np.random.default_rng(zlib.crc32(talk.encode()))
    lang = Path(talk).name[:2]
    sound, phrases = [np.zeros(int(LEAD_S * SAMPLE_RATE), dtype=np.float32)], []
    for row in rows:
        name, _, part = row["recording"].partition("@")
        known = [path for path in sources.rglob(f"{name}.*") if lang_of(path) in {lang, None}]
        path = min(known, key=lambda path: len(path.parts))  # there are followme/NAME and NAME
        samples = read(path)
        if part:
            begin, end = (float(value) for value in part.split("-"))
            samples = samples[int(begin * SAMPLE_RATE) : int(end * SAMPLE_RATE)]
        samples = trimmed(samples)
        at_s = sum(map(len, sound)) / SAMPLE_RATE
        times = aligner.times(samples, row["text"], lang)
        phrases.append(
            {
                "start_s": round(at_s, 3),
                "end_s": round(at_s + len(samples) / SAMPLE_RATE, 3),
                "text": row["text"],
                "words": [[round(at_s + start, 2), round(at_s + end, 2), word] for start, end, word in times],
            }
        )
        sound += [samples, np.zeros(int(rng.uniform(*PAUSE_S) * SAMPLE_RATE), dtype=np.float32)]
    path = FOLDER / f"{talk}.opus"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate(sound[:-1]), SAMPLE_RATE, format="OGG", subtype="OPUS")
    lines = ",\n".join(json.dumps(phrase, ensure_ascii=False) for phrase in phrases)
    path.with_suffix(".json").write_text(f'{{"phrases": [\n{lines}\n]}}\n', encoding="utf-8")


def lang_of(path: Path) -> str | None:
    """Tell which language's prompts a recording of Asterisk's belongs to; the others' names are unique."""
    return (
        {"en_US_f_Allison": "en", "fr_CA_f_June": "fr"}.get(path.parts[path.parts.index("sounds") + 1])
        if ("sounds" in path.parts)
        else None
    )


def main() -> None:
    sources, *chosen = sys.argv[1:]
    with (FOLDER / "phrases.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, ["talk", "recording", "text"], delimiter="\t", quoting=csv.QUOTE_NONE))
    aligner = Aligner()
    for talk, of_talk in groupby(rows, key=lambda row: row["talk"]):
        if not chosen or talk in chosen:
            make(talk, list(of_talk), Path(sources), aligner)
            print(talk, flush=True)


if __name__ == "__main__":
    main()
