# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is sent can be decoded, whatever a receiver wants and whenever it changes its mind."""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sfu.core.dependency_descriptor import DecodeTarget, DescriptorReader, Frame, Structure, Template
from sfu.core.layers import EVERY
from sfu.core.limits_media import MAX_FRAMES_DECIDED
from sfu.core.selection import DependencySelection, LayerFrame, LayerSelection

RECORDED = Path(__file__).parents[2] / "fixtures" / "dependency" / "chromium-156-vp9-l3t3-key.hex"
ALL = 0b111111111


def structure() -> Structure:
    frame = DescriptorReader().read(bytes.fromhex(RECORDED.read_text().split()[0]))
    assert frame is not None
    return frame.structure


class Encoder:
    """Writes L3T3_KEY: temporal layers 0 2 1 2, spatial layers that need one another at key frames only."""

    def __init__(self) -> None:
        self.structure = structure()
        self.number = 0
        self.place = 0
        self.active = ALL
        self.wants_key = True

    def picture(self) -> Iterator[Frame]:
        key, self.wants_key = self.wants_key, False
        if key:
            self.place = 0
        temporal = (0, 2, 1, 2)[self.place % 4]
        back = {0: 12, 1: 6, 2: 3}[temporal]
        self.place += 1
        for spatial in range(3):
            if not self.active >> (3 * spatial) & 1:
                self.number += 1
                continue
            wanted = () if key and spatial == 0 else (1,) if key else (back,)
            template = next(
                template
                for template in self.structure.templates
                if (template.spatial, template.temporal) == (spatial, temporal)
                and (template.indications[3 * spatial] == 2 or temporal)
                and (len(set(template.indications)) == 1 or not (key and spatial == 0))
                and (not key or spatial == 0 or template.references == (1,))
                and (key or template.references != (1,))
                and (key or len(template.references) == 1)
            )
            template = replace(template, references=wanted)
            yield Frame(self.number, True, True, template, self.structure, key and spatial == 0, self.active)
            self.number += 1


def run(encoder: Encoder, selection: DependencySelection, pictures: int, sent: set[int]) -> list[list[Frame]]:
    """Film so many pictures; every frame that is taken has what it needs."""
    shown = []
    for _ in range(pictures):
        taken = []
        for frame in encoder.picture():
            if selection.takes(frame, newest=True):
                assert all(frame.number - back in sent for back in frame.template.references), frame
                sent.add(frame.number)
                taken.append(frame)
        shown.append(taken)
    return shown


@pytest.mark.parametrize("spatial", range(3))
@pytest.mark.parametrize("temporal", range(3))
def test_a_newcomer_gets_its_layers_from_the_key_frame_on(spatial: int, temporal: int) -> None:
    encoder, selection = Encoder(), DependencySelection()
    selection.want(spatial, temporal)
    shown = run(encoder, selection, 12, set())
    assert [frame.template.spatial for frame in shown[0]] == list(range(spatial + 1))
    assert selection.marks(shown[0][-1])
    for taken in shown[1:]:
        assert [frame.template.spatial for frame in taken] in ([spatial], [])
    assert {frame.template.temporal for taken in shown for frame in taken} == set(range(temporal + 1))


def test_a_thousand_changes_of_mind_never_send_what_cannot_be_decoded() -> None:
    chance = random.Random(8)
    encoder, selection, sent = Encoder(), DependencySelection(), set()
    for _ in range(1000):
        wish = chance.randrange(3), chance.randrange(3)
        selection.want(*wish)
        run(encoder, selection, chance.randrange(6), sent)
        encoder.wants_key = selection.needs_keyframe
        shown = run(encoder, selection, 12, sent)[-8:]
        assert not selection.needs_keyframe
        assert {frame.template.spatial for taken in shown for frame in taken} <= set(range(wish[0] + 1))
        assert max(frame.template.spatial for taken in shown for frame in taken) == wish[0]
        assert max(frame.template.temporal for taken in shown for frame in taken) == wish[1]


