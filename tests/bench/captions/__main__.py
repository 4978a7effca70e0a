# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.bench.captions`: measure captions on real recordings, print a table, write it as JSON.

Everything runs on the real weights in virtual time, where only processor seconds count, but for how many people can
talk at once, which is measured last and by the clock on the wall: leave the machine alone then. The JSON is
build/bench/captions.json. The exit status is 1 if a target is missed.

Parts of it, which print and write nothing, and judge nothing:

    python -m tests.bench.captions --set tuning                       what settings may be chosen by
    python -m tests.bench.captions --lang fr --condition telephone    one language, one condition
    python -m tests.bench.captions --way ours --talk dickens --show   each text as it came to the screen
    python -m tests.bench.captions --talkers 4                        four people at once, for a minute
    python -m tests.bench.captions --stack 4                          four at once on a whole stack
    python -m tests.bench.captions --quick                            half a minute: does it work?
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from tests.bench.captions import talkers, whole_stack
from tests.bench.captions.conditions import CLEAN, CONDITIONS
from tests.bench.captions.corpus import LANGUAGES, SETS, Talk, noisy, talks
from tests.bench.captions.der import diarization_rows
from tests.bench.captions.measure import WAYS
from tests.bench.captions.processes import carried, measured
from tests.bench.captions.report import document, table, targets

REPORT = Path("build/bench/captions.json")


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.captions", description=__doc__.split("\n")[0])
    parser.add_argument("--set", choices=SETS, default="report", dest="chosen")
    parser.add_argument("--lang", choices=LANGUAGES, action="append")
    parser.add_argument("--condition", choices=CONDITIONS, action="append")
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--talk", default="", help="only talks with this in their name")
    parser.add_argument("--show", action="store_true", help="print every text as it came")
    parser.add_argument("--talkers", type=int, metavar="N", help="only this: N people at once")
    parser.add_argument("--stack", type=int, metavar="N", help="only this: N people at once on a whole stack")
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args(arguments)


def heard(options: argparse.Namespace) -> list[tuple[Talk, str]]:
    """Which talks are heard under which conditions."""
    found: list[tuple[Talk, str]] = []
    for lang in options.lang or LANGUAGES:
        known = talks(options.chosen, lang)
        for condition in options.condition or CONDITIONS:
            found += [(talk, condition) for talk in (known if condition == CLEAN else noisy(known))]
    return [(talk, condition) for talk, condition in found if options.talk in talk.name]


def quick() -> list[tuple[Talk, str]]:
    """Two phrases of each language, clean and in the middle noise."""
    begun = [talks("tuning", lang)[1].beginning(2) for lang in LANGUAGES]
    return [(talk, condition) for talk in begun for condition in (CLEAN, "noise_10db")]


def main(arguments: list[str]) -> int:
    options = parsed(arguments)
    if options.talkers:
        print(asyncio.run(talkers.measure(options.talkers)))
        return 0
    if options.stack:
        print(whole_stack.measure(options.stack))
        return 0
    todo = quick() if options.quick else heard(options)
    rows = measured(todo, tuple(options.way or WAYS))
    if options.show:
        for row in rows:
            print(f"\n{row.way} {row.talk} {row.condition}: {row.text}")
            for each in row.shown:
                print(f"  {each.at_s:7.2f} {'=' if each.final else ' '} {each.stable}|{each.text[len(each.stable) :]}")
    whole = not arguments
    diarized = diarization_rows() if whole else None
    found = document(
        rows,
        talkers=carried() if whole else None,
        der=diarized.der if diarized else None,
        der_reported=diarized.reported if diarized else None,
    )
    print(table(found))
    if not whole:
        return 0
    verdicts = targets(found)
    found["targets"] = [{"target": each.text, "met": each.met} for each in verdicts]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print("\n" + "\n".join(f"{'pass' if each.met else 'FAIL'}  {each.text}" for each in verdicts))
    if diarized and diarized.why_not:
        print(f"FAIL  no DER: {diarized.why_not}")
    print(f"\nThe same as JSON: {REPORT}")
    return int(not all(each.met for each in verdicts) or bool(diarized and diarized.why_not))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
