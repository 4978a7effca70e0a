# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Bad networks: clients in a namespace of their own, a firewall in front of them, a real coturn.

The namespace hangs on one pair of virtual interfaces; the server is at our end of it. What the firewall drops
is counted, so that a test can tell a blocked way from one that nobody tried.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api
from playwright.async_api import async_playwright

from bridge.stack.turn import Relay, render_coturn, render_sfu_table

HERE = Path(__file__).parent
CLIENTS = HERE.parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
KEY, SECRET = "key", "0123456789abcdefghijklmnopqrstuv"
TURN_PORT = 3478


def run(*command, text=None):
    subprocess.run(command, check=True, input=text, text=True, capture_output=True)


def why_not():
    """Say why no namespace can be had here; None where it can."""
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    missing = [name for name in ("ip", "nft") if shutil.which(name) is None]
    if missing:
        return f"needs {' and '.join(missing)} (Debian: apt install iproute2 nftables)"
    probe = f"passerelle-{os.getpid()}-probe"
    if subprocess.run(["ip", "netns", "add", probe], check=False, capture_output=True).returncode:
        return "network namespaces are not allowed here"
    run("ip", "netns", "del", probe)
    return None


class Network:
    """A namespace behind a firewall; `server` and `server6` are our addresses on its network."""

    def __init__(self, name, number):
        self.name = name
        self.server, self.client = f"10.213.{number}.1", f"10.213.{number}.2"
        self.server6, self.client6 = f"2001:db8:213:{number:x}::1", f"2001:db8:213:{number:x}::2"
        self._outside, self._inside = f"ps{number}a{os.getpid() % 10000}", f"ps{number}b{os.getpid() % 10000}"

    def open(self, *, families=(4, 6)):
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self._outside, "type", "veth", "peer", "name", self._inside, "netns", self.name)
        addresses = [(self.server, self.client, 24)] if 4 in families else []
        addresses += [(self.server6, self.client6, 64)] if 6 in families else []
        for server, client, bits in addresses:
            nodad = ["nodad"] if ":" in server else []
            run("ip", "addr", "add", f"{server}/{bits}", "dev", self._outside, *nodad)
            self.execute("ip", "addr", "add", f"{client}/{bits}", "dev", self._inside, *nodad)
        run("ip", "link", "set", self._outside, "up")
        self.execute("ip", "link", "set", self._inside, "up")
        self.execute("ip", "link", "set", "lo", "up")
        for server, _, _ in addresses:  # WebRTC takes the addresses of the default route first
            self.execute("ip", *(["-6"] if ":" in server else []), "route", "add", "default", "via", server)

    def close(self):
        for command in (["ip", "link", "del", self._outside], ["ip", "netns", "del", self.name]):
            subprocess.run(command, check=False, capture_output=True)

    def execute(self, *command, text=None):
        run("ip", "netns", "exec", self.name, *command, text=text)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def block(self, *rules):
        """Drop what goes out by these rules of nft: `meta l4proto udp`, `tcp dport 7882` …"""
        lines = "\n".join(f"    {rule} counter drop" for rule in rules)
        text = f"table inet firewall {{\n  chain out {{\n    type filter hook output priority 0;\n{lines}\n  }}\n}}\n"
        self.execute("nft", "-f", "-", text=text)

    def blocked(self):
        """How many packets each rule dropped."""
        listing = subprocess.run(
            self.command("nft", "-j", "list", "table", "inet", "firewall"), check=True, capture_output=True
        )
        rules = [entry["rule"]["expr"] for entry in json.loads(listing.stdout)["nftables"] if "rule" in entry]
        return [part["counter"]["packets"] for expressions in rules for part in expressions if "counter" in part]


