# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which cells are known to fail, and why? Each is strict: the test fails when its cell turns green."""

RED_CELLS: dict[str, dict[str, str]] = {}
"""Capability → client (`*`: all) → reason."""
