# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL, for the final pass alone: its jobs (pgqueuer) and how far they have come, in the schema ``speech``."""
