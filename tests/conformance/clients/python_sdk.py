# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The verbs of `vocabulary` with the `livekit` SDK for Python."""

import asyncio
import re
import time

import numpy
from livekit import rtc
from livekit.rtc._proto.room_pb2 import SimulateScenarioKind
from livekit.rtc._proto.track_pb2 import ParticipantTrackPermission

from tests.conformance.clients.vocabulary import Refused

RATE = 48_000
FRAMES_PER_S = 15
WINDOW = RATE // 4
SILENT_AFTER_S = 0.5
"""Without a frame of sound for so long, nothing is heard."""

CODECS = {"vp8": rtc.VideoCodec.VP8, "vp9": rtc.VideoCodec.VP9, "av1": rtc.VideoCodec.AV1, "h264": rtc.VideoCodec.H264}
QUALITIES = {"low": 0, "medium": 1, "high": 2}
SOURCES = {
    rtc.TrackSource.SOURCE_CAMERA: "camera",
    rtc.TrackSource.SOURCE_MICROPHONE: "microphone",
    rtc.TrackSource.SOURCE_SCREENSHARE: "screen_share",
}
NOTED = (
    "participant_connected", "participant_disconnected", "track_published", "track_unpublished", "track_subscribed",
    "track_unsubscribed", "track_muted", "track_unmuted", "active_speakers_changed", "room_metadata_changed",
    "participant_metadata_changed", "participant_name_changed", "participant_attributes_changed",
    "connection_quality_changed", "participant_permissions_changed", "local_track_subscribed",
    "local_track_unpublished", "track_subscription_failed", "disconnected", "reconnecting", "reconnected",
    "token_refreshed", "e2ee_state_changed", "sip_dtmf_received",
)  # fmt: skip


