# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does one light client do in a meeting? LiveKit's signalling with two peer connections, and light media.

The server offers what others publish, the client offers what it publishes. It reads no media itself: the sockets
go to the `Traffic` once they are connected.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from random import Random
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiortc.rtcdtlstransport import RTCCertificate
from livekit.protocol import models, rtc

from sfu.core.media import Fingerprint
from sfu.load import description
from sfu.load.endpoint import Endpoint
from sfu.load.plan import LAYERS, Plan, streams
from sfu.load.traffic import LoadError, Traffic

SETTINGS_EVERY_S = 0.1
"""What is shown changes at most this often, as in clients."""
IDENTITY = "load-"
SIGNALLING_S = 30.0

_QUERY = {"auto_subscribe": "1", "sdk": "js", "protocol": "16", "version": "2.16.0", "adaptive_stream": "1"}


class Person:
    """One of the crowd."""

    def __init__(self, number: int, plan: Plan, traffic: Traffic, certificate: RTCCertificate) -> None:
        self.number = number
        self.began = 0
        """When it began to connect, CLOCK_REALTIME in ns."""
        self.joined = asyncio.Event()
        """All its transports are up."""
        self.connected_s = 0.0
        """From then until that."""
        self.receiver: int | None = None
        self.sender: int | None = None
        self.sends_from: int | None = None
        """When its first packet left, in ns."""
        self.messages = 0
        self.signal_bytes = 0
        self.offers = 0
        self.publisher = Endpoint(certificate)
        self.subscriber = Endpoint(certificate)
        self.publishing = plan.publishing(number)
        self._plan = plan
        self._traffic = traffic
        own = next(one for one in certificate.getFingerprints() if one.algorithm == "sha-256")
        self._own = Fingerprint(own.algorithm, own.value)
        self._answers = description.Answers(self.subscriber.local, self._own)
        self._expected = 0
        self._shown: dict[str, int | None] = {}
        self._unsaid: dict[str, int | None] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._downlink = self._uplink = False

    @property
    def name(self) -> str:
        """Its identity."""
        return f"{IDENTITY}{self.number}"

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Its transports."""
        return (self.subscriber,) if self.publishing is None else (self.subscriber, self.publisher)

    async def run(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        """Be there until cancelled. Raises LoadError when the server refuses, or ends it."""
        self.began = time.time_ns()
        try:
            async with (
                http.ws_connect(
                    f"{url}/rtc",
                    params={**_QUERY, "access_token": token},
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=3.0),
                ) as signal,
                asyncio.TaskGroup() as self._tasks,
            ):
                async for message in signal:
                    if message.type is not aiohttp.WSMsgType.BINARY:
                        break
                    self.messages += 1
                    self.signal_bytes += len(message.data)
                    await self._take(signal, rtc.SignalResponse.FromString(message.data))
                raise LoadError(f"the server closed the connection of {self.name} ({signal.close_code})")
        except aiohttp.WSServerHandshakeError as error:
            raise LoadError(await _refusal(http, url, token, error)) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise LoadError(f"no connection to {url}: {error}") from error
        except ExceptionGroup as group:
            first = group.exceptions[0]
            raise (first if isinstance(first, LoadError) else LoadError(f"{self.name}: {first!r}")) from group

    async def close(self) -> None:
        """Close the transports."""
        for endpoint in (self.subscriber, self.publisher):
            await endpoint.close()

    async def _take(self, signal: aiohttp.ClientWebSocketResponse, response: rtc.SignalResponse) -> None:
        match response.WhichOneof("message"):
            case "join":
                self._see(signal, response.join.other_participants)
                await self._announce(signal)
            case "update":
                self._see(signal, response.update.participants)
            case "offer":
                await self._answer(signal, response.offer)
            case "track_published":
                self._expected -= 1
                if not self._expected:
                    await self._offer(signal)
            case "answer" if not self._uplink:
                self._uplink = True
                self._start(self._publish(response.answer.sdp))
            case "leave":
                reason = models.DisconnectReason.Name(response.leave.reason)
                raise LoadError(f"the server sent {self.name} away: {reason}")

    async def _announce(self, signal: aiohttp.ClientWebSocketResponse) -> None:
        if self.publishing is None:
            return
        camera = rtc.AddTrackRequest(
            cid=f"camera-{self.number}",
            name="camera",
            type=models.TrackType.VIDEO,
            source=models.TrackSource.CAMERA,
            width=LAYERS[-1].width,
            height=LAYERS[-1].height,
            layers=[_layer(number) for number in range(len(LAYERS))],
        )
        wanted = [camera]
        if self.publishing < self._plan.sounding:
            kind, source = models.TrackType.AUDIO, models.TrackSource.MICROPHONE
            wanted.append(rtc.AddTrackRequest(cid=f"voice-{self.number}", name="voice", type=kind, source=source))
        self._expected = len(wanted)
        for request in wanted:
            await _send(signal, rtc.SignalRequest(add_track=request))

    async def _offer(self, signal: aiohttp.ClientWebSocketResponse) -> None:
        assert self.publishing is not None
        voice = f"voice-{self.number}" if self.publishing < self._plan.sounding else ""
        rids = tuple(layer.rid for layer in LAYERS)
        sdp = description.offer(self.publisher.local, self._own, voice, f"camera-{self.number}", rids)
        await _send(signal, rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp=sdp, id=1)))

    async def _answer(self, signal: aiohttp.ClientWebSocketResponse, offer: rtc.SessionDescription) -> None:
        self.offers += 1
        answer = rtc.SessionDescription(type="answer", sdp=self._answers.to(offer.sdp), id=offer.id)
        await _send(signal, rtc.SignalRequest(answer=answer))
        if not self._downlink:
            self._downlink = True
            self._start(self._subscribe(offer.sdp))

    async def _subscribe(self, sdp: str) -> None:
        await self.subscriber.connect(*description.remote(sdp))
        self.receiver = self._traffic.add_receiver(self.subscriber.hand_over())
        self._arrived()

    async def _publish(self, sdp: str) -> None:
        assert self.publishing is not None
        keys = await self.publisher.connect(*description.remote(sdp))
        self.sender = self._traffic.add_sender(self.publisher.hand_over(), keys)
        sound = self.publishing < self._plan.sounding
        chance = Random(self.publishing)  # noqa: S311  # spreads packets in time, nothing secret
        self.sends_from = time.time_ns()
        for row in streams(self.publishing, self.sends_from, sound=sound, chance=chance):
            self._traffic.add_stream(self.sender, row)
        self._arrived()

    def _arrived(self) -> None:
        if self.receiver is not None and (self.sender is not None or self.publishing is None):
            self.connected_s = (time.time_ns() - self.began) / 1e9
            self.joined.set()

    def _see(self, signal: aiohttp.ClientWebSocketResponse, people: Iterable[models.ParticipantInfo]) -> None:
        """Choose the cameras that are shown, of all that were heard of by now."""
        fresh: dict[str, int | None] = {}
        for person in people:
            number = person.identity.removeprefix(IDENTITY)
            if not number.isdecimal() or int(number) == self.number:
                continue
            publisher = self._plan.publishing(int(number))
            for track in person.tracks:
                if track.type == models.TrackType.VIDEO and track.sid not in self._shown and publisher is not None:
                    fresh[track.sid] = self._shown[track.sid] = self._plan.quality(self.number, publisher)
        waiting, self._unsaid = bool(self._unsaid), {**self._unsaid, **fresh}
        if fresh and not waiting:
            self._start(self._say_shown(signal))

    async def _say_shown(self, signal: aiohttp.ClientWebSocketResponse) -> None:
        await asyncio.sleep(SETTINGS_EVERY_S)
        unsaid, self._unsaid = self._unsaid, {}
        for quality in dict.fromkeys(unsaid.values()):
            sids = [sid for sid, wanted in unsaid.items() if wanted == quality]
            setting = rtc.UpdateTrackSettings(track_sids=sids, disabled=quality is None)
            if quality is not None:
                layer = LAYERS[quality]
                setting.width, setting.height = layer.width, layer.height
            await _send(signal, rtc.SignalRequest(track_setting=setting))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        assert self._tasks is not None
        self._tasks.create_task(work)


def http_url(url: str) -> str:
    """The same server by HTTP. Raises LoadError for what is no URL of a LiveKit server."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https", "http": "http", "https": "https"}.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise LoadError(f"{url!r} is no server: --url is like ws://127.0.0.1:7880 or wss://sfu.example.org")
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _layer(number: int) -> models.VideoLayer:
    layer = LAYERS[number]
    bitrate = int(layer.per_second * layer.parts * layer.size * 8)
    quality = models.VideoQuality.Name(layer.quality)
    return models.VideoLayer(quality=quality, width=layer.width, height=layer.height, bitrate=bitrate, rid=layer.rid)


async def _refusal(http: aiohttp.ClientSession, url: str, token: str, error: aiohttp.WSServerHandshakeError) -> str:
    """Ask why, as clients do: the answer to a WebSocket has no text that can be read."""
    try:
        async with http.get(f"{http_url(url)}/rtc/validate", params={**_QUERY, "access_token": token}) as answer:
            text = (await answer.text())[:300]
    except aiohttp.ClientError:
        text = error.message
    hint = "; are --key and --secret those of the server?" if error.status == 401 else ""
    return f"the server refused with {error.status}: {text}{hint}"


async def _send(signal: aiohttp.ClientWebSocketResponse, request: rtc.SignalRequest) -> None:
    try:
        await signal.send_bytes(request.SerializeToString())
    except ConnectionError:
        return  # the reader sees the end, and says so
