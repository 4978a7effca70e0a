# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Real clients against the real server: `python -m sfu serve` as a process, the livekit SDK, Chromium."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import numpy
import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api, rtc
from playwright.async_api import async_playwright

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
KEY, SECRET = "key", "0123456789abcdefghijklmnopqrstuv"
SERVE = (sys.executable, "-m", "sfu", "serve", "--dev", f"--engine={os.environ.get('SFU_ENGINE', 'auto')}")
RATE = 48_000
SIZE = (640, 360)
UNSEEN = 5
"""Pictures decoded and not handed out, before that is taken for the SDK's fault."""


async def eventually(condition, *, within=15.0, what="a condition"):
    """Wait until a condition (a function, or an async one) gives something true, and give that."""
    deadline = time.monotonic() + within
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not come about within {within} s"
        await asyncio.sleep(0.05)


class Sfu:
    """A running server and the keys to it."""

    def __init__(self, process, port, media_port):
        self.process = process
        self.http = f"http://127.0.0.1:{port}"
        self.url = f"ws://127.0.0.1:{port}"
        self.media = ("127.0.0.1", media_port)

    def token(self, identity, room, **grants):
        video = api.VideoGrants(**{"room_join": True, "room": room, "can_update_own_metadata": True, **grants})
        return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(video).to_jwt()

    def admin(self):
        return api.LiveKitAPI(self.http, KEY, SECRET)

    def stop(self):
        """End it as a supervisor does; give its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=10)


@contextmanager
def serving(log_path, port, media_port, *arguments):
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [*SERVE, f"--port={port}", f"--media-port={media_port}", *arguments],
            stdout=log,
            stderr=log,
            env={"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "PATH": "/usr/bin:/bin"},
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1):
                break
            assert process.poll() is None, log_path.read_text()
            assert time.monotonic() < deadline, log_path.read_text()
            time.sleep(0.05)
        yield Sfu(process, port, media_port)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def sfu(tmp_path_factory, free_ports):
    """One server for all tests; each has a room of its own."""
    log = tmp_path_factory.mktemp("sfu") / "log"
    with serving(log, *free_ports()) as started:
        yield started
        assert started.stop() == 0
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def restarting_sfu(tmp_path, free_ports):
    """A server that a test starts again and again, on the same ports."""
    ports = free_ports()
    return lambda: serving(tmp_path / "log", *ports)


class CutProxy:
    """A way to the server's HTTP port that can be cut and mended: TCP both ways, nothing changed."""

    def __init__(self, target_port):
        self._target_port = target_port
        self._writers = set()
        self._tasks = set()
        self._whole = asyncio.Event()
        self._whole.set()

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self, *, mended=True):
        """Break all connections without a word; new ones wait unless it is mended at once."""
        if not mended:
            self._whole.clear()
        for writer in list(self._writers):
            writer.transport.abort()

    def mend(self):
        self._whole.set()

    async def stop(self):
        self._server.close()
        self.cut()
        self.mend()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._writers.add(writer)
        await self._whole.wait()
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._writers.add(there_writer)
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer), return_exceptions=True)
        self._writers -= {writer, there_writer}
        self._tasks.discard(task)

    async def _pump(self, reader, writer):
        with suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def way(sfu):
    """A way to the server that a test may cut."""
    proxy = CutProxy(int(sfu.url.rpartition(":")[2]))
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
def run_sfu(tmp_path, free_ports):
    """Run a server with further arguments."""
    return lambda *arguments: serving(tmp_path / "log", *free_ports(), *arguments)


@pytest.fixture
def room_name():
    return f"room-{uuid.uuid4().hex[:8]}"


