# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a request's JSON becomes a checked value: unknown fields pass, wrong types do not."""

from __future__ import annotations

from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID

MAX_BODY = 64 * 1024
"""Bytes. Stops: bodies that fill memory; the largest honest one (a join with its OpenID token) is below 2 KiB."""

NO_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps every text but one with this sign in it."""

Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, pattern=r"^[!-~]+$")]
Short = Annotated[str, Field(max_length=MAX_ID, pattern=NO_NUL)]
Millis = Annotated[int, Field(ge=0, lt=2**53)]


class Body(BaseModel):
    """A request's JSON object. Later clients may say more than we know."""

    model_config = ConfigDict(extra="ignore", frozen=True)


B = TypeVar("B", bound=Body)


async def read(request: web.Request, model: type[B]) -> B:
    """Return the body, or refuse it: `M_NOT_JSON` when it does not parse, `M_BAD_JSON` when a field is wrong."""
    raw = await request.read()
    try:
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
    if fault["type"] == "json_invalid":
        raise Refused(400, "M_NOT_JSON", "The body is not JSON.")
    place = ".".join(str(part) for part in fault["loc"] if isinstance(part, int) or part in model.model_fields)
    raise Refused(400, "M_BAD_JSON", f"{place or 'The body'} is missing or not as it should be.")
