# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Netguard against a small internet: names with chosen addresses, and one TLS server that plays every host of it."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from bridge import netguard
from bridge.domain import discovery
from bridge.domain.addresses import address_allowed
from bridge.netguard import Answer, NameRefusedError, Netguard, OwnServer, UnreachableError

PUBLIC = "93.184.216.34"
PUBLIC6 = "2606:2800:220:1::1"
NAMES = ["hs.example.org", "other.example.org", "matrix.example.com", "agent.gouv.fr", "localhost", "bad.example.org"]
USERINFO = "/_matrix/federation/v1/openid/userinfo"


@dataclass
class Internet:
    """`dns` says where names lead, `pages` what (host, path) answers; `asked` and `connected` are what happened."""

    port: int = 0
    ca_file: Path = Path()
    dns: dict[str, list[str]] = field(default_factory=dict)
    pages: dict[tuple[str, str], Callable[[], web.StreamResponse]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    now: float = 0.0

    async def resolve(self, host: str, port: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        del port
        self.resolved.append(host)
        if host not in self.dns:
            raise OSError("no such name")
        return [ipaddress.ip_address(text) for text in self.dns[host]]

    def pin(self, address: str, port: int) -> tuple[str, int]:
        self.connected.append((address, port))
        return "127.0.0.1", self.port

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.host, request.path_qs))
        page = self.pages.get((request.url.host or "", request.path))
        return web.Response(status=404) if page is None else page()

    def guard(self, *exceptions: str, own: OwnServer | None = None) -> Netguard:
        return Netguard(
            exceptions=frozenset(exceptions),
            own=own,
            ca_file=self.ca_file,
            resolve=self.resolve,
            pin=self.pin,
            clock=lambda: self.now,
        )

    def well_known(self, host: str, server: str, **headers: str) -> None:
        self.pages[host, "/.well-known/matrix/server"] = lambda: web.json_response(
            {"m.server": server}, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    def redirect(self, host: str, location: str, path: str = "/.well-known/matrix/server") -> None:
        self.pages[host, path] = lambda: web.Response(status=302, headers={"Location": location})

    def userinfo(self, host: str) -> None:
        self.pages[host, USERINFO] = lambda: web.json_response({"sub": f"@u:{host}"})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*NAMES).configure_cert(context)
    return context, path


