# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Calls from networks that block UDP, from networks that let only the relay through, and over IPv6."""

import pytest

RED, BLUE = (200, 30, 40), (40, 60, 200)


@pytest.fixture
def both_ways(enter, room_name, wait_for, looks_like):
    """Hold a call between bob, here by the SDK, and ann in a page: everybody sees and hears the other."""

    async def hold(sfu, page, **options):
        bob = await enter("bob", url=sfu.url, token=sfu.token("bob", room_name))
        await bob.speak(700)
        await bob.show(BLUE)
        await page.call("join", sfu.url, sfu.token("ann", room_name), {}, options)
        await page.call("publishColour", "rgb(200, 30, 40)", 500)

        async def ann_sees_bob():
            return looks_like(await page.sees("bob"), BLUE)

        async def ann_hears_bob():
            return abs(await page.call("tone", "bob") - 700) < 10

        await wait_for(ann_sees_bob, within=30, what="bob's picture in the browser")
        await wait_for(ann_hears_bob, within=30, what="bob's tone in the browser")
        await wait_for(lambda: looks_like(bob.sees("ann"), RED), within=30, what="ann's picture")
        await wait_for(lambda: abs(bob.hears("ann") - 500) < 5, within=30, what="ann's tone")
        return await page.call("path")

    return hold


@pytest.fixture
def heard_both_ways(enter, call_inside, room_name, wait_for):
    """Hold a call between bob and somebody of the SDK in a namespace."""

    async def hold(sfu, network, **options):
        bob = await enter("bob", url=sfu.url, token=sfu.token("bob", room_name))
        await bob.speak(700)
        caller = await call_inside(network, sfu.url, sfu.token("caller", room_name), "bob", 500, **options)
        await wait_for(lambda: abs(bob.hears("caller") - 500) < 5, within=40, what="the caller's tone")
        await wait_for(lambda: abs(caller.hears - 700) < 5, within=40, what="bob's tone")

    return hold


async def test_a_browser_uses_udp_where_it_can(browser, network, serve, open_inside, both_ways):
    sfu = serve(network.server, network.server)
    page = await open_inside(network, network.server)
    assert (await both_ways(sfu, page))["protocol"] == "udp"


async def test_a_browser_behind_a_firewall_without_udp_calls_over_tcp(browser, network, serve, open_inside, both_ways):
    sfu = serve(network.server, network.server)
    network.block("meta l4proto udp")
    page = await open_inside(network, network.server)
    assert (await both_ways(sfu, page))["protocol"] == "tcp"
    [tries] = network.blocked()
    assert tries > 0


async def test_the_python_sdk_behind_a_firewall_without_udp_calls_over_tcp(network, serve, heard_both_ways):
    sfu = serve(network.server, network.server)
    network.block("meta l4proto udp")
    await heard_both_ways(sfu, network)
    [tries] = network.blocked()
    assert tries > 0


async def test_a_browser_that_reaches_only_the_relay_calls_through_it_over_tcp(
    browser, network, serve, coturn, open_inside, both_ways
):
    sfu = serve(network.server, network.server, coturn(network))
    network.block("meta l4proto udp", f"tcp dport {sfu.media_port}")
    page = await open_inside(network, network.server)
    path = await both_ways(sfu, page)
    assert (path["type"], path["relay"]) == ("relay", "tcp")
    udp_tries, _ = network.blocked()
    assert udp_tries > 0


async def test_a_browser_that_wants_nothing_but_the_relay_gets_it(
    browser, network, serve, coturn, open_inside, both_ways
):
    sfu = serve(network.server, network.server, coturn(network))
    page = await open_inside(network, network.server)
    path = await both_ways(sfu, page, rtcConfig={"iceTransportPolicy": "relay"})
    assert path["type"] == "relay"


async def test_the_python_sdk_that_wants_nothing_but_the_relay_gets_it(network, serve, coturn, heard_both_ways):
    sfu = serve(network.server, network.server, coturn(network))
    network.block(f"th dport {sfu.media_port}")
    await heard_both_ways(sfu, network, relay=True)
    assert network.blocked() == [0]


async def test_a_browser_whose_network_carries_only_ipv6_is_in_the_call(
    browser, network, serve, open_inside, both_ways
):
    sfu = serve(network.server6, ["127.0.0.1", network.server6])
    network.block("meta nfproto ipv4")
    page = await open_inside(network, network.server6)
    assert (await both_ways(sfu, page))["family"] == 6


async def test_the_python_sdk_without_any_ipv4_is_in_the_call(network6, serve, heard_both_ways):
    sfu = serve(network6.server6, ["127.0.0.1", network6.server6])
    await heard_both_ways(sfu, network6)
