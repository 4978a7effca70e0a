# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The second reading: recordings, and meetings once they are over, by a better model and without haste."""
