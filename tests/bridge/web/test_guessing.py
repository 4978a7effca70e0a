# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Goals S1 and S2: a link is used as often as it says, and guessing one is hopeless, slow and tells nothing.

Each test prints what it measured (`pytest -rP` shows it). The 100,000 guesses are made at the limiter in virtual time;
those that go through HTTP are fewer, and say so.
"""

import asyncio
import itertools
import random
import secrets
import time
from collections import Counter
from ipaddress import ip_network
from typing import Any

import aiohttp
import numpy as np
import pytest

from bridge.domain.errors import Refused
from bridge.domain.invites import TOKEN_BYTES
from bridge.web.limits import INVITE_GUESSES, INVITE_GUESSES_GLOBAL, SPENT_LINKS, Limits

RACED = 1_000
AT_ONCE = 50
"""Connections; with all thousand at once nearly all hear that the database has no time, which shows less."""
GUESSES = 100_000
WELCH = 4.5


async def exchange(http, url: str) -> tuple[int, str]:
    async with http.post(url, json={"display_name": "Gina"}) as response:
        body = await response.json()
        return response.status, body.get("errcode", "")


async def test_a_link_for_one_that_is_raced_for_a_thousand_ways_lets_exactly_one_in(bridge):
    invite = await bridge.invite(await bridge.meeting())
    url = str(bridge.public.make_url(invite["path"]))
    began = time.monotonic()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as http:
        answers = Counter(await asyncio.gather(*(exchange(http, url) for _ in range(RACED))))
    print(f"S1: of {RACED} exchanges, {AT_ONCE} at a time: {dict(answers)}, in {time.monotonic() - began:.1f} s")
    assert sum(count for (status, _), count in answers.items() if status == 200) == 1
    assert {status for status, _ in answers} <= {200, 409, 410, 429, 503}, (
        "nearly or wholly used up, too many, or no time"
    )
    assert len(bridge.homeserver.names) == 1
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT used FROM invites") == 1


class _VirtualTime:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("guessers", "per_second"), [(1, 1_000.0), (2_000, 1_000.0)], ids=["one", "many"])
def test_of_a_hundred_thousand_guesses_few_are_looked_up_and_holders_of_a_link_come_in_meanwhile(
    guessers: int, per_second: float
):
    clock = _VirtualTime()
    limits = Limits(clock)
    looked_up, turned_away, holders = 0, 0, 0
    addresses = itertools.cycle(f"guesser-{number}" for number in range(guessers))
    for number in range(GUESSES):
        clock.now += 1 / per_second
        address = next(addresses)
        try:
            limits.check_invite_guess(address)
        except Refused:
            turned_away += 1
        else:
            looked_up += 1
            limits.count_invite_guess(address)  # 256 random bits: no guess finds anything
        if number % 1_000 == 0:
            limits.check_invite_guess(f"holder-{number}")  # raises where a real guest would be kept out
            holders += 1
    seconds = GUESSES / per_second
    print(
        f"S2: {GUESSES} guesses in {seconds:.0f} virtual seconds from {guessers} addresses: {looked_up} looked up,"
        f" {turned_away} turned away unread, {holders} holders of a link all heard; one guess hits with"
        f" {looked_up} / 2^{8 * TOKEN_BYTES}"
    )
    own = guessers * (INVITE_GUESSES.burst + seconds * INVITE_GUESSES.per_second)
    everybody = INVITE_GUESSES_GLOBAL.burst + seconds * INVITE_GUESSES_GLOBAL.per_second + guessers
    assert looked_up <= min(own, everybody) + 1
    assert holders == GUESSES // 1_000


async def test_guesses_over_http_from_many_addresses_find_nothing_and_a_guest_comes_in_beside_them(bridge):
    invite = await bridge.invite(await bridge.meeting())
    base, answers = str(bridge.public.make_url("/")), Counter()

    async def guess(address: str) -> None:
        connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=4)
        async with aiohttp.ClientSession(connector=connector) as http:
            for _ in range(INVITE_GUESSES.burst + 10):
                status, _ = await exchange(http, f"{base}j/{secrets.token_urlsafe(TOKEN_BYTES)}")
                answers[status] += 1

    guessers = [f"127.0.1.{number}" for number in range(1, 26)]
    await asyncio.gather(*(guess(address) for address in guessers))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=("127.0.2.1", 0))) as http:
        assert (await exchange(http, base + invite["path"][1:]))[0] == 200
    print(f"S2: {sum(answers.values())} guesses over HTTP from {len(guessers)} addresses: {dict(answers)}")
    assert set(answers) == {404, 429}
    assert answers[404] <= len(guessers) * (INVITE_GUESSES.burst + 2)


async def test_a_link_that_is_spent_is_asked_for_a_hundred_times_a_minute_and_no_other_of_its_meeting_suffers(bridge):
    meeting = await bridge.meeting()
    spent, other = await bridge.invite(meeting), await bridge.invite(meeting)
    url = str(bridge.public.make_url(spent["path"]))
    async with aiohttp.ClientSession() as http:
        assert (await exchange(http, url))[0] == 200
        answers = Counter(await asyncio.gather(*(exchange(http, url) for _ in range(SPENT_LINKS.burst + 20))))
        assert (await exchange(http, str(bridge.public.make_url(other["path"]))))[0] == 200
    print(f"S2: a spent link of one meeting: {dict(answers)}")
    assert answers[410, "PASSERELLE_INVITE_USED_UP"] <= SPENT_LINKS.burst + 5
    assert answers[429, "M_LIMIT_EXCEEDED"] > 0


@pytest.mark.parametrize("each", [250, pytest.param(10_000, marks=pytest.mark.long)])
async def test_how_long_a_refusal_takes_does_not_tell_unknown_from_expired_or_used_links(bridge, each: int):
    meeting = await bridge.meeting()
    used, expired = await bridge.invite(meeting), await bridge.invite(meeting, ttl_s=60)
    bridge.clock.forward(seconds=61)
    kinds: dict[str, tuple[str, int]] = {
        "unknown": (f"/j/{secrets.token_urlsafe(TOKEN_BYTES)}", 404),
        "expired": (expired["path"], 410),
        "used": (used["path"], 410),
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    order = [kind for kind in kinds for _ in range(each)]
    random.Random(5).shuffle(order)
    url = {kind: str(bridge.public.make_url(path)) for kind, (path, _) in kinds.items()}
    async with aiohttp.ClientSession() as http:
        assert (await exchange(http, url["used"]))[0] == 200

        async def ask(waiting: list[str]) -> None:
            while waiting:
                kind = waiting.pop()
                bridge.services.limits._meters.clear()  # what is measured is what lies behind the limits
                began = time.perf_counter()
                status, _ = await exchange(http, url[kind])
                times[kind].append(time.perf_counter() - began)
                assert status == kinds[kind][1]

        await asyncio.gather(*(ask(order) for _ in range(4)))
    found = {(one, other): _welch(times[one], times[other]) for one, other in itertools.combinations(kinds, 2)}
    for (one, other), t in found.items():
        ours, theirs = (f"{1000 * np.mean(times[kind]):.2f} ms" for kind in (one, other))
        print(f"S2: {one} {ours}, {other} {theirs}, {each} each: Welch's t {t:+.2f}")
    assert max(map(abs, found.values())) < WELCH


def _welch(one: list[float], other: list[float]) -> float:
    a, b = np.asarray(one), np.asarray(other)
    spread: Any = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return float((a.mean() - b.mean()) / spread)


@pytest.mark.parametrize(("proxies", "status"), [((), 200), (("127.0.0.1",), 429)], ids=["none", "ours"])
async def test_behind_our_proxy_nobody_is_shut_out_by_others_guesses(bridge, proxies, status):
    """And whoever comes without a proxy of ours can name whom they like."""
    settings = bridge.services.settings
    http = settings.http.model_copy(update={"proxies": tuple(map(ip_network, proxies))})
    object.__setattr__(bridge.services, "settings", settings.model_copy(update={"http": http}))
    url = bridge.public.make_url((await bridge.invite(await bridge.meeting(), uses=2))["path"])
    for _ in range(INVITE_GUESSES.burst):
        bridge.services.limits.count_invite_guess("192.0.2.1")
    for named, expected in (("192.0.2.1", status), ("192.0.2.2", 200)):
        async with aiohttp.ClientSession(headers={"X-Forwarded-For": named}) as browser:
            assert (await exchange(browser, str(url)))[0] == expected
