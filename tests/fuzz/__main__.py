# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Fuzz one parser by coverage: `python -m tests.fuzz TARGET [libFuzzer's flags]`.

What crashes it is written to tests/fuzz/crashes/TARGET/, to be committed with the mend: it is tried for ever.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["sfu", "bridge.matrix", "bots.captions"]):
    from tests.fuzz.seeds import SEEDS
    from tests.fuzz.targets import TARGETS

MAX_LEN = 65_536


def main() -> None:
    name, *flags = sys.argv[1:]
    corpus = Path("build/fuzz") / name
    crashes = Path("tests/fuzz/crashes") / name
    corpus.mkdir(parents=True, exist_ok=True)
    crashes.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    target = TARGETS[name]
    limits = [f"-max_len={MAX_LEN}", "-timeout=5", "-rss_limit_mb=1024", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], str(corpus), f"-artifact_prefix={crashes}/", *limits, *flags], target)
    atheris.Fuzz()


main()
