# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from bots.cli import app

if __name__ == "__main__":
    app()
