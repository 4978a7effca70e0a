# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Janus's video room beside us: real WebRTC on both legs, the same packets, rates, cipher and receivers."""

import asyncio
import re
import secrets
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from sfu.load import description
from sfu.load.description import Answers
from tests.bench.sfu.machines import Crowd, MissingError, connected, on_core, own_address, server_core, spent_by, stream
from tests.ports import free_ports

READY_S = 15.0
_WANTED = {"libjanus_videoroom.so", "libjanus_websockets.so"}
_SEEN = {}

_GENERAL = """
general: {{ configs_folder="{folder}"; plugins_folder="{library}/plugins"; transports_folder="{library}/transports";
  events_folder="{folder}"; loggers_folder="{folder}"; log_to_stdout=true; debug_level=3; admin_secret="{secret}";
  interface="{host}"; session_timeout=300; event_loops=1; allow_loop_indication=false }}
certificates: {{ }}
media: {{ ipv6=false; min_nack_queue=500; rtp_port_range="30000-45000" }}
nat: {{ nice_debug=false; full_trickle=false; ice_lite=true; ice_enforce_list="{host}"; ignore_mdns=true }}
plugins: {{ disable="{plugins}" }}
transports: {{ disable="{transports}" }}
events: {{ broadcast=false }}
"""
_WEBSOCKETS = (
    'general: {{ json="compact"; ws=true; ws_port={port}; ws_ip="{host}"; wss=false }}\nadmin: {{ admin_ws=false }}\n'
)


def setup(program):
    """How the Janus that ran was made: its version, its libsrtp, and the library under that."""
    return _SEEN


class Session:
    """The requests of one Janus session."""

    def __init__(self, socket):
        self._socket = socket
        self._waiting = {}
        self._id = None

    async def read(self):
        async for message in self._socket:
            said = message.json()
            waiting = self._waiting.get(said.get("transaction"))
            if said["janus"] != "ack" and waiting is not None and not waiting.done():
                waiting.set_result(said)

    async def ask(self, **request):
        transaction = secrets.token_hex(6)
        self._waiting[transaction] = asyncio.get_running_loop().create_future()
        if self._id is not None:
            request["session_id"] = self._id
        await self._socket.send_json({**request, "transaction": transaction})
        answer = await asyncio.wait_for(self._waiting[transaction], 20)
        told = answer.get("plugindata", {}).get("data", {})
        if "error" in answer or "error" in told:
            raise MissingError(f"Janus refuses: {answer.get('error') or told}")
        return answer

    async def begin(self):
        self._id = (await self.ask(janus="create"))["data"]["id"]

    async def attach(self):
        return (await self.ask(janus="attach", plugin="janus.plugin.videoroom"))["data"]["id"]

    async def message(self, handle, jsep=None, **body):
        more = {} if jsep is None else {"jsep": jsep}
        return await self.ask(janus="message", handle_id=handle, body=body, **more)


def _configure(folder, program, host, port):
    """Write Janus's files; gives its command."""
    found = shutil.which(program)
    if found is None:
        raise MissingError(f"no {program} is here: apt-get install janus, or name it with --janus")
    library = next(Path(found).resolve().parents[1].glob("lib/*/janus"), None)
    if library is None:
        raise MissingError(f"the plugins of {found} are not beside it")
    unwanted = {
        kind: ",".join(one.name for one in (library / kind).glob("libjanus_*.so") if one.name not in _WANTED)
        for kind in ("plugins", "transports")
    }
    values = {"folder": folder, "library": library, "host": host, "port": port, **unwanted}
    values["secret"] = secrets.token_hex(8)
    Path(folder, "janus.jcfg").write_text(_GENERAL.format(**values))
    Path(folder, "janus.transport.websockets.jcfg").write_text(_WEBSOCKETS.format(**values))
    Path(folder, "janus.plugin.videoroom.jcfg").write_text("general: {}\n")
    return (found, "-F", folder, "-C", f"{folder}/janus.jcfg", "-L", f"{folder}/janus.log")


async def _listens(process, host, port):
    deadline = asyncio.get_running_loop().time() + READY_S
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return True
        await asyncio.sleep(0.1)
    return False


