# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The operator's speech models: which there are, where they come from, and whether they are what was published."""
