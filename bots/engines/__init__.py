# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Speech models, each behind a small protocol (``contract``) and loaded when first used."""
