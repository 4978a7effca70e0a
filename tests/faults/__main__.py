# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.faults --fault NAME -- serve …`: the SFU with one fault in it, as `python -m sfu serve …`.

The faults are made here, from outside; no code of the SFU knows of them.
"""

import sys

from tests.faults.catalogue import FAULTS

name = sys.argv[sys.argv.index("--fault") + 1]
FAULTS[name].make()

from sfu.cli import app  # noqa: E402 - the fault must be in before names are bound

app(sys.argv[sys.argv.index("--") + 1 :])
