# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which failures there are: theirs (safe to show) and the world's (come back later).

Anything else that is raised is a bug of ours; the outermost shell logs it and answers 500 without its text.
"""

from __future__ import annotations


class BridgeError(Exception):
    """Root of everything that the bridge raises on purpose."""


class Refused(BridgeError):  # noqa: N818  # what happened, in the words of the logs
    """Somebody asked for what cannot be given: `error` is a sentence for them, safe to show."""

    def __init__(self, status: int, errcode: str, error: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(f"{errcode}: {error}")
        self.status = status
        self.errcode = errcode
        self.error = error
        self.retry_after_s = retry_after_s


class Unavailable(BridgeError):  # noqa: N818  # as above
    """A part that we lean on (`what`) does not answer; nothing was changed, or it was put back."""

    def __init__(self, what: str, *, retry_after_s: int = 3) -> None:
        super().__init__(f"{what} does not answer")
        self.what = what
        self.retry_after_s = retry_after_s
