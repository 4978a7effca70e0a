# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m sfu`."""

from sfu.cli import app

if __name__ == "__main__":
    app()
