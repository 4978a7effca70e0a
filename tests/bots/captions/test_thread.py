# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How captions look in the room, to programs of other people."""

import nio
import pytest
from mautrix.types import Format, MessageEvent

from bots.captions.thread import CAPTION, caption_event, changed_event, read_back


def event_of(content):
    return {
        "type": "m.room.message",
        "event_id": "$e",
        "sender": "@captions:hs",
        "room_id": "!room:hs",
        "origin_server_ts": 1,
        "content": content,
    }


def test_what_one_person_says_in_a_row_is_one_line_below_their_bold_name(segment):
    said = [
        segment(1, display_name="Marie\nCurie"),
        segment(2, display_name="Marie\nCurie", text="a < b & c"),
        segment(3, user_id="@jean:hs", display_name="Jean"),
    ]
    content = caption_event(said, "$root", "$last")
    assert content["body"] == "Marie Curie: phrase 1 a < b & c\nJean: phrase 3"
    assert content["formatted_body"] == (
        "<strong>Marie Curie:</strong> phrase 1 a &lt; b &amp; c<br><strong>Jean:</strong> phrase 3"
    )
    assert [entry["segment_id"] for entry in content[CAPTION]] == ["S1", "S2", "S3"]


def test_two_people_of_one_account_and_two_accounts_of_one_name_are_kept_apart(segment):
    said = [
        segment(1, display_name="Awa"),
        segment(2, display_name="Voice 2"),
        segment(3, display_name="Voice 2", user_id="@x:hs"),
    ]
    assert caption_event(said, "$root", "$last")["body"].count("\n") == 2


def test_a_caption_is_a_quiet_answer_in_the_thread_that_clients_without_threads_show_as_an_answer(segment):
    content = caption_event([segment(1)], "$root", "$last")
    assert content["msgtype"] == "m.notice"
    assert content["m.mentions"] == {}
    assert content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": "$last"},
    }


def test_a_change_shows_the_whole_event_anew_and_to_old_clients_what_is_new_in_it(segment):
    better = segment(2, text="corrigée")
    content = changed_event("$e", [segment(1), better], [better])
    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$e"}
    assert content["body"] == "* Marie: corrigée"
    assert content["m.new_content"]["body"] == "Marie: phrase 1 corrigée"
    assert content["m.new_content"]["msgtype"] == content["msgtype"] == "m.notice"
    assert "m.relates_to" not in content["m.new_content"], "the thread stays the first event's"
    assert CAPTION not in content, "else programs would count the line twice"


@pytest.mark.parametrize("changed", [False, True])
def test_two_other_libraries_read_the_events_as_the_specification_means_them(segment, changed):
    said = [segment(1), segment(2, user_id="@jean:hs", display_name="Jean")]
    content = changed_event("$first", said, said) if changed else caption_event(said, "$root", "$last")

    by_nio = nio.Event.parse_event(event_of(content))
    assert isinstance(by_nio, nio.RoomMessageNotice)
    assert by_nio.formatted_body == content["formatted_body"]

    by_mautrix = MessageEvent.deserialize(event_of(content)).content
    assert (by_mautrix.get_edit(), by_mautrix.get_thread_parent()) == (("$first", None) if changed else (None, "$root"))
    assert by_mautrix.body == "Marie: phrase 1\nJean: phrase 2", "of a change it shows what is new"
    assert by_mautrix.format == Format.HTML


def test_captions_are_read_back_from_the_room_after_a_restart(segment):
    content = caption_event([segment(1), segment(2, voice="voice-1", display_name="Voix 1")], "$root", "$last")
    back = read_back(event_of(content), "!room", "$call")
    assert [(entry.id, entry.text, entry.display_name, entry.voice) for entry in back] == [
        ("S1", "phrase 1", "Marie", ""),
        ("S2", "phrase 2", "Voix 1", "voice-1"),
    ]


def test_captions_written_before_voices_were_told_apart_are_read_back_too(segment):
    content = caption_event([segment(1)], "$root", "$last")
    del content[CAPTION][0]["voice"]
    assert read_back(event_of(content), "!room", "$call") == [segment(1, rev=0, stable_chars=len("phrase 1"))]


def test_a_changed_event_is_read_back_as_it_was_changed(segment):
    event = event_of(caption_event([segment(1), segment(2)], "$root", "$last"))
    better = segment(1, text="corrigée")
    event["unsigned"] = {"m.relations": {"m.replace": event_of(changed_event("$e", [better, segment(2)], [better]))}}
    assert [entry.text for entry in read_back(event, "!room", "$call")] == ["corrigée", "phrase 2"]


@pytest.mark.parametrize("content", [{}, {CAPTION: None}, {CAPTION: [{}]}, {CAPTION: 5}, {CAPTION: ["x"]}])
def test_other_events_of_the_thread_hold_no_captions(content):
    assert read_back(event_of(content), "!room", "$call") == []


@pytest.mark.parametrize("unsigned", [{"m.relations": 3}, {"m.relations": {"m.replace": {"content": []}}}, None])
def test_an_event_that_a_homeserver_sends_wrongly_holds_no_captions(segment, unsigned):
    event = event_of(caption_event([segment(1)], "$root", "$last")) | {"unsigned": unsigned}
    assert read_back(event, "!room", "$call") == []
