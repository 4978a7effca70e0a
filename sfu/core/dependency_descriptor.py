# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does a dependency descriptor say of a frame? (AV1 RTP specification, appendix A)

The descriptor lies in the header extension, in clear under end-to-end encryption too. A key frame brings the
templates by which later descriptors, mostly three bytes, are read: one `DescriptorReader` per received stream.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from sfu.core.seqnum import extend

MAX_TEMPLATES = 64
"""Six bits name a template. stops: a structure that goes on for ever."""

MAX_REFERENCES = 16
"""A codec has 8 pictures to refer to. stops: a frame that needs everything."""

_SHORT = 3
"""Bytes of the mandatory fields."""


class Indication(IntEnum):
    """What a frame is to a decode target."""

    NOT_PRESENT = 0
    DISCARDABLE = 1
    SWITCH = 2
    """Everything later in the target can be decoded once this frame can."""
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Template:
    """What frames of one kind have in common."""

    spatial: int
    temporal: int
    indications: tuple[int, ...]
    """By decode target."""
    references: tuple[int, ...]
    """How many frames back lies each frame that this one needs."""


@dataclass(frozen=True, slots=True)
class DecodeTarget:
    """One way to decode a part of the stream: up to this spatial and temporal layer."""

    spatial: int
    temporal: int


@dataclass(frozen=True, slots=True)
class Structure:
    """The templates of a coded video sequence."""

    offset: int
    templates: tuple[Template, ...]
    targets: tuple[DecodeTarget, ...]
    chains: int

    @property
    def everything(self) -> int:
        """The mask of all decode targets."""
        return (1 << len(self.targets)) - 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as a packet's descriptor tells it."""

    number: int
    """Counts on over the 16 bits of the descriptor."""
    starts: bool
    ends: bool
    template: Template
    structure: Structure
    brings_structure: bool
    """A key frame begins here: nothing before it is needed."""
    active: int
    """The decode targets that the sender sends now, a bit each."""


@dataclass(slots=True)
class DescriptorReader:
    """Reads the descriptors of one stream in the order in which they come."""

    structure: Structure | None = None
    active: int = 0
    _highest: int = -1
    _last: tuple[bytes, Frame] | None = field(default=None)
    """The packets of a frame carry nearly the same descriptor."""

    def read(self, data: bytes) -> Frame | None:
        """Read a packet's descriptor; `None` when it is malformed, or of a structure that did not come."""
        if len(data) < _SHORT:
            return None
        if self._last is not None and self._last[0] == data:
            return self._last[1]
        bits = _Bits(data)
        starts, ends, ident, number = bits.flag(), bits.flag(), bits.read(6), bits.read(16)
        structure, active, brings = self.structure, self.active, False
        custom = (False, False, False)
        if len(data) > _SHORT:
            brings, has_active = bits.flag(), bits.flag()
            custom = (bits.flag(), bits.flag(), bits.flag())
            if brings:
                structure = _structure(bits)
                if structure == self.structure:
                    structure = self.structure  # one object a structure: receivers compare by identity
                active = 0 if structure is None else structure.everything
            if structure is not None and has_active:
                active = bits.read(len(structure.targets))
        if structure is None:
            return None
        place = (ident - structure.offset) % MAX_TEMPLATES
        if place >= len(structure.templates):
            return None
        template = _customised(bits, structure, structure.templates[place], custom)
        if bits.overrun:
            return None
        number = extend(number, self._highest if self._highest >= 0 else 0x10000)
        if brings or number >= self._highest:  # a new sequence may count from anywhere
            self._highest = number
            self.structure, self.active = structure, active
        frame = Frame(number, starts, ends, template, structure, brings, active)
        self._last = (data, frame)
        return frame


class _Bits:
    """Reads bits from the most significant one on; past the end they are zeros and `overrun` says so."""

    __slots__ = ("_left", "_value", "overrun")

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)
        self.overrun = False

    def read(self, count: int) -> int:
        if count > self._left:
            self.overrun = True
            self._left = 0
            return 0
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return bool(self.read(1))

    def nonsymmetric(self, values: int) -> int:
        """One of so many values (AV1 section 4.10.7)."""
        width = values.bit_length()
        short = (1 << width) - values
        value = self.read(width - 1)
        return value if value < short else (value << 1) - short + self.read(1)


def _structure(bits: _Bits) -> Structure | None:
    offset, targets = bits.read(6), bits.read(5) + 1
    layers = _template_layers(bits)
    if layers is None:
        return None
    indications = [tuple(bits.read(2) for _ in range(targets)) for _ in layers]
    references = [_template_references(bits) for _ in layers]
    chains = bits.nonsymmetric(targets + 1)
    if chains:
        for _ in range(targets):
            bits.nonsymmetric(chains)  # which chain protects the target
        bits.read(4 * chains * len(layers))
    templates = tuple(
        Template(spatial, temporal, *entry)
        for (spatial, temporal), *entry in zip(layers, indications, references, strict=True)
    )
    if bits.flag():
        bits.read(32 * (templates[-1].spatial + 1))  # resolutions
    return None if bits.overrun else Structure(offset, templates, _targets(templates, targets), chains)


def _template_layers(bits: _Bits) -> list[tuple[int, int]] | None:
    """(spatial, temporal) of each template; `None` when there is no end of them."""
    spatial = temporal = 0
    layers: list[tuple[int, int]] = []
    while len(layers) < MAX_TEMPLATES:
        layers.append((spatial, temporal))
        match bits.read(2):
            case 1:
                temporal += 1
            case 2:
                spatial, temporal = spatial + 1, 0
            case 3:
                return layers
    return None


def _template_references(bits: _Bits) -> tuple[int, ...]:
    references = []
    while bits.flag():
        references.append(bits.read(4) + 1)
    return _limited(bits, references)


def _limited(bits: _Bits, references: list[int]) -> tuple[int, ...]:
    bits.overrun = bits.overrun or len(references) > MAX_REFERENCES
    return tuple(references)


def _targets(templates: tuple[Template, ...], count: int) -> tuple[DecodeTarget, ...]:
    targets = []
    for number in range(count):
        present = [template for template in templates if template.indications[number] != Indication.NOT_PRESENT]
        targets.append(
            DecodeTarget(
                max((template.spatial for template in present), default=0),
                max((template.temporal for template in present), default=0),
            )
        )
    return tuple(targets)


def _customised(bits: _Bits, structure: Structure, template: Template, custom: tuple[bool, bool, bool]) -> Template:
    """Apply what the frame says for itself instead of its template."""
    custom_indications, custom_references, custom_chains = custom
    indications, references = template.indications, template.references
    if custom_indications:
        indications = tuple(bits.read(2) for _ in structure.targets)
    if custom_references:
        listed = []
        while size := bits.read(2):
            listed.append(bits.read(4 * size) + 1)
        references = _limited(bits, listed)
    if custom_chains:
        bits.read(8 * structure.chains)
    if not (custom_indications or custom_references):
        return template
    return Template(template.spatial, template.temporal, indications, references)
