# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the bridge calls a server whose name a stranger chose, without becoming their way into our network.

The caller of `/sfu/get` names the homeserver to ask; every hop of finding it could point inwards. The judging is in
`bridge.domain` (`names`, `addresses`, `discovery`); here is the shell. What it promises:

1. only names that follow the Matrix grammar, only public ports;
2. no literal addresses;
3. we resolve ourselves, judge the whole answer, and connect to the address that was judged, with TLS proving the name;
4. no redirects but of the well-known file, each hop judged again; sizes, attempts and the whole time are bounded;
5. nothing that is private, special, or hides a private address inside (`bridge.domain.addresses`);
6. exceptions by exact server name, for that name only: a public name cannot delegate to one;
7. answers are cached; refusals all look the same;
8. who the answer vouches for is checked by the caller (`bridge.matrix.openid`).

SRV records are not looked up.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bridge.domain import discovery
from bridge.domain.addresses import addresses_allowed, name_allowed
from bridge.domain.discovery import Target
from bridge.domain.errors import BridgeError
from bridge.domain.names import Literal, ServerName, parse_server_name

TOTAL_BUDGET_S = 5.0
"""Stops: a server that answers one byte a second holding a request of ours."""
ATTEMPT_TIMEOUT_S = 2.0
"""Leaves time for the server itself when its well-known file hangs."""
ATTEMPTS = 2
"""Addresses of one name that are tried. Stops: a name with a hundred addresses making a hundred connections."""
MAX_CONCURRENT = 64
"""Stops: a flood of names using up our sockets and resolver threads."""
MAX_CACHED = 1000
"""Stops: memory growing with names."""

_LOG = structlog.get_logger(__name__)

Resolve = Callable[[str, int], Awaitable[list[Literal]]]
Pin = Callable[[str, int], tuple[str, int]]


class NameRefusedError(BridgeError):
    """The name may not be asked. Deliberately says nothing of why."""