@contextlib.asynccontextmanager
async def server(internet: Internet, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", internet.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    internet.port = runner.addresses[0][1]
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def internet(certificates: tuple[ssl.SSLContext, Path]) -> AsyncIterator[Internet]:
    world = Internet(ca_file=certificates[1])
    async with server(world, certificates[0]):
        yield world


async def ask(guard: Netguard, name: str, max_bytes: int = 8192) -> Answer:
    return await guard.get(name, USERINFO, {"access_token": "t"}, max_bytes=max_bytes)


# -- the corpus: what has to be refused -----------------------------------------------------------------------------

BAD_NAMES = [
    "",
    "localhost",
    "localhost:8448",
    "redis",
    "db:5432",
    "a.localhost",
    "metadata.google.internal",
    "printer.local",
    "router.lan",
    "wiki.corp",
    "x.onion",
    "1.0.0.127.in-addr.arpa",
    "127.0.0.1",
    "127.0.0.1:8448",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "0177.0.0.1",
    "10.0.0.1",
    "169.254.169.254",
    "192.168.1.1:443",
    "100.64.0.1",
    "0.0.0.0",
    "8.8.8.8",
    "[::1]",
    "[::1]:8448",
    "[::ffff:127.0.0.1]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "[::]",
    "::1",
    "hs.example.org:22",
    "hs.example.org:25",
    "hs.example.org:80",
    "hs.example.org:5432",
    "hs.example.org:6379",
    "hs.example.org:65536",
    "hs.example.org:0",
    "hs.example.org:",
    "hs.example.org/..",
    "hs.example.org?x=",
    "hs.example.org#",
    "user@hs.example.org",
    "hs.example.org:443@127.0.0.1",
    "http://hs.example.org",
    "hs.example.org\r\nHost: x",
    "hs.example.org ",
    "hs.example.org\x00.evil",
    "hs..example.org",
    "hs.example.org.",
    "hs_1.example.org",
    "ｌocalhost",
    "hs。example.org",
    "ⓛocalhost",
    "a" * 231,
]
BAD_ADDRESSES = [
    ["127.0.0.1"],
    ["127.9.9.9"],
    ["10.1.2.3"],
    ["172.16.5.5"],
    ["192.168.0.10"],
    ["169.254.169.254"],
    ["100.64.3.3"],
    ["0.0.0.0"],
    ["198.18.0.5"],
    ["192.0.2.7"],
    ["224.0.0.251"],
    ["255.255.255.255"],
    ["::1"],
    ["::"],
    ["::ffff:10.0.0.1"],
    ["::ffff:169.254.169.254"],
    ["fe80::1"],
    ["fd00::1"],
    ["fec0::1"],
    ["ff02::1"],
    ["64:ff9b::a00:1"],
    ["2002:a00:1::"],
    ["2001:0:53aa:64c::1"],
    ["2001:db8::1"],
    ["100::1"],
    [PUBLIC, "10.0.0.1"],
    ["10.0.0.1", PUBLIC],
    [PUBLIC6, "::1"],
]
BAD_DELEGATIONS = [
    "127.0.0.1:8448",
    "localhost:8448",
    "inner.example.org:8448",
    "redis:6379",
    "other.example.org:22",
    "[::1]:443",
    "metadata.google.internal",
]
BAD_REDIRECTS = [
    "http://other.example.org/.well-known/matrix/server",
    "https://127.0.0.1/x",
    "https://localhost:8448/x",
    "https://[::1]/x",
    "https://inner.example.org/x",
    "https://other.example.org:22/x",
    "https://user:pass@other.example.org/x",
    "https://169.254.169.254/latest/meta-data",
    "//127.0.0.1/x",
    "file:///etc/passwd",
    "gopher://other.example.org/",
]


def test_the_corpus_has_more_than_eighty_rows():
    assert len(BAD_NAMES) + len(BAD_ADDRESSES) + len(BAD_DELEGATIONS) + len(BAD_REDIRECTS) >= 100


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_bad_name_is_refused_before_anything_is_resolved(internet: Internet, name: str):
    internet.dns = {known: [PUBLIC] for known in NAMES}
    with pytest.raises(NameRefusedError):
        await ask(internet.guard(), name)
    assert (internet.resolved, internet.connected) == ([], [])


@pytest.mark.parametrize("addresses", BAD_ADDRESSES, ids=",".join)
@pytest.mark.parametrize("name", ["hs.example.org:8448", "hs.example.org"])
async def test_a_name_that_leads_inwards_is_refused_before_a_connection(
    internet: Internet, name: str, addresses: list[str]
):
    internet.dns["hs.example.org"] = addresses
    with pytest.raises(NameRefusedError):
        await ask(internet.guard(), name)
    assert internet.connected == []


@pytest.mark.parametrize("target", BAD_DELEGATIONS)
async def test_a_public_name_cannot_delegate_inwards(internet: Internet, target: str):
    internet.dns = {"hs.example.org": [PUBLIC], "inner.example.org": ["10.0.0.1"], "other.example.org": [PUBLIC]}
    internet.well_known("hs.example.org", target)
    with pytest.raises(NameRefusedError):
        await ask(internet.guard(), "hs.example.org")
    assert internet.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize("location", BAD_REDIRECTS)
async def test_a_well_known_file_cannot_redirect_inwards(internet: Internet, location: str):
    internet.dns = {"hs.example.org": [PUBLIC], "inner.example.org": ["10.0.0.1"], "other.example.org": [PUBLIC]}
    internet.redirect("hs.example.org", location)
    with pytest.raises(NameRefusedError):
        await ask(internet.guard(), "hs.example.org")
    assert internet.connected == [(PUBLIC, 443)]


async def test_a_name_that_is_rebound_between_two_questions_is_judged_again(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]
    internet.userinfo("hs.example.org")
    guard = internet.guard()
    assert (await ask(guard, "hs.example.org")).status == 200
    internet.dns["hs.example.org"] = ["127.0.0.1"]
    with pytest.raises(NameRefusedError):
        await ask(guard, "hs.example.org")
    assert all(address_allowed(ipaddress.ip_address(address)) for address, _ in internet.connected)


async def test_a_name_that_is_rebound_during_one_question_gets_no_second_look_up(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]
    internet.userinfo("hs.example.org")
    await ask(internet.guard(), "hs.example.org:8448")
    assert internet.resolved == ["hs.example.org"]
    assert internet.connected == [(PUBLIC, 8448)]


async def test_redirects_end_after_three_hops(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]
    internet.redirect("hs.example.org", "https://hs.example.org/.well-known/matrix/server")
    with pytest.raises(NameRefusedError):
        await ask(internet.guard(), "hs.example.org")
    assert len(internet.asked) == discovery.MAX_REDIRECTS + 1


async def test_the_question_itself_is_never_redirected(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]
    internet.redirect("hs.example.org", "https://127.0.0.1/", path=USERINFO)
    assert (await ask(internet.guard(), "hs.example.org:8448")).status == 302
    assert len(internet.connected) == 1


# -- ten legitimate ways to find a server ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "well_known", "host", "port"),
    [
        ("hs.example.org:8448", None, "hs.example.org", 8448),
        ("hs.example.org:443", None, "hs.example.org", 443),
        ("hs.example.org:8499", None, "hs.example.org", 8499),
        ("HS.Example.org:8448", None, "hs.example.org", 8448),
        ("hs.example.org", None, "hs.example.org", 8448),
        ("hs.example.org", "other.example.org", "other.example.org", 8448),
        ("hs.example.org", "other.example.org:443", "other.example.org", 443),
        ("hs.example.org", "matrix.example.com:8443", "matrix.example.com", 8443),
        ("hs.example.org", "http://nonsense", "hs.example.org", 8448),
        ("hs.example.org", "hs.example.org:443", "hs.example.org", 443),
    ],
)
async def test_public_servers_are_found(internet: Internet, name: str, well_known: str | None, host: str, port: int):
    internet.dns = {known: [PUBLIC, PUBLIC6] for known in NAMES}
    internet.userinfo(host)
    if well_known is not None:
        internet.well_known("hs.example.org", well_known)
    answer = await ask(internet.guard(), name)
    assert answer.status == 200
    assert internet.connected[-1] == (PUBLIC, port)
    assert internet.asked[-1] == (host if port == 443 else f"{host}:{port}", f"{USERINFO}?access_token=t")