@asynccontextmanager
async def serving(program, host):
    """Run Janus with one event loop on the first core; gives its process and its WebSocket port."""
    with tempfile.TemporaryDirectory(prefix="janus-bench-") as folder:
        port, _ = free_ports()
        command = _configure(folder, program, host, port)
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=on_core(server_core())
        )
        try:
            if not await _listens(process, host, port):
                raise MissingError(f"Janus does not start: try {' '.join(command[:1])} by hand")
            _note(command[0], process.pid)
            yield process, port
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 10)
            except TimeoutError:
                process.kill()
                await process.wait()


def _note(program, pid):
    maps = Path(f"/proc/{pid}/maps").read_text()
    libsrtp = sorted(set(re.findall(r"/\S*libsrtp2\S*", maps)))
    texts = [Path(path).read_bytes() for path in libsrtp]
    needed = {name for text in texts for name in re.findall(rb"lib(?:nss3|crypto|mbedcrypto)\.so[.\d]*", text)}
    _SEEN.update(program=program, libsrtp=libsrtp, event_loops=1)
    _SEEN["crypto"] = sorted(name.decode() for name in needed)
    if any(name.startswith(b"libnss3") for name in needed):
        _SEEN["nss"] = "this libsrtp is built on NSS, which is several times slower: no headline ratio is given"


async def run(case, seconds, program):
    """One case through a video room."""
    host = own_address()
    async with (
        serving(program, host) as (process, port),
        aiohttp.ClientSession() as http,
        http.ws_connect(f"ws://{host}:{port}", protocols=("janus-protocol",), max_msg_size=0) as socket,
    ):
        session, crowd = Session(socket), Crowd()
        reading = asyncio.create_task(session.read())
        try:
            _SEEN["version"] = (await session.ask(janus="info"))["version_string"]
            await session.begin()
            await _meet(session, crowd, case, host)
            crowd.traffic.start()
            return await crowd.measure(seconds, lambda: spent_by(process.pid))
        finally:
            reading.cancel()
            await crowd.close()


def _named(sdp, endpoint, host):
    """Janus begins only when it knows a candidate of ours."""
    endpoint.socket.bind((host, 0))
    port = endpoint.socket.getsockname()[1]
    candidate = f"a=candidate:1 1 udp 2113937151 {host} {port} typ host\r\na=end-of-candidates\r\n"
    first, *others = sdp.split("\r\nm=")
    return "\r\nm=".join([first, *(f"{section.rstrip()}\r\n{candidate}".rstrip() for section in others)]) + "\r\n"


async def _meet(session, crowd, case, host):
    room, first = 1000 + secrets.randbelow(10**6), await session.attach()
    await session.message(
        first,
        request="create",
        room=room,
        publishers=50,
        bitrate=0,
        videocodec="vp8",
        audiocodec="opus",
        notify_joining=False,
        require_pvtid=False,
    )
    feeds = []
    for number in range(case.publishers):
        handle, endpoint = await session.attach(), crowd.endpoint()
        told = await session.message(handle, request="join", room=room, ptype="publisher")
        feeds.append(told["plugindata"]["data"]["id"])
        named = ("", "camera") if case.video else ("voice", "")
        row = stream(case, number)
        sdp = description.offer(endpoint.local, crowd.fingerprint, *named, ())
        mid = "1" if case.video else "0"
        sdp = sdp.replace("a=setup:actpass", "a=setup:active") + f"a=ssrc:{row.ssrc} cname:bench\r\n"
        sdp = sdp.replace(f"BUNDLE {mid}", "BUNDLE 0").replace(f"a=mid:{mid}", "a=mid:0")
        answer = await session.message(handle, {"type": "offer", "sdp": _named(sdp, endpoint, host)}, request="publish")
        await connected([(endpoint, *description.remote(answer["jsep"]["sdp"]))])
        crowd.send(endpoint, [row])
    pairs = []
    for _ in range(case.receivers):
        handle, endpoint = await session.attach(), crowd.endpoint()
        streams = [{"feed": feed} for feed in feeds]
        told = await session.message(handle, request="join", room=room, ptype="subscriber", streams=streams)
        offer = told["jsep"]["sdp"]
        answer = Answers(endpoint.local, crowd.fingerprint).to(offer)
        await session.message(handle, {"type": "answer", "sdp": _named(answer, endpoint, host)}, request="start")
        pairs.append((endpoint, *description.remote(offer)))
    await connected(pairs)
    for endpoint, *_ in pairs:
        crowd.receive(endpoint)