def test_a_layer_that_the_sender_stopped_is_replaced_by_one_that_flows() -> None:
    encoder, selection, sent = Encoder(), DependencySelection(), set()
    run(encoder, selection, 8, sent)
    encoder.active = 0b111111
    shown = run(encoder, selection, 8, sent)
    assert selection.needs_keyframe  # the middle layer's pictures were never sent
    encoder.wants_key = True
    shown = run(encoder, selection, 8, sent)
    assert all(taken[-1].template.spatial == 1 for taken in shown)
    assert all(selection.marks(taken[-1]) for taken in shown)


def test_one_who_got_everything_can_leave_temporal_layers_out_in_the_middle() -> None:
    encoder, everything, sent = Encoder(), DependencySelection(), set()
    run(encoder, everything, 5, sent)
    selection = DependencySelection()
    selection.want(2, 0)
    selection.adopt(encoder.structure, ALL)
    shown = run(encoder, selection, 16, sent)[-8:]
    assert {frame.template.temporal for taken in shown for frame in taken} == {0}
    assert not selection.needs_keyframe


def test_a_late_packet_gets_the_decision_of_its_frame() -> None:
    encoder, selection = Encoder(), DependencySelection()
    selection.want(2, EVERY)
    first = list(encoder.picture())
    assert all(selection.takes(frame, newest=True) for frame in first)
    second = list(encoder.picture())
    assert [selection.takes(frame, newest=True) for frame in second] == [False, False, True]
    selection.want(0, EVERY)
    assert [selection.takes(frame, newest=False) for frame in second] == [False, False, True]


def test_a_late_key_frame_of_another_structure_changes_nothing_of_what_was_decided() -> None:
    encoder, selection = Encoder(), DependencySelection()
    sent = [frame for frame in encoder.picture() if selection.takes(frame, newest=True)]
    other = Structure(0, (Template(0, 0, (2,), ()),), (DecodeTarget(0, 0),), 0)
    again = [replace(frame, structure=other) for frame in sent]  # what the reader knows by then
    assert [selection.takes(frame, newest=False) for frame in again] == [True] * len(sent)
    assert [selection.marks(frame) for frame in again] == [selection.marks(frame) for frame in sent]


def test_decisions_are_kept_in_bounded_memory() -> None:
    encoder, selection = Encoder(), DependencySelection()
    run(encoder, selection, MAX_FRAMES_DECIDED, set())
    assert len(selection._decided) == MAX_FRAMES_DECIDED


def vp8(place: int, *, key: bool = False) -> LayerFrame:
    """libwebrtc's three temporal layers; every second frame of a layer lets the receiver come up."""
    temporal = (0, 2, 1, 2)[place % 4]
    return LayerFrame(0, temporal, True, True, key, switches_up=temporal > 0 and place % 8 < 4)


def test_temporal_layers_of_vp8_are_left_out_at_once_and_come_back_at_a_sync() -> None:
    selection = LayerSelection()
    assert all(selection.takes(vp8(place), newest=True) for place in range(8))
    selection.want(EVERY, 0)
    shown = [place for place in range(8, 16) if selection.takes(vp8(place), newest=True)]
    assert shown == [8, 12]
    selection.want(EVERY, EVERY)
    shown = [place for place in range(20, 32) if selection.takes(vp8(place), newest=True)]
    assert shown[:2] == [20, 24]  # no sync before 25
    assert shown[2:] == [25, 26, 27, 28, 29, 30, 31]


def vp9(spatial: int, *, key: bool = False, temporal: int = 0) -> LayerFrame:
    return LayerFrame(spatial, temporal, True, True, key and spatial == 0, switches_up=False)


def test_spatial_layers_of_vp9_close_at_a_picture_and_open_at_a_key_frame() -> None:
    selection = LayerSelection()

    def picture(*, key: bool = False) -> list[int]:
        return [spatial for spatial in range(3) if selection.takes(vp9(spatial, key=key), newest=True)]

    assert picture(key=True) == [0, 1, 2]
    selection.want(0, EVERY)
    assert picture() == [0]
    assert selection.marks(vp9(0))
    assert not selection.needs_keyframe
    selection.want(1, EVERY)
    assert picture() == [0]
    assert selection.needs_keyframe
    assert picture(key=True) == [0, 1]
    assert not selection.needs_keyframe
    assert selection.marks(vp9(1))
