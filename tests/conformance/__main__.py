# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.conformance [--list] [pytest's options]`: run the suite, print the table, write the JSON.

Set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET to run it against another LiveKit server.
"""

import sys
from pathlib import Path

import pytest

from tests.conformance.report import REPORT, Collector, as_text, write

HERE = Path(__file__).parent


def main(arguments):
    collector = Collector()
    listing = "--list" in arguments
    options = [argument for argument in arguments if argument != "--list"]
    quiet = (
        ["--collect-only", "-qq", "--no-summary"]
        if listing
        else ["-q", "--no-header", "--tb=no", "-r", "", "-p", "no:randomly", "--runxfail"]
    )
    status = pytest.main([str(HERE), *quiet, *options], plugins=[collector])
    if listing:
        for (capability, client), tests in collector.cells.items():
            print(f"{capability} | {client} | {' '.join(tests)}")
        return 0
    if not collector.results:
        return int(status)
    write(collector.results)
    print(f"\n{as_text(collector.results)}\n\nThe same as JSON: {REPORT}")
    return int(any(result != "pass" for result in collector.results.values()))


sys.exit(main(sys.argv[1:]))