class UnreachableError(BridgeError):
    """The server was not found, did not answer in time, or answered nonsense."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class OwnServer:
    """Our own homeserver, asked at a fixed place (no look-up, no loop through our own front door)."""

    name: str
    base_url: str


class _PinnedResolver(AbstractResolver):
    """Hands aiohttp the one address that was judged, whatever it asks for."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del port, family
        six = ":" in self._address
        return [
            ResolveResult(
                hostname=host,
                host=self._address,
                port=self._port,
                family=socket.AF_INET6 if six else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        return


async def system_resolve(host: str, port: int) -> list[Literal]:
    """Ask the system's resolver for every address of a name."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(info[4][0])) for info in found]


def _no_pin(address: str, port: int) -> tuple[str, int]:
    return address, port


class Netguard:
    """Asks servers that strangers name.

    `resolve`, `pin` (where a judged address really is) and `clock` (monotonic seconds) are the world; tests bring
    their own.
    """

    def __init__(
        self,
        *,
        exceptions: frozenset[str] = frozenset(),
        own: OwnServer | None = None,
        ca_file: Path | None = None,
        resolve: Resolve = system_resolve,
        pin: Pin = _no_pin,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exceptions = exceptions
        self._own = own
        self._resolve = resolve
        self._pin = pin
        self._clock = clock
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._targets: OrderedDict[str, tuple[float, Target | type[BridgeError]]] = OrderedDict()

    async def get(self, server_name: str, path: str, params: Mapping[str, str], *, max_bytes: int) -> Answer:
        """GET a path of a server's federation API; `path` begins with a slash.

        Raises NameRefusedError or UnreachableError. The whole takes at most TOTAL_BUDGET_S.
        """
        name = parse_server_name(server_name)
        if name is None:
            raise NameRefusedError
        try:
            async with asyncio.timeout(TOTAL_BUDGET_S), self._slots:
                return await self._get(name, path, params, max_bytes)
        except TimeoutError:
            self._forget_reachable(server_name)
            raise UnreachableError from None

    async def _get(self, name: ServerName, path: str, params: Mapping[str, str], max_bytes: int) -> Answer:
        if self._own is not None and name.text == self._own.name:
            return await self._get_own(name, self._own.base_url, path, params, max_bytes)
        target = await self._target(name)
        try:
            status, _, body = await self._request(name, target, path, params, max_bytes)
        except NameRefusedError:
            self._remember(name, NameRefusedError, discovery.REFUSED_CACHE_S)
            raise
        except UnreachableError:
            self._remember(name, UnreachableError, discovery.UNREACHABLE_CACHE_S)
            raise
        return Answer(status, body)

    async def _get_own(
        self, name: ServerName, base_url: str, path: str, params: Mapping[str, str], max_bytes: int
    ) -> Answer:
        """TLS proves our server name, the connection goes where the settings say."""
        base = urlsplit(base_url)
        assert base.hostname is not None
        port = base.port or (443 if base.scheme == "https" else 80)
        try:
            address = str((await self._resolve(base.hostname, port))[0])
        except (OSError, IndexError) as error:
            raise UnreachableError from error
        host = _url_host(name if name.literal is None else None, base.hostname)
        url = f"{base.scheme}://{host}:{port}{path}"
        status, _, body = await self._fetch(url, params, (address, port), max_bytes)
        return Answer(status, body)

    # -- finding the server -------------------------------------------------------------------------------------

    async def _target(self, name: ServerName) -> Target:
        cached = self._targets.get(name.text)
        if cached is not None and cached[0] > self._clock():
            if isinstance(cached[1], Target):
                return cached[1]
            raise cached[1]
        if not self._name_allowed(name, name):
            self._remember(name, NameRefusedError, discovery.REFUSED_CACHE_S)
            raise NameRefusedError
        lifetime = discovery.MIN_CACHE_S
        target = discovery.direct_target(name)
        if discovery.needs_well_known(name):
            delegated, lifetime = await self._well_known(name)
            if delegated is not None:
                if not self._name_allowed(name, delegated):
                    self._remember(name, NameRefusedError, discovery.REFUSED_CACHE_S)
                    raise NameRefusedError
                target = discovery.direct_target(delegated)
        self._remember(name, target, lifetime)
        return target

    async def _well_known(self, name: ServerName) -> tuple[ServerName | None, float]:
        """Return whom the well-known file delegates to (None: nobody) and how long that holds."""
        hop, path = Target(name, 443), "/.well-known/matrix/server"
        for _ in range(discovery.MAX_REDIRECTS + 1):
            try:
                status, headers, body = await self._request(name, hop, path, {}, discovery.MAX_WELL_KNOWN)
            except UnreachableError:
                return None, discovery.MIN_CACHE_S  # no file there: the name itself is the server
            if status == 200:
                delegated = discovery.delegated_name(body)
                return delegated, discovery.cache_lifetime_s(headers.get("Cache-Control"))
            if status not in (301, 302, 303, 307, 308):
                return None, discovery.MIN_CACHE_S
            hop, path = self._redirected(name, hop, path, headers.get("Location", ""))
        raise NameRefusedError

    def _redirected(self, asked: ServerName, hop: Target, path: str, location: str) -> tuple[Target, str]:
        url = URL(f"https://{_url_host(hop.name)}:{hop.port}{path}")
        try:
            url = url.join(URL(location))
            text = url.raw_authority
        except ValueError:
            raise NameRefusedError from None
        name = parse_server_name(text)
        if url.scheme != "https" or name is None or not self._name_allowed(asked, name):
            raise NameRefusedError
        return Target(name, name.port or 443), url.raw_path_qs

    def _excepted(self, asked: ServerName, name: ServerName) -> bool:
        return asked.text in self._exceptions and name.text in self._exceptions

    def _name_allowed(self, asked: ServerName, name: ServerName) -> bool:
        return self._excepted(asked, name) or name_allowed(name)

    # -- one request --------------------------------------------------------------------------------------------

    async def _request(
        self, asked: ServerName, target: Target, path: str, params: Mapping[str, str], max_bytes: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Resolve, judge, connect to what was judged. Every hop goes through here."""
        host = target.name.host
        try:
            found = [target.name.literal] if target.name.literal else await self._resolve(host, target.port)
        except (OSError, UnicodeError, ValueError) as error:
            raise UnreachableError from error
        if not self._excepted(asked, target.name) and not addresses_allowed(found):
            if not found:
                raise UnreachableError
            _LOG.warning("netguard_refused", server_name=asked.text)
            raise NameRefusedError
        url = f"https://{_url_host(target.name)}:{target.port}{path}"
        failure = UnreachableError()
        for address in list(dict.fromkeys(found))[:ATTEMPTS]:
            try:
                return await self._fetch(url, params, self._pin(str(address), target.port), max_bytes)
            except UnreachableError as error:
                failure = error
        raise failure

    async def _fetch(
        self, url: str, params: Mapping[str, str], place: tuple[str, int], max_bytes: int
    ) -> tuple[int, Mapping[str, str], bytes]:
        connector = aiohttp.TCPConnector(
            resolver=_PinnedResolver(*place), ssl=self._tls, use_dns_cache=False, force_close=True, limit=1
        )
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                    trust_env=False,
                    timeout=aiohttp.ClientTimeout(total=ATTEMPT_TIMEOUT_S),
                    headers={"Accept-Encoding": "identity", "User-Agent": "passerelle-bridge"},
                ) as session,
                session.get(url, params=params, allow_redirects=False) as response,
            ):
                if (response.content_length or 0) > max_bytes:
                    raise UnreachableError
                body = bytearray()
                async for chunk in response.content.iter_chunked(4096):
                    body += chunk
                    if len(body) > max_bytes:
                        raise UnreachableError
                return response.status, response.headers, bytes(body)
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise UnreachableError from error

    # -- the cache ----------------------------------------------------------------------------------------------

    def _remember(self, name: ServerName, what: Target | type[BridgeError], lifetime_s: float) -> None:
        if name.text in self._exceptions and not isinstance(what, Target):
            return  # the operator vouches for this name: when it comes back, it is asked at once
        self._targets[name.text] = (self._clock() + lifetime_s, what)
        self._targets.move_to_end(name.text)
        if len(self._targets) > MAX_CACHED:
            self._targets.popitem(last=False)

    def _forget_reachable(self, server_name: str) -> None:
        name = parse_server_name(server_name)
        if name is not None and (self._own is None or name.text != self._own.name):
            self._remember(name, UnreachableError, discovery.UNREACHABLE_CACHE_S)


def _url_host(name: ServerName | None, otherwise: str = "") -> str:
    if name is None:
        return f"[{otherwise}]" if ":" in otherwise else otherwise
    return f"[{name.host}]" if isinstance(name.literal, ipaddress.IPv6Address) else name.host