async def test_a_redirected_well_known_file_is_followed(internet: Internet):
    internet.dns = {known: [PUBLIC] for known in NAMES}
    internet.redirect("hs.example.org", "https://matrix.example.com/wk?a=b")
    internet.pages["matrix.example.com", "/wk"] = lambda: web.json_response({"m.server": "other.example.org:8449"})
    internet.userinfo("other.example.org")
    assert (await ask(internet.guard(), "hs.example.org")).status == 200
    assert internet.connected[-1] == (PUBLIC, 8449)


async def test_a_second_address_is_tried_and_no_third(internet: Internet, monkeypatch: pytest.MonkeyPatch):
    internet.dns["hs.example.org"] = ["93.184.216.1", "93.184.216.2", "93.184.216.3"]
    tried: list[str] = []

    def nowhere(address: str, port: int) -> tuple[str, int]:
        del port
        tried.append(address)
        return "127.0.0.1", 1

    guard = internet.guard()
    monkeypatch.setattr(guard, "_pin", nowhere)
    with pytest.raises(UnreachableError):
        await ask(guard, "hs.example.org:8448")
    assert tried == ["93.184.216.1", "93.184.216.2"]


# -- exceptions, and our own server ---------------------------------------------------------------------------------


async def test_an_exception_opens_exactly_its_name_and_port(internet: Internet):
    internet.dns["localhost"] = ["127.0.0.1", "::1"]
    internet.userinfo("localhost")
    guard = internet.guard("localhost:8441")
    assert (await ask(guard, "localhost:8441")).status == 200
    for near in ("localhost", "localhost:8442", "localhost:08441", "LOCALHOST:8441", "127.0.0.1:8441", "[::1]:8441"):
        with pytest.raises(NameRefusedError):
            await ask(guard, near)


async def test_a_public_name_cannot_delegate_to_an_exception(internet: Internet):
    internet.dns = {"hs.example.org": [PUBLIC], "localhost": ["127.0.0.1"]}
    internet.well_known("hs.example.org", "localhost:8441")
    with pytest.raises(NameRefusedError):
        await ask(internet.guard("localhost:8441"), "hs.example.org")
    assert internet.connected == [(PUBLIC, 443)]


async def test_a_private_federation_lists_the_name_and_whom_it_delegates_to(internet: Internet):
    internet.dns = {"agent.gouv.fr": ["10.0.0.1"], "matrix.example.com": ["10.0.0.2"]}
    internet.well_known("agent.gouv.fr", "matrix.example.com:8448")
    internet.userinfo("matrix.example.com")
    with pytest.raises(NameRefusedError):
        await ask(internet.guard("agent.gouv.fr"), "agent.gouv.fr")
    answer = await ask(internet.guard("agent.gouv.fr", "matrix.example.com:8448"), "agent.gouv.fr")
    assert answer.status == 200
    assert internet.connected[-1] == ("10.0.0.2", 8448)


async def test_our_own_server_is_asked_where_the_settings_say(internet: Internet):
    internet.dns["127.0.0.1"] = ["127.0.0.1"]
    internet.userinfo("localhost")
    own = OwnServer("localhost:8431", f"https://127.0.0.1:{internet.port}")
    guard = internet.guard(own=own)
    assert (await ask(guard, "localhost:8431")).status == 200
    assert internet.asked == [(f"localhost:{internet.port}", f"{USERINFO}?access_token=t")]
    with pytest.raises(NameRefusedError):
        await ask(guard, "localhost:8432")


