# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One peer's way from the first check to the last alert: ICE, then DTLS, then SCTP."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from aiortc.rtcdtlstransport import RTCCertificate

from sfu.core.ice_lite import Address, IceState
from sfu.core.limits_media import CONNECT_TIMEOUT_S
from sfu.core.media import DataChannel, DataOpened, DataReceived, Fingerprint, MediaEvent, PeerConnected, PeerId
from sfu.media.channels import Channels
from sfu.media.contract import SrtpKeys
from sfu.media.dtls import DatagramQueue, DtlsError, DtlsServer


class Transport:
    """Owned by the plane, which runs `run` as a task and ends it by cancelling."""

    def __init__(
        self,
        ice: IceState,
        certificate: RTCCertificate,
        remote: Sequence[Fingerprint],
        channels: Sequence[DataChannel],
        send: Callable[[bytes, Address], None],
        emit: Callable[[MediaEvent], None],
        on_keys: Callable[[PeerId, SrtpKeys], None],
        dropped: Counter[str],
    ) -> None:
        self.ice = ice
        self.peer = ice.peer
        self._remote = tuple(remote)
        self._own_channels = tuple(channels)
        self._send_to = send
        self._emit = emit
        self._on_keys = on_keys
        self._dropped = dropped
        self._reachable = asyncio.Event()
        self._queue = DatagramQueue(self._send)
        self._keys: SrtpKeys | None = None
        self._dtls = DtlsServer(self._queue, certificate, self._take_keys)
        self.channels: Channels | None = None
        self.silent = False
        """Whether the plane reported that nothing comes from it."""

    @property
    def connected(self) -> bool:
        """Whether the handshake is over: only then silence means something."""
        return self._keys is not None

    def reachable(self) -> None:
        """A check was answered: there is an address to talk to."""
        self._reachable.set()

    def on_dtls(self, datagram: bytes) -> None:
        """A DTLS datagram from a validated address."""
        if not self._queue.put(datagram):
            self._dropped["dtls_queue"] += 1

    def write(self, label: str, payload: bytes) -> bool:
        """Queue a data message."""
        return self.channels is not None and self.channels.write(label, payload)

    async def run(self) -> str:
        """Connect and stay; returns the reason of the end. Cancelled, it says goodbye to the client."""
        try:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await self._reachable.wait()
                    await self._dtls.accept(self._remote)
            except TimeoutError:
                return "connect timeout"
            except DtlsError as error:
                return str(error)
            assert self._keys is not None
            self._on_keys(self.peer, self._keys)
            self._emit(PeerConnected(self.peer, self._keys.profile.value))
            self.channels = Channels(self._dtls, self._dropped, self._opened, self._received)
            await self.channels.open(self._own_channels)
            await self._dtls.closed()
            return "closed by peer"
        except ConnectionError:
            return "closed by peer"
        finally:
            await self._stop()

    async def _stop(self) -> None:
        """Awaits nothing that could block: aiortc's methods only write to our socket."""
        if self.channels is not None:
            await self.channels.stop()
        await self._dtls.stop()
        self._queue.close()

    def _take_keys(self, keys: SrtpKeys) -> None:
        self._keys = keys

    def _send(self, datagram: bytes) -> None:
        if self.ice.selected is not None:
            self._send_to(datagram, self.ice.selected)

    def _opened(self, label: str) -> None:
        self._emit(DataOpened(self.peer, label))

    def _received(self, label: str, payload: bytes) -> None:
        self._emit(DataReceived(self.peer, label, payload))
