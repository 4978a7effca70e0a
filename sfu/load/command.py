# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The command `sfu load`: `python -m sfu load`, and `passerelle sfu load`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Literal

from sfu.load import run
from sfu.load.plan import Plan
from sfu.load.report import as_text
from sfu.load.server import Server
from sfu.load.traffic import LoadError


def load(
    *,
    people: int = 10,
    publishers: int = 3,
    audio: int | None = None,
    large: int = 1,
    tiles: int = 16,
    join_within: float = 0.0,
    seconds: float = 10.0,
    url: str | None = None,
    key: str | None = None,
    secret: str | None = None,
    room: str = "",
    pid: int | None = None,
    engine: Literal["auto", "python", "native"] = "auto",
    voices: int = 0,
    media: Literal["auto", "c", "python"] = "auto",
    output: Path | None = None,
) -> int:
    """Simulate a meeting, and measure a server in it: this one, or any of LiveKit's protocol.

    Each person is a light client with LiveKit's signalling, ICE, DTLS and SRTP (AES-128-GCM) of its own. Cameras
    send VP8 in three layers (25, 60 and 210 packets a second), microphones Opus (50). One packet in a hundred is
    decrypted and checked; it holds the time at which it left, so that added latency is what the way through the
    server took. Light clients send no receiver reports and ask for no retransmissions, and publishers send every
    layer whatever the server asks. CPU figures are from /proc, so for servers on this machine alone.

    Parameters
    ----------
    people
        How many are there; at most 1000, for more run several of these with the same --room.
    publishers
        How many of them have a camera.
    audio
        How many of these have a microphone too; all if left out.
    large
        Cameras that each person shows large: their best layer is subscribed.
    tiles
        Cameras that each person shows small: their least layer is subscribed. Further ones are disabled.
    join_within
        The people come evenly over so many seconds; 0: all at once.
    seconds
        How long it is measured once all are there.
    url
        The server, as ws://127.0.0.1:7880; without it one is started here for the time of this load.
    key
        API key of the server at --url; LIVEKIT_API_KEY if left out.
    secret
        API secret of that key; LIVEKIT_API_SECRET if left out, which other users of this machine cannot see.
    room
        Name of the room; a fresh one if left out.
    pid
        Process of the server at --url, to read its CPU time by thread.
    engine
        Which forwarding engine, of the server that is started here.
    voices
        max_speakers of the server that is started here; 0 sends all microphones on.
    media
        Who makes the light media: C, compiled once with cc, gcc or clang, or Python; auto takes C if it can.
    output
        File for the figures, as JSON.
    """
    try:
        server = _server(url, key, secret, pid)
        plan = Plan(people, publishers, publishers if audio is None else audio, large, tiles, join_within, seconds)
        figures = asyncio.run(
            run.load(plan, server, room=room, make=media, engine=engine, voices=voices, output=output, say=_progress)
        )
    except LoadError as error:
        print(f"sfu load: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    print(as_text(figures))  # noqa: T201
    return 0


def _server(url: str | None, key: str | None, secret: str | None, pid: int | None) -> Server | None:
    if url is None:
        if pid is not None:
            raise LoadError("--pid is for the server at --url; one that is started here is known")
        return None
    key, secret = key or os.environ.get("LIVEKIT_API_KEY"), secret or os.environ.get("LIVEKIT_API_SECRET")
    if not key or not secret:
        raise LoadError("--url needs --key and --secret, or LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    return Server(url, key, secret, pid)


def _progress(text: str) -> None:
    print(f"sfu load: {text}", file=sys.stderr, flush=True)  # noqa: T201
