# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""People for real calls: what their cameras show and their microphones say, and what others see and hear."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from aiohttp import web
from playwright.async_api import Frame, Page, expect

from bots.tilepicture import GROUND
from bridge.web.pages import BUILT

SPEECH = Path(__file__).parents[2] / "fixtures" / "speech"
WIDTH, HEIGHT, RATE_HZ, FRAMES = 640, 360, 10, 40
Colour = tuple[int, int, int]

ENVELOPE_HZ = 20
MICROPHONE_RATE = 48_000


@dataclass(frozen=True)
class Look:
    """A drawn person; tests tell people apart by the wall behind them."""

    wall: Colour
    clothes: Colour
    hair: Colour
    skin: Colour
    long_hair: bool = True


LOOKS = {
    "marie": Look(wall=(214, 138, 62), clothes=(38, 62, 84), hair=(74, 48, 36), skin=(240, 200, 172)),
    "ana": Look(wall=(72, 96, 176), clothes=(226, 222, 212), hair=(34, 28, 30), skin=(204, 152, 118)),
    "jean": Look(wall=(58, 128, 96), clothes=(96, 44, 56), hair=(150, 140, 132), skin=(232, 188, 160), long_hair=False),
}


def draw(look: Look, turn: float) -> np.ndarray:
    """Return one RGB picture; `turn` from 0 to 1 is where in a slow movement the person is."""
    scale = 2  # drawn twice as large, so that edges come out smooth
    y, x = np.mgrid[0 : HEIGHT * scale, 0 : WIDTH * scale] / scale
    sway = 5 * np.sin(2 * np.pi * turn)
    middle = WIDTH / 2 + sway
    picture = np.empty((*y.shape, 3))
    picture[:] = np.array(look.wall) * (1.06 - 0.16 * y / HEIGHT)[..., None]

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        return ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1

    def paint(mask: np.ndarray, colour: Colour) -> None:
        picture[mask] = colour

    hair = ellipse(middle, 122, 66, 76) | (ellipse(middle, 170, 70, 70) & (y < 205))
    paint(hair if look.long_hair else ellipse(middle, 112, 56, 58) & (y < 132), look.hair)
    paint(ellipse(middle + 0.3 * sway, HEIGHT + 20, 142, 138), look.clothes)
    paint((abs(x - middle) < 21) & (y > 170) & (y < 242), tuple(int(part * 0.9) for part in look.skin))
    paint(ellipse(middle, 240, 27, 20) & (y > 240), tuple(int(part * 0.9) for part in look.skin))
    paint(ellipse(middle, 138, 50, 62), look.skin)
    paint(ellipse(middle, 84, 54, 30) & (y < 98), look.hair)
    for side in (-1, 1):
        paint(ellipse(middle + side * 19 + 0.5 * sway, 134, 4.5, 5.5), (44, 34, 32))
    smile = ellipse(middle + 0.5 * sway, 160, 19, 13) & ~ellipse(middle + 0.5 * sway, 154, 23, 13)
    paint(smile, (158, 74, 70))
    return picture.reshape(HEIGHT, scale, WIDTH, scale, 3).mean((1, 3))


def to_yuv(rgb: np.ndarray) -> bytes:
    """Return the planes of one picture, 4:2:0, with BT.601's limited range as cameras have it."""
    red, green, blue = (rgb[..., part] / 255 for part in range(3))
    luma = 16 + 65.481 * red + 128.553 * green + 24.966 * blue
    chroma = (128 - 37.797 * red - 74.203 * green + 112 * blue, 128 + 112 * red - 93.786 * green - 18.214 * blue)
    halved = [plane.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3)) for plane in chroma]
    return b"".join(plane.round().clip(0, 255).astype("u1").tobytes() for plane in (luma, *halved))


@pytest.fixture(scope="session")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return name → a film for Chromium's fake camera, which plays it over and over."""
    folder = tmp_path_factory.mktemp("cameras")
    for name, look in LOOKS.items():
        with (folder / f"{name}.y4m").open("wb") as film:
            film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE_HZ}:1 Ip A1:1 C420mpeg2\n".encode())
            for number in range(FRAMES):
                film.write(b"FRAME\n" + to_yuv(draw(look, number / FRAMES)))
    return {name: folder / f"{name}.y4m" for name in LOOKS}


