# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the outside world meets: meetings, doors, authorisation, pages, and the local stack."""
