# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which cells are known to fail, and why? Each is strict: the test fails when its cell turns green."""

TWO_PCS = "two peer connections (/rtc) are being built"

RED_CELLS: dict[str, dict[str, str]] = {}
"""Capability → client (`*`: all) → reason."""

RED_CLIENTS = {"livekit-client 2.16.1": TWO_PCS, "livekit-client 2.23.0 dual": TWO_PCS}
"""Clients that cannot enter yet."""
