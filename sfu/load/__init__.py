# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A load generator: many light clients with real signalling, ICE and DTLS, against any LiveKit server."""