class PythonClient:
    """One participant."""

    def __init__(self):
        self._room = rtc.Room()
        self._events = []
        self._data = []
        self._done_streams = []
        self._sounds = {}
        self._pictures = {}
        self._attached = {}
        self._tasks = set()
        self._tracks = {}
        for name in NOTED:
            self._room.on(name, lambda *arguments, name=name: self._note(name, arguments))
        self._room.on("track_subscribed", self._subscribed)
        self._room.on("track_unsubscribed", self._unsubscribed)
        self._room.on("data_received", self._received)
        self._room.on("transcription_received", self._transcribed)

    async def join(self, url, token, options=None):
        options = dict(options or {})
        if key := options.pop("key", None):
            provider = rtc.KeyProviderOptions(shared_key=key.encode())
            options["encryption"] = rtc.E2EEOptions(key_provider_options=provider)
        try:
            await asyncio.wait_for(self._room.connect(url, token, rtc.RoomOptions(**options)), 25)
        except rtc.ConnectError as error:
            found = re.search(r"\b[345]\d\d\b", str(error))
            raise Refused(int(found[0]) if found else None, str(error)) from error

    async def leave(self):
        await self._stop_tasks()
        await self._room.disconnect()

    async def speak(self, hertz, options=None):
        options = options or {}
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        publish = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_MICROPHONE, red=options.get("red", False), dtx=options.get("dtx", False)
        )
        publication = await self._room.local_participant.publish_track(track, publish)
        self._tracks[publication.sid] = track
        self._start(self._play(source, hertz))
        return publication.sid

    async def show(self, rgb, options=None):
        options = options or {}
        width, height = options.get("size", (320, 180))
        source = rtc.VideoSource(width, height)
        track = rtc.LocalVideoTrack.create_video_track("camera", source)
        publish = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=options.get("simulcast", False),
            video_codec=CODECS[options.get("codec", "vp8")],
            scalability_mode=options.get("scalability"),
            video_encoding=rtc.VideoEncoding(max_framerate=FRAMES_PER_S, max_bitrate=options.get("bitrate", 1_000_000)),
        )
        publication = await self._room.local_participant.publish_track(track, publish)
        self._tracks[publication.sid] = track
        self._start(self._film(source, (width, height), rgb))
        return publication.sid

    async def unpublish(self, sid):
        await self._room.local_participant.unpublish_track(sid)

    async def mute(self, sid, muted):
        track = self._tracks[sid]
        if muted:
            track.mute()
        else:
            track.unmute()

    async def hears(self, identity):
        sound, last = self._sounds.get(identity, (numpy.zeros(0), 0.0))
        if time.monotonic() - last > SILENT_AFTER_S or len(sound) < WINDOW or numpy.abs(sound).max() < 200:
            return 0.0
        spectrum = numpy.abs(numpy.fft.rfft(sound * numpy.hanning(len(sound)), 4 * len(sound)))
        return float(spectrum.argmax()) * RATE / len(sound) / 4

    async def sees(self, identity):
        return self._pictures.get(identity)

    async def send(self, text, options=None):
        options = options or {}
        await self._room.local_participant.publish_data(
            text,
            reliable=options.get("reliable", True),
            topic=options.get("topic", ""),
            destination_identities=options.get("to", []),
        )

    async def received(self):
        return self._data

    async def answer(self, method):
        async def handler(call):
            if call.payload == "fail":
                raise rtc.RpcError(code=1234, message="as asked")
            return call.payload.upper()

        self._room.local_participant.register_rpc_method(method, handler)

    async def ask(self, identity, method, payload):
        try:
            return await self._room.local_participant.perform_rpc(
                destination_identity=identity, method=method, payload=payload
            )
        except rtc.RpcError as error:
            return f"error: {error.code}"

    async def listen(self, topic):
        self._room.register_text_stream_handler(topic, lambda reader, who: self._start(self._read(reader, who)))
        self._room.register_byte_stream_handler(topic, lambda reader, who: self._start(self._count(reader, who)))

    async def write(self, text, options=None):
        options = options or {}
        await self._room.local_participant.send_text(
            text, topic=options.get("topic", ""), destination_identities=options.get("to")
        )

    async def upload(self, size, options=None):
        options = options or {}
        await self._room.local_participant.send_bytes(
            bytes(range(251)) * (size // 251) + bytes(size % 251),
            topic=options.get("topic", ""),
            destination_identities=options.get("to"),
        )

    async def streams(self):
        return self._done_streams

    async def me(self):
        return self._describe(self._room.local_participant)

    async def people(self):
        return {identity: self._describe(person) for identity, person in self._room.remote_participants.items()}

    async def room(self):
        return {
            "sid": await self._room.sid,
            "name": self._room.name,
            "metadata": self._room.metadata,
            "state": {0: "disconnected", 1: "connected", 2: "reconnecting"}[self._room.connection_state],
        }

    async def events(self):
        return self._events

    async def subscribe(self, sid, wanted):
        self._publication(sid).set_subscribed(wanted)

    async def want(self, sid, settings):
        self._publication(sid).set_video_quality(QUALITIES[settings["quality"]])

    async def permit(self, all_may, people):
        self._room.local_participant.set_track_subscription_permissions(
            allow_all_participants=all_may,
            participant_permissions=[
                ParticipantTrackPermission(
                    participant_identity=identity,
                    allow_all=tracks is True,
                    allowed_track_sids=[] if tracks is True else tracks,
                )
                for identity, tracks in people.items()
            ],
        )

    async def change(self, values):
        local = self._room.local_participant
        try:
            if "name" in values:
                await local.set_name(values["name"])
            if "metadata" in values:
                await local.set_metadata(values["metadata"])
            if "attributes" in values:
                await local.set_attributes(values["attributes"])
        except Exception as error:  # noqa: BLE001
            return str(error)
        return ""

    async def simulate(self, scenario):
        name = "SIMULATE_" + scenario.replace("-", "_").upper()
        await self._room.simulate_scenario(getattr(SimulateScenarioKind, name))

    async def sending(self, sid):
        stats = await self._tracks[sid].get_stats()
        codecs = {entry.codec.rtc.id: entry.codec.codec.mime_type for entry in stats if entry.HasField("codec")}
        sent = [entry.outbound_rtp for entry in stats if entry.HasField("outbound_rtp")]
        return {
            "codec": next((codecs[entry.stream.codec_id].lower() for entry in sent if entry.stream.codec_id), ""),
            "layers": {entry.outbound.rid: entry.outbound.frames_sent for entry in sent},
            "retransmitted": sum(entry.outbound.retransmitted_packets_sent for entry in sent),
        }

    async def receiving(self, sid):
        stats = await self._publication(sid).track.get_stats()
        codecs = {entry.codec.rtc.id: entry.codec.codec.mime_type for entry in stats if entry.HasField("codec")}
        got = [entry.inbound_rtp for entry in stats if entry.HasField("inbound_rtp")]
        return {
            "codec": next((codecs[entry.stream.codec_id].lower() for entry in got if entry.stream.codec_id), ""),
            "nacks": sum(entry.inbound.nack_count for entry in got),
            "retransmitted": sum(entry.inbound.retransmitted_packets_received for entry in got),
        }

    async def transcribe(self, identity, sid, text):
        """Say what somebody said, as an agent does."""
        segment = rtc.TranscriptionSegment("S1", text, 0, 0, "en", True)
        await self._room.local_participant.publish_transcription(rtc.Transcription(identity, sid, [segment]))

    async def dial(self, digit):
        """Send a tone of a telephone's keys."""
        await self._room.local_participant.publish_dtmf(code=int(digit), digit=digit)

    def _describe(self, person):
        return {
            "sid": person.sid,
            "identity": person.identity,
            "name": person.name,
            "metadata": person.metadata,
            "attributes": dict(person.attributes),
            "publishes": person.permissions.can_publish,
            "quality": {0: "poor", 1: "good", 2: "excellent", 3: "lost"}.get(int(person.connection_quality)),
            "tracks": {
                sid: {
                    "source": SOURCES.get(publication.source, "other"),
                    "muted": publication.muted,
                    "subscribed": bool(getattr(publication, "subscribed", False)),
                    "encrypted": publication.encryption_type != rtc.EncryptionType.NONE,
                    "mime": publication.mime_type.lower(),
                }
                for sid, publication in dict(person.track_publications).items()
            },
        }

    def _publication(self, sid):
        for person in self._room.remote_participants.values():
            if sid in person.track_publications:
                return person.track_publications[sid]
        raise KeyError(sid)

    def _start(self, work):
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _stop_tasks(self):
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, name, arguments):
        if name == "active_speakers_changed":
            self._events.append([name, *(speaker.identity for speaker in arguments[0])])
            return
        self._events.append([name, *(_plain(argument) for argument in arguments)])

    def _received(self, packet):
        sender = packet.participant.identity if packet.participant else ""
        self._data.append([sender, packet.data.decode(), packet.topic or ""])

    def _transcribed(self, segments, participant, publication):
        self._events.append(["transcription_received", participant and participant.identity, segments[0].text])

    def _subscribed(self, track, publication, participant):
        work = self._hear if track.kind == rtc.TrackKind.KIND_AUDIO else self._watch
        self._attached[track.sid] = self._start(work(track, participant.identity))

    def _unsubscribed(self, track, publication, participant):
        self._attached.pop(track.sid).cancel()

    async def _play(self, source, hertz):
        at = 0
        while True:
            wave = numpy.sin(2 * numpy.pi * hertz * (numpy.arange(960) + at) / RATE) * 8000
            at += 960
            await source.capture_frame(rtc.AudioFrame(wave.astype(numpy.int16).tobytes(), RATE, 1, 960))

    async def _film(self, source, size, rgb):
        width, height = size
        picture = numpy.full((height, width, 4), (*rgb, 255), numpy.uint8)
        at = 0
        while True:
            at = (at + 8) % width
            moving = picture.copy()
            moving[:16, at : at + 8] = 0
            source.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.RGBA, moving.tobytes()))
            await asyncio.sleep(1 / FRAMES_PER_S)

    async def _hear(self, track, identity):
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        sound = numpy.zeros(0)
        try:
            async for event in stream:
                heard = numpy.frombuffer(event.frame.data, numpy.int16).astype(float)
                sound = numpy.concatenate([sound, heard])[-WINDOW:]
                self._sounds[identity] = (sound, time.monotonic())
        finally:
            self._sounds.pop(identity, None)
            await stream.aclose()

    async def _watch(self, track, identity):
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA)
        frames = 0
        try:
            async for event in stream:
                frame = event.frame
                picture = numpy.frombuffer(frame.data, numpy.uint8).reshape(frame.height, frame.width, 4)
                middle = picture[frame.height // 2, frame.width // 2, :3]
                frames += 1
                self._pictures[identity] = {
                    "rgb": [int(value) for value in middle],
                    "width": frame.width,
                    "height": frame.height,
                    "frames": frames,
                }
        finally:
            self._pictures.pop(identity, None)
            await stream.aclose()

    async def _read(self, reader, who):
        self._done_streams.append([who, reader.info.topic, "text", await reader.read_all()])

    async def _count(self, reader, who):
        size = 0
        async for chunk in reader:
            size += len(chunk)
        self._done_streams.append([who, reader.info.topic, "bytes", size])


def _plain(argument):
    for name in ("identity", "sid", "value"):
        if hasattr(argument, name):
            return getattr(argument, name)
    return argument if isinstance(argument, (str, int, float)) else ""
