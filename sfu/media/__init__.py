# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The packet path: UDP, ICE-lite, DTLS, SRTP, forwarding."""
