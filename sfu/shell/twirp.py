# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a call of the server API get in and its answer out? Twirp (version 7), in protobuf and in JSON."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from sfu.core import limits
from sfu.core.grants import Grants
from sfu.core.registry import AdmissionError
from sfu.shell.authentication import bearer_grants
from sfu.shell.websocket import WORKER
from sfu.shell.worker import Worker
from sfu.wire.token import TokenError

log = structlog.get_logger()

_STATUS = {
    "malformed": 400,
    "invalid_argument": 400,
    "unauthenticated": 401,
    "not_found": 404,
    "bad_route": 404,
    "canceled": 408,
    "failed_precondition": 412,
    "resource_exhausted": 429,
    "internal": 500,
    "unimplemented": 501,
    "unavailable": 503,
}

_PROTOBUF, _JSON = "application/protobuf", "application/json"


class TwirpError(Exception):
    """A call that is refused; theirs, the text is safe to show."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service. `call` raises `TwirpError` and `AdmissionError`."""

    request: type[Message]
    call: Callable[[Worker, Grants, Any], Awaitable[Message]]


def service(methods: Mapping[str, Method]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Make the handler of `POST /twirp/<package>.<Service>/{method}`."""

    async def serve(request: web.Request) -> web.Response:
        name = request.match_info["method"]
        try:
            return await _serve(request, name, methods)
        except TwirpError as error:
            log.info("api_refused", method=name, code=error.code)
            body = json.dumps({"code": error.code, "msg": error.text, "meta": {}}).encode()
            # Without a charset: clients read the code only from an exact media type.
            return web.Response(status=_STATUS[error.code], body=body, content_type=_JSON)

    return serve


async def _serve(request: web.Request, name: str, methods: Mapping[str, Method]) -> web.Response:
    worker = request.app[WORKER]
    if request.content_type not in {_PROTOBUF, _JSON}:
        raise TwirpError("bad_route", f"Content-Type is {_PROTOBUF} or {_JSON}")
    try:
        grants = bearer_grants(request, worker.keys, header_only=True)
    except TokenError as error:
        raise TwirpError("unauthenticated", str(error)) from error
    method = methods.get(name)
    if method is None:
        raise TwirpError("bad_route", f"there is no method {name}")
    message = _decode(method.request, await _body(request), request.content_type)
    try:
        answer = await method.call(worker, grants, message)
    except AdmissionError as error:
        raise TwirpError("resource_exhausted", error.text) from error
    log.info("api_called", method=name)
    if request.content_type == _JSON:
        body = json_format.MessageToJson(answer, indent=None).encode()
    else:
        body = answer.SerializeToString()
    return web.Response(body=body, content_type=request.content_type)


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise TwirpError("invalid_argument", f"a body has at most {limits.API_BODY_MAX} bytes") from error


def _decode(kind: type[Message], body: bytes, content_type: str) -> Message:
    try:
        if content_type == _PROTOBUF:
            return kind.FromString(body)
        return json_format.Parse(body or b"{}", kind(), ignore_unknown_fields=True)
    except (DecodeError, json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise TwirpError("malformed", f"the body is no {kind.DESCRIPTOR.name}") from error
