# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How much does the path to one receiver carry? Estimated from its feedback, as a sender does.

After draft-ietf-rmcat-gcc-02, with two differences that a forwarder needs. What it sends comes in steps and mostly
lies below what the path carries, so the estimate *rises by proof alone*: by what arrived without trouble, and by
probes. And loss that stays when less is sent is the path's own, not ours: it lowers nothing.
"""

from collections import deque
from enum import Enum

from sfu.core.delay import DelayDetector, Usage

START_BPS = 1_000_000
MIN_BPS = 30_000
RATE_WINDOW_S = 0.5
BETA = 0.85
"""After trouble the estimate is this share of what arrived."""
LOWER_EVERY_S = 0.2
"""And at least a round trip."""
CONFIRM = 2
"""Feedbacks in a row that have to tell of overuse."""
OUTAGE_S = 1.0
"""Nothing heard for so long while sending: what was lost meanwhile says nothing of rates."""

LOSS_INTERVAL_S = 0.5
LOSS_PACKETS = 20
LOSS_TOLERATED = 0.10
LOSS_MEMORY = 8
"""Intervals over which loss has to stay to be the path's own."""


class State(Enum):
    """Of the rate control."""

    HOLD = "hold"
    INCREASE = "increase"
    DECREASE = "decrease"


TRANSITIONS: dict[tuple[State, Usage], State] = {
    (State.HOLD, Usage.OVERUSE): State.DECREASE,
    (State.HOLD, Usage.NORMAL): State.INCREASE,
    (State.HOLD, Usage.UNDERUSE): State.HOLD,
    (State.INCREASE, Usage.OVERUSE): State.DECREASE,
    (State.INCREASE, Usage.NORMAL): State.INCREASE,
    (State.INCREASE, Usage.UNDERUSE): State.HOLD,
    (State.DECREASE, Usage.OVERUSE): State.DECREASE,
    (State.DECREASE, Usage.NORMAL): State.HOLD,
    (State.DECREASE, Usage.UNDERUSE): State.HOLD,
}
"""gcc-02 section 5.5: a queue drains before more is sent."""


class LossMeter:
    """Loss in intervals, and how much of it is the path's own."""

    __slots__ = ("_began", "_came", "_missing", "_ratios")

    def __init__(self) -> None:
        self._began: float | None = None
        self._came = self._missing = 0
        self._ratios: deque[float] = deque(maxlen=LOSS_MEMORY)

    def count(self, came: int, missing: int, now: float) -> float | None:
        """Take in a feedback; at the end of an interval what was lost beyond the path's own."""
        self._began = now if self._began is None else self._began
        self._came += came
        self._missing += missing
        total = self._came + self._missing
        if now - self._began < LOSS_INTERVAL_S or total < LOSS_PACKETS:
            return None
        ratio = max(0, self._missing) / total
        self._ratios.append(ratio)
        self._began, self._came, self._missing = now, 0, 0
        return ratio - min(self._ratios)


