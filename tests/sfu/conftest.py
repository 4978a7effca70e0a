# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Examples may be slow on a busy machine; only the test as a whole has a deadline."""

from hypothesis import settings

settings.register_profile("passerelle", deadline=None)
settings.load_profile("passerelle")