@pytest.fixture(scope="session")
def namespaces():
    """Make networks; each test gets its own."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    numbers = iter(range(os.getpid() % 200, 255))

    @contextmanager
    def make(**options):
        number = next(numbers)
        network = Network(f"passerelle-{os.getpid()}-{number}", number)
        try:
            network.open(**options)
            yield network
        finally:
            network.close()

    return make


@pytest.fixture
def network(namespaces):
    """IPv4 and IPv6."""
    with namespaces() as made:
        yield made


@pytest.fixture
def network6(namespaces):
    """IPv6 alone."""
    with namespaces(families=(6,)) as made:
        yield made


class NetworkSfu:
    """A server that listens where a network reaches it."""

    def __init__(self, host, port, media_port):
        shown = f"[{host}]" if ":" in host else host
        self.http, self.url = f"http://{shown}:{port}", f"ws://{shown}:{port}"
        self.media_port = media_port

    def token(self, identity, room):
        grants = api.VideoGrants(room_join=True, room=room)
        return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


@pytest.fixture
def serve(tmp_path, free_ports):
    """Start a server: serve(http_host, media_hosts, more lines of sfu.toml)."""
    started = []

    def start(host, media, more=""):
        port, media_port = free_ports()
        config, log = tmp_path / "sfu.toml", tmp_path / "sfu.log"
        config.write_text(
            f'http_host = "{host}"\nhttp_port = {port}\nmedia_host = {json.dumps(media)}\n'
            f'media_port = {media_port}\nauto_create = true\n[keys]\n{KEY} = "{SECRET}"\n{more}'
        )
        config.chmod(0o600)
        with log.open("w") as file:
            command = [sys.executable, "-m", "sfu", "serve", "--config", config]
            process = subprocess.Popen(command, stdout=file, stderr=file)
        started.append((process, log))
        sfu = NetworkSfu(host, port, media_port)
        deadline = time.monotonic() + 30
        while True:
            with suppress(OSError), urllib.request.urlopen(f"{sfu.http}/", timeout=1):
                return sfu
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    yield start
    for process, log in started:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def coturn(tmp_path, wait_until):
    """Start a real coturn beside the server; coturn(network) gives the table for sfu.toml."""
    if shutil.which("turnserver") is None:
        pytest.skip("needs coturn (Debian: apt install coturn)")
    processes = []

    def start(network):
        relay = Relay("turn.example", (network.server,), (network.server,), port=TURN_PORT)
        config, log = tmp_path / "turnserver.conf", tmp_path / "coturn.log"
        config.write_text(render_coturn(relay))
        with log.open("w") as file:
            command = ["turnserver", "-c", config, "--db", tmp_path / "turndb"]
            processes.append(subprocess.Popen(command, stdout=file, stderr=file, cwd=tmp_path))
        wait_until(lambda: listens(network.server, TURN_PORT), f"coturn's listener: {log.read_text()}")
        return render_sfu_table(relay).replace("turn.example", network.server)

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


def listens(host, port):
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


class Page:
    """A participant in Chromium in a namespace."""

    def __init__(self, page):
        self.page = page

    async def call(self, function, *arguments):
        return await self.page.evaluate("([name, args]) => window.call[name](...args)", [function, list(arguments)])

    async def sees(self, identity):
        picture = await self.call("picture", identity)
        return picture and tuple(picture["rgb"])


@pytest_asyncio.fixture(loop_scope="session")
async def open_inside(tmp_path, chromium_arguments):
    """Open a page in Chromium in a network's namespace."""
    browsers = []
    runners = []
    async with async_playwright() as playwright:

        async def open_in(network, host):
            wrapper = tmp_path / "chromium"
            wrapper.write_text(f'#!/bin/sh\nexec {" ".join(network.command(CHROMIUM))} "$@"\n')
            wrapper.chmod(0o700)
            app = web.Application()
            app.router.add_static("/", CLIENTS)
            runner = web.AppRunner(app)
            runners.append(runner)
            await runner.setup()
            await web.TCPSite(runner, host, 0).start()
            port = runner.addresses[0][1]
            shown = f"[{host}]" if ":" in host else host
            browser = await playwright.chromium.launch(executable_path=wrapper, args=chromium_arguments)
            browsers.append(browser)
            page = await browser.new_page()
            await page.goto(f"http://{shown}:{port}/page.html")
            await page.add_script_tag(path=CLIENTS / "node_modules/livekit-client-newest/dist/livekit-client.umd.js")
            return Page(page)

        yield open_in
        for browser in browsers:
            await browser.close()
        for runner in runners:
            await runner.cleanup()


class Caller:
    """A participant of the Python SDK in a namespace: what `caller.py` says of itself."""

    def __init__(self, process):
        self.process = process
        self.hears = 0.0
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for line in self.process.stdout:
            self.hears = json.loads(line)["hears"]

    async def stop(self):
        self.process.terminate()
        await self.process.wait()
        await self._reading


@pytest_asyncio.fixture(loop_scope="session")
async def call_inside():
    """Let somebody of the Python SDK call from a namespace: call_inside(network, url, token, listen to, hertz)."""
    callers = []

    async def call(network, url, token, to, hertz, *, relay=False):
        arguments = [sys.executable, HERE / "caller.py", url, token, to, str(hertz), *(["--relay"] if relay else [])]
        process = await asyncio.create_subprocess_exec(
            *network.command(*arguments), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        callers.append(Caller(process))
        return callers[-1]

    yield call
    for caller in callers:
        await caller.stop()
