# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The bridge over HTTP: authorisation service, doors, pages, captions feed."""
