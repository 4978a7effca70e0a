# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may be sent to one receiver now? Its estimate, however it tells of its path, and the probes that raise it."""

from sfu.core.bwe import Estimator
from sfu.core.delay import DEEP_QUEUE_S
from sfu.core.probe import Prober
from sfu.core.twcc import REFERENCE_S, TICK_S, TransportFeedback

SILENCE_S = 3.0
"""A receiver that was sent numbered packets for so long without any feedback never gives any: not limited."""
TROUBLE_S = 2.0
"""So long after the estimate was lowered all has to fit. Otherwise what flows goes on, however its rate varies."""
RESEND_SHARE, RESEND_BURST, PACKET_BYTES = 0.5, 8, 1200
"""Of the estimate, and packets at once, that are sent again on a path in trouble."""
KEYFRAME_EVERY_S = 2.0
"""On a path in trouble, at most."""
NACKS_TOLERATED = 0.10
NACK_WEIGHT = 0.4
"""REMB is lowered by this share of the loss beside it; LiveKit's figure."""

REMB_FELL = 0.99
"""A REMB below this share of the one before has fallen."""
REMB_ROSE = 1.02
"""During a probe it has to rise by this factor."""

_UNIT = 1 << 24


class Path:
    """One receiver's. All rates in bits per second."""

    __slots__ = (
        "_began",
        "_heard",
        "_keyframe",
        "_last_padding",
        "_lowered",
        "_numbered",
        "_proven",
        "_reference",
        "_remb",
        "_remb_before",
        "_resendable",
        "_resent",
        "cap",
        "estimator",
        "loss",
        "prober",
        "rtt",
    )

    def __init__(self, *, numbered: bool) -> None:
        self._numbered = numbered
        self._began: float | None = None
        self._heard = False
        self._reference: int | None = None
        self._remb: float | None = None
        self._keyframe = float("-inf")
        self._resendable, self._resent = float(RESEND_BURST), 0.0
        self._remb_before = 0.0
        """When the running probe began."""
        self._proven = 0.0
        """What a probe reached without REMB falling."""
        self._last_padding = 0.0
        self._lowered = float("-inf")
        self.cap: float | None = None
        """No more than this, whatever the path carries."""
        self.rtt = 0.07
        self.loss = 0.0
        """Share of packets that the last receiver reports missed."""
        self.estimator = Estimator()
        self.prober = Prober()

    def expect_feedback(self) -> None:
        """Packets that are sent from now on have transport-wide numbers."""
        if not self._numbered:
            self._numbered, self._began = True, None

    @property
    def estimate(self) -> float | None:
        """What it carries; None when nothing limits it."""
        known: float | None = None
        if self._numbered:
            known = self.estimator.bitrate
        elif self._remb is not None:
            known = max(self._remb, self._proven) * (1 - NACK_WEIGHT * self.loss if self.loss > NACKS_TOLERATED else 1)
        if self.cap is None:
            return known
        return self.cap if known is None else min(known, self.cap)

    @property
    def lowered_at(self) -> float:
        """When trouble lowered the estimate last."""
        return max(self._lowered, self.estimator.lowered_at)

    def in_trouble(self, now: float) -> bool:
        """Whether the estimate was lowered just now: nothing may be sent that is not needed."""
        return now - self.lowered_at <= TROUBLE_S

    def resendable(self, now: float) -> int | None:
        """How many packets may be sent again now; None for all that are asked for.

        On a path in trouble a burst of them would overflow its queue as what they replace did. The receiver asks
        again for the others.
        """
        estimate = self.estimate
        if estimate is None or not self._overflows(now):
            return None
        rate = estimate * RESEND_SHARE / 8 / PACKET_BYTES
        self._resendable = min(RESEND_BURST, self._resendable + rate * (now - self._resent))
        self._resent = now
        return int(self._resendable)

    def resent(self, packets: int) -> None:
        """So many were sent again."""
        self._resendable = max(0.0, self._resendable - packets)

    def _overflows(self, now: float) -> bool:
        """In trouble because of a queue, as far as that can be known: not where packets are lost without one."""
        return self.in_trouble(now) and not (self._numbered and self.estimator.queue < DEEP_QUEUE_S / 2)

    def may_ask_keyframe(self, now: float) -> bool:
        """Whether a receiver's wish for a key frame is passed on: on a path in trouble the last one is on its way."""
        if self._overflows(now) and now - self._keyframe < KEYFRAME_EVERY_S:
            return False
        self._keyframe = now
        return True

    def feedback(
        self, feedback: TransportFeedback, came: list[tuple[float, int, int]], missing: int, now: float
    ) -> bool:
        """Take in transport-wide feedback as `SendLog` resolved it; whether the path is in trouble."""
        self._heard = True
        last = feedback.reference if self._reference is None else self._reference
        self._reference = last + (feedback.reference - last + _UNIT // 2) % _UNIT - _UNIT // 2
        base = self._reference * REFERENCE_S
        packets = [(sent, base + ticks * TICK_S, size) for sent, ticks, size in came]
        before = self.estimator.lowered_at
        self.estimator.feedback(packets, missing, now, self.rtt)
        if self.estimator.probed is not None and self.prober.probe is not None and not self.estimator.probing:
            self.prober.judged(self.estimator.probed, now)
        if self.estimator.lowered_at == before:
            return False
        self.prober.trouble(now)
        return True

    def remb(self, bitrate: float, sending: float, now: float) -> bool:
        """Take in what the receiver estimated itself; whether it fell below what is sent.

        It rises more slowly than what is sent, so that one which does not fall tells of no trouble.
        """
        before, self._remb = self._remb, bitrate
        if self._numbered or (before is not None and bitrate >= before * REMB_FELL):
            return False
        if self.prober.probe is not None:
            self.prober.judged(0.0, now)
        if bitrate >= sending:
            return False
        self._lowered, self._proven = now, 0.0
        self.prober.trouble(now)
        return True

    def tick(self, need: float, sending: float, now: float) -> int:
        """How many bytes of padding to send now, `need` being what everything that is wanted takes."""
        if self._began is None:
            self._began = now
        if self._numbered and not self._heard and now - self._began > SILENCE_S:
            self._numbered = False
        estimate = self.estimate
        if estimate is None or (self._numbered and not self._heard):
            return 0
        if self.cap is not None:
            need = min(need, self.cap)
        probe = self.prober.probe
        if probe is None:
            if self.prober.begin(need, estimate, now, self.rtt, slow=not self._numbered):
                self._remb_before = self._remb or 0.0
                if self._numbered:
                    self.estimator.probe_begins(now)
            self._last_padding = now
            return 0
        if now < probe.until:
            octets = int((probe.target - sending) * (now - self._last_padding) / 8)
            self._last_padding = now
            return max(0, octets)
        if self._numbered and self.estimator.probing:
            self.estimator.probe_ends(probe.until)
            if now > probe.answer_by:
                self.estimator.probe_fails()
                self.prober.judged(0.0, now)
        elif not self._numbered and now > probe.answer_by:
            # The receiver's own estimate rises slowly where there is room, and not at all where there is none.
            carried = probe.target if (self._remb or 0.0) > self._remb_before * REMB_ROSE else 0.0
            self._proven = max(self._proven, carried)
            self.prober.judged(carried, now)
        return 0
