# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What guests of Passerelle's meetings may do on a homeserver: `rules` decides, `module` is what Synapse loads."""