@pytest.fixture(scope="session")
def microphones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return name → a recording for Chromium's fake microphone, which plays it over and over."""
    folder = tmp_path_factory.mktemp("microphones")
    for name in ("staff", "guest"):
        samples, rate = soundfile.read(SPEECH / f"{name}.flac")
        times = np.arange(int(len(samples) * MICROPHONE_RATE / rate)) / MICROPHONE_RATE
        resampled = np.interp(times, np.arange(len(samples)) / rate, samples)
        soundfile.write(folder / f"{name}.wav", resampled, MICROPHONE_RATE, subtype="PCM_16")
    return {name: folder / f"{name}.wav" for name in ("staff", "guest")}


@pytest.fixture(scope="session")
def new_meeting(stack: Any) -> Callable[..., dict[str, Any]]:
    """Return a function that makes a meeting of Marie's: the Meeting, with `guest_link`, good for so many uses."""
    internal = stack.ready["internal"]

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{internal['url']}{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {internal['token']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def make(title: str, uses: int = 10) -> dict[str, Any]:
        meeting = post("/internal/v1/meetings", {"title": title, "organizer": stack.ready["staff"][0]["user_id"]})
        link = post(f"/internal/v1/meetings/{meeting['id']}/invites", {"uses": uses, "ttl_s": 3600})["url"]
        return meeting | {"guest_link": link}

    return make


async def sign_in_and_join(page: Page, address: str, *, name: str = "Marie Curie", consent: bool = False) -> None:
    """Open a meeting as staff do: sign in at the provider, then one click."""
    await page.goto(address)
    await page.get_by_role("link", name="Sign in").first.click()
    await page.get_by_role("button", name=name).click()
    await expect(page.get_by_text(f"Signed in as {name}")).to_be_visible()
    if consent:
        await page.get_by_role("checkbox", name="My words may be captioned").check()
    await page.get_by_role("button", name="Join the meeting").click()


async def join_as_guest(page: Page, link: str, *, name: str = "Ana Silva", consent: bool = False) -> None:
    """Open a link as guests do: a name and one click."""
    await page.goto(link)
    await page.get_by_label("Your name").fill(name)
    if consent:
        await page.get_by_role("checkbox", name="My words may be captioned").check()
    await page.get_by_role("button", name="Join the meeting").click()


async def in_call(page: Page) -> Frame:
    """Wait until Element Call says that it has joined; return its frame."""
    await expect(page.locator("#view-call")).to_be_visible()
    await expect(page.locator("#connecting")).to_be_hidden()
    return next(frame for frame in page.frames if "/ec/" in frame.url)


# One line of tile for each video of somebody else: who it says it is, and whose wall is behind them.
REMOTE_TILES = """() => [...document.querySelectorAll('video[data-lk-local-participant="false"]')].map((video) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth || 1, video.videoHeight || 1];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const at = (x, y) => [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3);
  let tile = video;
  while (tile.parentElement && !tile.innerText?.trim()) tile = tile.parentElement;
  return { name: tile.innerText.trim(), wall: [at(0.06, 0.4), at(0.94, 0.4), at(0.12, 0.15)], time: video.currentTime };
})"""


def whose_wall(samples: list[list[int]]) -> str | None:
    """Return whose camera this is, if all samples agree and are near; the caption tile is the captions' camera."""
    walls = {name: look.wall for name, look in LOOKS.items()} | {"captions": GROUND}
    seen = set()
    for sample in samples:
        distances = {name: float(np.linalg.norm(np.subtract(sample, wall))) for name, wall in walls.items()}
        nearest = min(distances, key=lambda name: distances[name])
        seen.add(nearest if distances[nearest] < 60 else None)
    return seen.pop() if len(seen) == 1 else None


async def who_is_seen(frame: Frame) -> dict[str, str | None]:
    """Return the name on each tile of somebody else → whose camera its picture comes from."""
    return {tile["name"]: whose_wall(tile["wall"]) for tile in await frame.evaluate(REMOTE_TILES)}


async def eventually(look: Callable[[], Awaitable[Any]], wanted: Any, within_s: float = 40) -> None:
    """Wait until looking gives what is wanted; the last sight is in the failure."""
    last = None
    try:
        async with asyncio.timeout(within_s):
            while (last := await look()) != wanted:  # noqa: ASYNC110  # what changes is in a browser
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"wanted {wanted}, saw {last} at last")


# Loudness of what comes out of all audio elements together, in steps; a ScriptProcessor because our content security
# policy lets no test bring a worklet.
LISTEN = """async (seconds) => {
  const context = new AudioContext({ sampleRate: 48000 });
  const meter = context.createScriptProcessor(2048, 1, 1);
  for (const audio of document.querySelectorAll("audio")) {
    if (audio.srcObject) context.createMediaStreamSource(audio.srcObject).connect(meter);
  }
  const levels = [];
  meter.onaudioprocess = ({ inputBuffer }) => {
    const samples = inputBuffer.getChannelData(0);
    levels.push(Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length));
  };
  meter.connect(context.destination);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  meter.disconnect();
  await context.close();
  return levels;
}"""
LISTEN_STEP_S = 2048 / 48_000


def likeness(heard: list[float], recording: Path) -> float:
    """Return how well the loudness that was heard fits some stretch of a looped recording, up to 1."""
    samples, rate = soundfile.read(recording)
    step = int(rate * LISTEN_STEP_S)
    blocks = samples[: len(samples) // step * step].reshape(-1, step)
    said = np.sqrt((blocks**2).mean(axis=1))
    said = np.concatenate([said, said])
    window = np.log10(np.array(heard) + 1e-3)
    window = (window - window.mean()) / (window.std() + 1e-9)
    best = 0.0
    for start in range(len(said) - len(window)):
        stretch = np.log10(said[start : start + len(window)] + 1e-3)
        stretch = (stretch - stretch.mean()) / (stretch.std() + 1e-9)
        best = max(best, float((window * stretch).mean()))
    return best


@pytest.fixture(scope="session")
def partner(stack: Any) -> dict[str, Any]:
    """Return who the partner is, with a function `session` that signs them in at their own homeserver anew."""
    account, server = stack.ready["partner_user"], stack.ready["homeservers"]["partner"]

    def ask(method: str, path: str, body: object, token: str = "") -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        url = f"{server['client_url']}/_matrix/client/v3{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def session() -> dict[str, Any]:
        identifier = {"type": "m.id.user", "user": account["user_id"]}
        login = {"type": "m.login.password", "identifier": identifier, "password": account["password"]}
        return ask("POST", "/login", login)

    return {"user_id": account["user_id"], "server": server, "session": session, "ask": ask}


@pytest_asyncio.fixture(loop_scope="session")
async def partner_call(partner: dict[str, Any]) -> AsyncIterator[str]:
    """Serve Element Call as the partner's organisation does, on a site of its own; return its address."""

    async def page(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(BUILT / "ec" / "index.html")

    async def config(_request: web.Request) -> web.StreamResponse:
        own = {"base_url": partner["server"]["client_url"], "server_name": partner["server"]["name"]}
        return web.json_response({"default_server_config": {"m.homeserver": own}})

    app = web.Application()
    app.router.add_get("/room", page)
    app.router.add_get("/config.json", config)
    app.router.add_static("/", BUILT / "ec")
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0)
    await site.start()
    yield f"http://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture(scope="session")
def call() -> Any:
    """Return the steps above as attributes: a folder of tests cannot import its conftest."""

    class Steps:
        sign_in_and_join = staticmethod(sign_in_and_join)
        join_as_guest = staticmethod(join_as_guest)
        in_call = staticmethod(in_call)
        who_is_seen = staticmethod(who_is_seen)
        eventually = staticmethod(eventually)
        likeness = staticmethod(likeness)
        listen = LISTEN

    return Steps