class Person:
    """A participant by the Python SDK: what it publishes and what it sees and hears of others."""

    def __init__(self, identity):
        self.identity = identity
        self.room = rtc.Room()
        self.events = []
        self.data = []
        self.sounds = {}
        self.pictures = {}
        self.sizes = {}
        self.frames = 0
        self.disconnected = asyncio.Event()
        self.reason = None
        self._tasks = set()
        for name in ("track_muted", "track_unmuted", "participant_disconnected", "participant_connected"):
            self.room.on(name, lambda *arguments, name=name: self._note(name, arguments))
        for name in ("reconnecting", "reconnected"):
            self.room.on(name, lambda *arguments, name=name: self._note(name, arguments))
        self._streams = {}
        self._handed = Counter()
        self._mending = set()
        self.room.on("track_subscribed", self._subscribed)
        self.room.on("track_unsubscribed", self._unsubscribed)
        self.room.on("data_received", self._received)
        self.room.on("disconnected", self._disconnected)

    async def join(self, url, token, **options):
        await asyncio.wait_for(self.room.connect(url, token, rtc.RoomOptions(**options)), 20)

    async def speak(self, hertz):
        """Publish a tone."""
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        publication = await self.room.local_participant.publish_track(track, options)
        self._start(self._play(source, hertz))
        return track, publication

    async def show(self, rgb):
        """Publish a plain colour."""
        source = rtc.VideoSource(*SIZE)
        track = rtc.LocalVideoTrack.create_video_track("camera", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA)
        publication = await self.room.local_participant.publish_track(track, options)
        self._start(self._film(source, rgb))
        return track, publication

    def hears(self, identity):
        """The loudest frequency in the last half second of somebody's sound, 0 in silence."""
        sound = self.sounds.get(identity, numpy.zeros(0))
        if len(sound) < RATE // 2 or numpy.abs(sound).max() < 200:
            return 0.0
        spectrum = numpy.abs(numpy.fft.rfft(sound * numpy.hanning(len(sound))))
        return float(spectrum.argmax()) * RATE / len(sound)

    def sees(self, identity):
        """The mean colour of the middle of somebody's picture."""
        return self.pictures.get(identity)

    def publications(self, identity):
        participant = self.room.remote_participants.get(identity)
        return {} if participant is None else dict(participant.track_publications)

    async def leave(self):
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    def _start(self, work):
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _note(self, name, arguments):
        sids = [getattr(argument, "identity", None) or getattr(argument, "sid", "") for argument in arguments]
        self.events.append((name, *sids))

    def _received(self, packet):
        sender = packet.participant.identity if packet.participant else ""
        self.data.append((sender, packet.data, packet.topic))

    def _disconnected(self, reason):
        self.reason = reason
        self.disconnected.set()

    def _subscribed(self, track, publication, participant):
        if publication.sid not in self._mending:
            self.events.append(("track_subscribed", participant.identity, publication.sid))
        self._mending.discard(publication.sid)
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._streams[track.sid] = self._start(self._listen(track, participant.identity))
        else:
            self._streams[track.sid] = self._start(self._watch(track, publication, participant.identity))

    def _unsubscribed(self, track, publication, participant):
        self._streams.pop(track.sid).cancel()
        if publication.sid in self._mending:
            publication.set_subscribed(True)
        else:
            self.events.append(("track_unsubscribed", participant.identity, publication.sid))

    async def _play(self, source, hertz):
        at = 0
        while True:
            wave = numpy.sin(2 * numpy.pi * hertz * (numpy.arange(480) + at) / RATE) * 8000
            at += 480
            frame = rtc.AudioFrame(wave.astype(numpy.int16).tobytes(), RATE, 1, 480)
            await source.capture_frame(frame)

    async def _film(self, source, rgb):
        picture = numpy.full((SIZE[1], SIZE[0], 4), (*rgb, 255), numpy.uint8)
        at = 0
        while True:
            at = (at + 8) % SIZE[0]
            moving = picture.copy()
            moving[:16, at : at + 8] = 0
            source.capture_frame(rtc.VideoFrame(*SIZE, rtc.VideoBufferType.RGBA, moving.tobytes()))
            await asyncio.sleep(1 / 15)

    async def _listen(self, track, identity):
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        try:
            async for event in stream:
                heard = numpy.frombuffer(event.frame.data, numpy.int16).astype(float)
                sound = numpy.concatenate([self.sounds.get(identity, numpy.zeros(0)), heard])
                self.sounds[identity] = sound[-RATE // 2 :]
        finally:
            await stream.aclose()

    async def _watch(self, track, publication, identity):
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA)
        doubt = self._start(self._mend(track, publication))
        try:
            async for event in stream:
                frame = event.frame
                picture = numpy.frombuffer(frame.data, numpy.uint8).reshape(frame.height, frame.width, 4)
                height, width = frame.height, frame.width
                middle = picture[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3, :3]
                self.pictures[identity] = tuple(middle.mean(axis=(0, 1)))
                self.sizes[identity] = (width, height)
                self.frames += 1
                self._handed[publication.sid] += 1
        finally:
            doubt.cancel()
            await stream.aclose()

    async def _mend(self, track, publication):
        """Subscribe anew to what the SDK decodes and does not hand out.

        A client that publishes a picture sets up all its video receivers again. libwebrtc takes a packet that comes
        meanwhile for one of an unknown stream ("Creating default receive stream", "already exists") and takes the
        receiver's sink away, whatever server sent it.
        """
        decoded, handed = 0, self._handed[publication.sid]
        while True:
            await asyncio.sleep(1)
            reports = [report.inbound_rtp.inbound for report in await track.get_stats()]
            before, decoded = decoded, sum(report.frames_decoded for report in reports)
            before_handed, handed = handed, self._handed[publication.sid]
            if decoded - before >= UNSEEN and handed == before_handed:
                self._mending.add(publication.sid)
                publication.set_subscribed(False)
                return