class Estimator:
    """Feed it every feedback; read `bitrate` and `lowered_at`."""

    __slots__ = (
        "_arrived",
        "_bytes",
        "_detector",
        "_heard",
        "_loss",
        "_overuses",
        "_probe",
        "_probe_begin",
        "_probe_end",
        "_state",
        "_window",
        "bitrate",
        "lowered_at",
        "probed",
    )

    def __init__(self) -> None:
        self.bitrate = float(START_BPS)
        """Bits per second, IP headers included."""
        self.lowered_at = float("-inf")
        """When trouble lowered it last."""
        self.probed: float | None = None
        """What the last finished probe measured."""
        self._detector = DelayDetector()
        self._loss = LossMeter()
        self._state = State.HOLD
        self._overuses = 0
        self._heard: float | None = None
        self._window: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._arrived = 0.0
        self._probe: list[tuple[float, float, int]] | None = None
        self._probe_begin = 0.0
        self._probe_end: float | None = None

    @property
    def queue(self) -> float:
        """Seconds that packets stand in a queue."""
        return self._detector.queue

    @property
    def received(self) -> float | None:
        """Bits per second that arrived over the last half second; None before there is as much."""
        if not self._window:
            return None
        span = self._arrived - self._window[0][0]
        if span < RATE_WINDOW_S / 3:
            return None
        return (self._bytes - self._window[0][1]) * 8 / span

    def feedback(self, packets: list[tuple[float, float, int]], missing: int, now: float, rtt: float) -> None:
        """Take one in: (sent at, arrived at by the receiver's clock, bytes) of what came, how many did not."""
        heard, self._heard = self._heard, now
        if heard is not None and now - heard > OUTAGE_S:
            self._detector.restart()
            self._window.clear()
            self._bytes = 0
            missing = 0
        usage = self._detector.feedback(packets, now)
        for _, arrived, size in packets:
            self._window.append((arrived, size))
            self._bytes += size
            self._arrived = max(self._arrived, arrived)
        while self._window and self._window[0][0] < self._arrived - RATE_WINDOW_S:
            self._bytes -= self._window.popleft()[1]
        excess = self._loss.count(len(packets), missing, now)
        if self._probe is not None:
            self._probe += packets
            self._judge_probe(now)
            return
        self._overuses = self._overuses + 1 if usage is Usage.OVERUSE else 0
        if usage is Usage.OVERUSE and self._overuses < CONFIRM:
            return
        self._state = TRANSITIONS[self._state, usage]
        if self._state is State.DECREASE:
            self._lower(0.0, now, rtt)
        elif excess is not None and excess > LOSS_TOLERATED:
            self._lower(self.bitrate * (1 - 0.5 * excess), now, rtt)
        elif self._state is State.INCREASE and not (excess is not None and excess > LOSS_TOLERATED / 2):
            self.bitrate = max(self.bitrate, self.received or 0.0)

    def _lower(self, least: float, now: float, rtt: float) -> None:
        received = self.received
        if received is None or now - self.lowered_at < max(LOWER_EVERY_S, rtt):
            return
        target = max(BETA * received, least, MIN_BPS)
        self.bitrate = min(self.bitrate, target)
        self.lowered_at = now

    # probes

    @property
    def probing(self) -> bool:
        """Whether a probe has begun and was not judged."""
        return self._probe is not None

    def probe_begins(self, now: float) -> None:
        """What is sent from now on is more than is needed: queues that it causes are no trouble."""
        self._probe, self._probe_begin, self._probe_end, self.probed = [], now, None, None

    def probe_ends(self, now: float) -> None:
        """The last packet of the probe was sent."""
        self._probe_end = now

    def probe_fails(self) -> None:
        """Nothing was heard of it."""
        self._probe = None
        self.probed = 0.0

    def _judge_probe(self, now: float) -> None:
        """When a packet came that was sent after the probe: what did the path carry meanwhile?"""
        end, packets = self._probe_end, self._probe
        if end is None or packets is None or not packets or packets[-1][0] < end:
            return
        train = [packet for packet in packets if self._probe_begin <= packet[0] <= end]
        self._probe = None
        self.probed = _carried(train)
        if self.probed:
            self.bitrate = max(self.bitrate, self.probed)
        self._detector.restart()
        self._overuses = 0
        self._state = State.HOLD


def _carried(train: list[tuple[float, float, int]]) -> float:
    """Bits per second of a train of packets: the slower of sending and arriving, less where a queue grew."""
    if len(train) < 5:
        return 0.0
    octets = sum(size for _, _, size in train[1:])
    sending = max(train[-1][0] - train[0][0], 0.001)
    arriving = max(max(arrived for _, arrived, _ in train) - train[0][1], 0.001)
    sent, arrived = octets * 8 / sending, octets * 8 / arriving
    return arrived * BETA if arrived < 0.9 * sent else min(sent, arrived)
