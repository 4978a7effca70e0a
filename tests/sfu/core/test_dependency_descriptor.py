# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Descriptors as Chromium wrote them, and rubbish."""

import itertools
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sfu.core.dependency_descriptor import MAX_REFERENCES, DecodeTarget, DescriptorReader, Frame

RECORDED = Path(__file__).parents[2] / "fixtures" / "dependency" / "chromium-156-vp9-l3t3-key.hex"


def recorded() -> list[bytes]:
    return [bytes.fromhex(line) for line in RECORDED.read_text().split()]


def frames() -> list[Frame]:
    reader = DescriptorReader()
    read = [reader.read(data) for data in recorded()]
    assert None not in read
    return [frame for frame in read if frame is not None]


def test_a_recorded_stream_has_three_spatial_and_three_temporal_layers() -> None:
    first = frames()[0]
    assert first.brings_structure
    assert first.starts
    assert first.structure.targets == tuple(itertools.starmap(DecodeTarget, itertools.product(range(3), range(3))))
    assert (len(first.structure.templates), first.structure.chains) == (15, 3)
    assert first.active == 0b111  # Chromium begins with the lowest resolution


def test_references_and_indications_follow_the_k_svc_pattern() -> None:
    read = frames()
    key = next(place for place, frame in enumerate(read) if frame.brings_structure and frame.active == 0b111111111)
    picture = read[key : key + 3]
    assert [(frame.template.spatial, frame.template.references) for frame in picture] == [(0, ()), (1, (1,)), (2, (1,))]
    assert picture[0].template.indications == (2,) * 9
    assert picture[2].template.indications == (0,) * 6 + (2,) * 3
    later = read[key + 3]
    assert (later.template.temporal, later.template.references) == (2, (3,))
    assert not later.brings_structure
    assert later.structure is picture[0].structure


def test_frame_numbers_count_on_over_sixteen_bits() -> None:
    reader = DescriptorReader()
    key = recorded()[0]
    numbers = []
    for number in (65535, 0, 1, 65534):
        frame = reader.read(key[:1] + number.to_bytes(2, "big") + (key[3:] if number == 65535 else b""))
        assert frame is not None
        numbers.append(frame.number)
    assert [number - numbers[0] for number in numbers] == [0, 1, 2, -1]


def test_nothing_is_read_before_the_structure_came() -> None:
    reader = DescriptorReader()
    assert reader.read(recorded()[4]) is None
    assert reader.read(recorded()[0]) is not None
    assert reader.read(recorded()[4]) is not None


def test_a_frame_needs_no_more_than_so_many_others() -> None:
    reader = DescriptorReader()
    assert reader.read(recorded()[0]) is not None
    head = bytes((0xC0, 0, 1))
    for count in (MAX_REFERENCES, MAX_REFERENCES + 1):
        bits = "00010" + "010000" * count + "00"  # its own references, one back each
        data = head + int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
        frame = reader.read(data)
        assert (frame is None) == (count > MAX_REFERENCES)
        assert frame is None or frame.template.references == (1,) * count


def test_the_structure_of_a_later_key_frame_is_the_same_object_when_it_is_equal() -> None:
    keys = [frame for frame in frames() if frame.brings_structure]
    assert len(keys) > 1
    assert len({id(frame.structure) for frame in keys}) == 1


def test_cut_descriptors_and_unknown_templates_give_nothing() -> None:
    key = recorded()[0]
    for size in range(len(key) - 8):
        assert DescriptorReader().read(key[:size]) is None
    reader = DescriptorReader()
    reader.read(key)
    assert reader.read(bytes((0xC0 | 40, 0, 9))) is None


@given(st.lists(st.binary(max_size=140), max_size=8))
def test_rubbish_never_raises(packets: list[bytes]) -> None:
    reader = DescriptorReader()
    reader.read(recorded()[0])
    for packet in packets:
        reader.read(packet)


def test_a_structure_without_end_is_refused() -> None:
    assert DescriptorReader().read(b"\x80\0\1\x80" + bytes(300)) is None