# -- sizes, time, trust ---------------------------------------------------------------------------------------------


async def test_an_answer_that_is_too_large_is_dropped(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]
    internet.pages["hs.example.org", USERINFO] = lambda: web.Response(body=b"x" * 9000)
    with pytest.raises(UnreachableError):
        await ask(internet.guard(), "hs.example.org:8448")
    assert len((await ask(internet.guard(), "hs.example.org:8448", max_bytes=9000)).body) == 9000


async def test_a_compressed_bomb_is_not_unpacked(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]

    def bomb() -> web.Response:
        response = web.Response(body=b"0" * 2_000_000)
        response.enable_compression(web.ContentCoding.gzip, 9)
        return response

    internet.pages["hs.example.org", USERINFO] = bomb
    answer = await ask(internet.guard(), "hs.example.org:8448")
    assert len(answer.body) <= 8192


async def test_a_well_known_file_that_is_too_large_says_nothing(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]
    huge = '{"m.server": "other.example.org", "x": "' + "x" * discovery.MAX_WELL_KNOWN + '"}'
    internet.pages["hs.example.org", "/.well-known/matrix/server"] = lambda: web.Response(text=huge)
    internet.userinfo("hs.example.org")
    assert (await ask(internet.guard(), "hs.example.org")).status == 200
    assert internet.connected[-1] == (PUBLIC, 8448)


async def test_a_server_that_does_not_answer_costs_a_bounded_time(
    certificates: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(netguard, "TOTAL_BUDGET_S", 0.3)
    silent = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    internet = Internet(port=silent.sockets[0].getsockname()[1], ca_file=certificates[1])
    internet.dns["hs.example.org"] = [PUBLIC]
    try:
        async with asyncio.timeout(2):
            with pytest.raises(UnreachableError):
                await ask(internet.guard(), "hs.example.org:8448")
    finally:
        silent.close()


async def test_a_certificate_for_another_name_is_not_believed(internet: Internet):
    internet.dns["elsewhere.example.net"] = [PUBLIC]
    internet.userinfo("elsewhere.example.net")
    with pytest.raises(UnreachableError):
        await ask(internet.guard(), "elsewhere.example.net:8448")
    assert internet.asked == []


async def test_a_certificate_of_an_unknown_authority_is_not_believed(internet: Internet):
    internet.dns["hs.example.org"] = [PUBLIC]
    guard = Netguard(resolve=internet.resolve, pin=internet.pin)
    with pytest.raises(UnreachableError):
        await ask(guard, "hs.example.org:8448")
    assert internet.asked == []


# -- the cache ------------------------------------------------------------------------------------------------------


async def test_discovery_is_kept_for_as_long_as_the_file_says(internet: Internet):
    internet.dns = {known: [PUBLIC] for known in NAMES}
    internet.well_known("hs.example.org", "other.example.org", Cache_Control="max-age=3600")
    internet.userinfo("other.example.org")
    guard = internet.guard()
    for internet.now in (0.0, 3599.0):
        await ask(guard, "hs.example.org")
    assert [path for _, path in internet.asked].count("/.well-known/matrix/server") == 1
    internet.now = 3601.0
    await ask(guard, "hs.example.org")
    assert [path for _, path in internet.asked].count("/.well-known/matrix/server") == 2


async def test_a_dead_server_is_left_alone_for_two_minutes(internet: Internet):
    guard = internet.guard()
    for internet.now in (0.0, 60.0, 119.0):
        with pytest.raises(UnreachableError):
            await ask(guard, "gone.example.org:8448")
    assert len(internet.resolved) == 1
    internet.now = 121.0
    with pytest.raises(UnreachableError):
        await ask(guard, "gone.example.org:8448")
    assert len(internet.resolved) == 2


async def test_an_exception_that_was_away_is_asked_again_at_once(internet: Internet):
    guard = internet.guard("localhost:8441")
    with pytest.raises(UnreachableError):
        await ask(guard, "localhost:8441")
    internet.dns["localhost"] = ["127.0.0.1"]
    internet.userinfo("localhost")
    assert (await ask(guard, "localhost:8441")).status == 200


async def test_names_do_not_fill_the_memory(internet: Internet, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(netguard, "MAX_CACHED", 20)
    guard = internet.guard()
    for number in range(50):
        with pytest.raises(UnreachableError):
            await ask(guard, f"gone{number}.example.org:8448")
    assert len(guard._targets) == 20
