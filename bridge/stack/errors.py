# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What stops a stack from starting, said so that the reader knows what to do next."""


class StackError(Exception):
    """A reason to stop that is safe to print: one or two sentences, no secrets, no traceback needed."""
