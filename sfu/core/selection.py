# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames of a stream that holds several layers does one receiver get?

Two ways to tell: by the dependency descriptor (`DependencySelection`), and by the temporal and spatial numbers of
the codec's own payload descriptor (`LayerSelection`: VP8 by RFC 7741, VP9 by RFC 9628). Either is asked once per
packet, in the order in which packets come, and never leaves out what a later frame that is sent needs.
"""

from dataclasses import dataclass

from sfu.core.dependency_descriptor import Frame, Indication, Structure
from sfu.core.layers import EVERY
from sfu.core.limits_media import MAX_FRAMES_DECIDED


@dataclass(frozen=True, slots=True)
class LayerFrame:
    """What a payload descriptor says of a packet's place."""

    spatial: int
    temporal: int
    starts: bool
    """First packet of a frame of one spatial layer."""
    ends: bool
    key: bool
    """Needs nothing before it."""
    switches_up: bool
    """From here on the temporal layer can be decoded with lower ones alone before it."""


class DependencySelection:
    """Follows one decode target of the wanted layers, and changes it where the descriptor says that it can be."""

    reads = Frame
    """Of packets that say nothing of the kind it takes none."""

    __slots__ = (
        "_active",
        "_decided",
        "_structure",
        "_target",
        "_wanted",
        "needs_keyframe",
        "spatial",
        "temporal",
    )

    def __init__(self) -> None:
        self.spatial = EVERY
        self.temporal = EVERY
        self.needs_keyframe = False
        """The wanted spatial layer cannot be reached without one."""
        self._structure: Structure | None = None
        self._active = 0
        self._target = 0
        self._wanted = 0
        self._decided: dict[int, tuple[int, bool]] = {}
        """(number, whether it was sent) of frames, at the number's remainder."""

    def adopt(self, structure: Structure, active: int) -> None:
        """Begin in the middle of a sequence of which everything was sent."""
        self._structure, self._active = structure, active
        self._target = 0  # the old one may be no target of this structure
        self._target = self._best(EVERY, EVERY)
        self.want(self.spatial, self.temporal)

    def want(self, spatial: int, temporal: int) -> None:
        """Change the highest layers that are sent."""
        self.spatial, self.temporal = spatial, temporal
        if self._structure is not None:
            self._aim(self._structure)

    def takes(self, frame: Frame, *, newest: bool) -> bool:
        """Whether the packets of a frame are sent. `newest`: none after it came before."""
        if not (newest and frame.brings_structure):
            number, sent = self._decided.get(frame.number % MAX_FRAMES_DECIDED, (None, False))
            if number == frame.number:
                return sent
        if newest:
            self._steer(frame)
        if frame.structure is not self._structure:
            return False
        taken = frame.template.indications[self._target] != Indication.NOT_PRESENT
        self._decided[frame.number % MAX_FRAMES_DECIDED] = frame.number, taken
        return taken

    def marks(self, frame: Frame) -> bool:
        """Whether the last packet of this frame is the last of the picture for this receiver."""
        targets = () if self._structure is None else self._structure.targets
        return frame.ends and bool(targets) and frame.template.spatial == targets[self._target].spatial

    def _steer(self, frame: Frame) -> None:
        structure = frame.structure
        if frame.brings_structure:
            self._decided.clear()
            self._structure, self._active = structure, frame.active
            self._target = 0
            self._target = self._best(self.spatial, self.temporal)
        if structure is not self._structure:
            return
        self._active = frame.active
        self._aim(structure)
        if self._wanted != self._target and self._opens(frame, self._wanted):
            self._target = self._wanted
            self.needs_keyframe = False

    def _aim(self, structure: Structure) -> None:
        self._wanted = self._best(self.spatial, self.temporal)
        # A temporal layer opens by itself within a few frames; a spatial one may wait for ever.
        self.needs_keyframe = structure.targets[self._wanted].spatial != structure.targets[self._target].spatial

    def _best(self, spatial: int, temporal: int) -> int:
        """The highest active target within a limit, else the lowest one."""
        targets = () if self._structure is None else self._structure.targets
        listed = [
            ((target.spatial, target.temporal), number)
            for number, target in enumerate(targets)
            if self._active >> number & 1
        ]
        within = [entry for entry in listed if entry[0][0] <= spatial and entry[0][1] <= temporal]
        if within:
            return max(within)[1]
        return min(listed)[1] if listed else self._target

    def _opens(self, frame: Frame, target: int) -> bool:
        """Whether a target can be followed from this frame on: all that it needs was sent."""
        template = frame.template
        return template.indications[target] == Indication.SWITCH and all(
            self._was_sent(frame.number - back) for back in template.references
        )

    def _was_sent(self, number: int) -> bool:
        return self._decided.get(number % MAX_FRAMES_DECIDED) == (number, True)


class LayerSelection:
    """Sends temporal and spatial layers up to a number each; only a key frame opens a spatial layer."""

    reads = LayerFrame

    __slots__ = ("_now_spatial", "_now_temporal", "_top", "needs_keyframe", "spatial", "temporal")

    def __init__(self) -> None:
        self.spatial = EVERY
        self.temporal = EVERY
        self.needs_keyframe = False
        self._now_spatial = EVERY
        self._now_temporal = EVERY
        self._top = 0
        """Highest spatial layer of the last pictures."""

    def want(self, spatial: int, temporal: int) -> None:
        """Change the highest layers that are sent."""
        self.spatial, self.temporal = spatial, temporal

    def takes(self, frame: LayerFrame, *, newest: bool) -> bool:
        """Whether a packet is sent. `newest`: none after it came before."""
        if newest and frame.starts:
            self._steer(frame)
        return frame.temporal <= self._now_temporal and frame.spatial <= self._now_spatial

    def marks(self, frame: LayerFrame) -> bool:
        """Whether this packet is the last of the picture for this receiver."""
        return frame.ends and frame.spatial == self._now_spatial

    def _steer(self, frame: LayerFrame) -> None:
        self._top = max(self._top, frame.spatial)
        if frame.key:
            self._now_spatial, self._now_temporal = self.spatial, self.temporal
        elif frame.spatial == 0:
            self._now_spatial = min(self._now_spatial, self.spatial)
            self._now_temporal = min(self._now_temporal, self.temporal)
        if frame.switches_up and self._now_temporal < frame.temporal <= self.temporal:
            self._now_temporal = frame.temporal
        self.needs_keyframe = min(self.spatial, self._top) > self._now_spatial


Selection = DependencySelection | LayerSelection