class OldServer:
    """The same server as clients see one that does not know `/rtc/v1`: a proxy that refuses that path."""

    def __init__(self, sfu):
        self._sfu = sfu
        self._sockets = set()
        self.url = ""

    async def cut(self):
        """End every socket without a word."""
        for socket in list(self._sockets):
            await socket.close()

    async def relay(self, request):
        answer = web.WebSocketResponse()
        headers = {"Authorization": request.headers["Authorization"]}
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{self._sfu.http}/rtc", params=request.query, headers=headers) as server,
        ):
            await answer.prepare(request)
            self._sockets.add(answer)
            try:
                await asyncio.gather(self._pass_on(server, answer), self._pass_on(answer, server))
            finally:
                self._sockets.discard(answer)
        return answer

    async def _pass_on(self, source, to):
        async for message in source:
            await to.send_bytes(message.data)
        await to.close()


@pytest_asyncio.fixture(loop_scope="session")
async def old_server(sfu):
    old = OldServer(sfu)
    app = web.Application()
    app.router.add_get("/rtc", old.relay)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    old.url = "ws://{}:{}".format(*runner.addresses[0])
    yield old
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def enter(sfu, room_name):
    """Let people of the Python SDK in; they leave at the end."""
    people = []

    async def let_in(identity, *, url=sfu.url, token=None, grants=None, **options):
        person = Person(identity)
        people.append(person)
        await person.join(url, token or sfu.token(identity, room_name, **(grants or {})), **options)
        return person

    yield let_in
    for person in people:
        await person.leave()


def alike(picture, rgb, tolerance=40):
    """Whether a seen colour is the shown one, give or take what coding does to it."""
    return picture is not None and max(abs(a - b) for a, b in zip(picture, rgb, strict=True)) <= tolerance


class Page:
    """A participant in a page of real Chromium."""

    def __init__(self, page):
        self.page = page

    async def call(self, function, *arguments):
        """Call a function of page.html."""
        return await self.page.evaluate("([name, args]) => window.call[name](...args)", [function, list(arguments)])

    async def value(self, name):
        return await self.page.evaluate("(name) => window.call[name]", name)

    async def sees(self, identity):
        picture = await self.call("picture", identity)
        return picture and tuple(picture["rgb"])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_arguments):
    """One Chromium for all tests; each page has a profile of its own."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=chromium_arguments)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser):
    """Open a page with one of the livekit-clients of package.json: `216`, `2223`, `newest`."""
    app = web.Application()
    app.router.add_static("/", HERE)  # a page of another origin than the server's, as in real life
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    contexts = []

    async def open_with(client):
        if not bundle(client).exists():
            pytest.skip(f"livekit-client-{client} is not installed: npm ci --prefix tests/sfu/clients")
        context = await browser.new_context(permissions=["camera", "microphone"])
        contexts.append(context)
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{port}/page.html")
        await page.add_script_tag(path=bundle(client))
        return Page(page)

    yield open_with
    for context in contexts:
        await context.close()
    await runner.cleanup()


def bundle(client):
    return HERE / "node_modules" / f"livekit-client-{client}" / "dist" / "livekit-client.umd.js"


def pytest_collection_modifyitems(items):
    reason = None
    if not Path(CHROMIUM).exists():
        reason = "needs Chromium (Debian: apt install chromium)"
    for item in items:
        if HERE not in item.path.parents:
            continue
        # One event loop for all, so that one browser serves them all.
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def wait_for():
    return eventually


@pytest.fixture
def looks_like():
    return alike
