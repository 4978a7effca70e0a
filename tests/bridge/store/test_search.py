# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from bridge.domain.search import PAGE, Query
from bridge.domain.segments import Segment
from bridge.domain.transcripts import Paragraph, Passport, Transcript
from bridge.store import meetings, search, segments, transcripts
from bridge.store.database import Database

MARIE, JEAN, GUEST = "@marie:home", "@jean:home", "@guest-1:home"
PASSPORT = Passport("m", "1", "ab", "MIT", "h", "e", True)


async def make_meeting(database: Database, meeting_id: str, organizer: str) -> None:
    async with database.transaction() as tx:
        await meetings.create(
            tx, meeting_id=meeting_id, title="Team", room_id=f"!{meeting_id}", organizer=organizer, actor=organizer
        )


async def say(database: Database, meeting_id: str, number: int, text: str, **changes: Any) -> None:
    values = {"lang": "fr", "final": True, "call_id": f"${meeting_id}", "display_name": "Zoé"} | changes
    async with database.transaction() as tx:
        await segments.put(
            tx,
            Segment(
                id=f"{meeting_id}-{number}",
                room_id=f"!{meeting_id}",
                user_id="@zoe:home",
                track_sid="T",
                start_ms=1000 * number,
                end_ms=1000 * number + 900,
                text=text,
                stable_chars=0,
                rev=1,
                **values,
            ),
        )


async def finish(database: Database, meeting_id: str, text: str, lang: str = "fr") -> None:
    said = Paragraph("p", 0, 500, "@zoe:home", "Zoé", "", lang, text)
    async with database.transaction() as tx:
        await transcripts.put(tx, Transcript(f"!{meeting_id}", f"${meeting_id}", 0, 1000, PASSPORT, (said,)))


async def found(database: Database, words: str, user: str = MARIE, **narrowed: Any) -> list[str]:
    guest_of, since_ms = narrowed.pop("guest_of", None), narrowed.pop("since_ms", 0)
    async with database.transaction() as tx:
        hits, _ = await search.find(tx, Query(words, **narrowed), user_id=user, guest_of=guest_of, since_ms=since_ms)
    return [hit.text for hit in hits]


@pytest.mark.parametrize(
    ("lang", "text", "words"),
    [
        ("fr", "Les réunions commenceront à neuf heures.", ["réunion", "REUNION", "commencer", "neuf heure"]),
        ("fr", "L’ŒUVRE d’Étienne, « enfin »…", ["oeuvre", "œuvre", "l’œuvre", "étienne", "enfin"]),
        (
            "en",
            "The meetings were postponed.",
            ["meeting", "postpone", '"meetings were postponed"', "postponed -cancelled"],
        ),
        ("en", "Meetings", ["zebra or meeting"]),
        ("de", "Die Sitzung", ["sitzung"]),
        ("", "Nowhere", ["nowhere"]),
    ],
)
async def test_words_are_found_in_their_forms_with_and_without_accents(
    database, lang: str, text: str, words: list[str]
):
    await make_meeting(database, "m", MARIE)
    await say(database, "m", 1, text, lang=lang)
    for asked in words:
        assert await found(database, asked) == [text], asked


@pytest.mark.parametrize(
    "words", ["zebra", "meeting -postponed", '"postponed meetings"', "the", "!!", "'", "a & | ! <-> :*"]
)
async def test_what_was_not_said_is_not_found(database, words: str):
    await make_meeting(database, "m", MARIE)
    await say(database, "m", 1, "The meetings were postponed.", lang="en")
    assert await found(database, words) == []


async def test_the_final_text_is_searched_in_place_of_the_live_one_and_nothing_unfinished_ever(database):
    await make_meeting(database, "m", MARIE)
    await say(database, "m", 1, "Le pont ouvre.")
    await say(database, "m", 2, "Le pont ouv", final=False)
    assert await found(database, "pont") == ["Le pont ouvre."]
    await finish(database, "m", "Le grand pont ouvre.")
    assert await found(database, "pont") == ["Le grand pont ouvre."]


async def test_a_corrected_line_is_found_by_what_it_says_now(database):
    await make_meeting(database, "m", MARIE)
    await say(database, "m", 1, "Le pont ouvre.")
    async with database.transaction() as tx:
        await segments.correct(tx, "m-1", text="Le port ouvre.", by=MARIE, name="Marie", at=1)
    assert await found(database, "pont") == []
    assert await found(database, "port") == ["Le port ouvre."]


async def test_nobody_finds_what_they_may_not_read(database):
    for meeting_id, organizer in (("one", MARIE), ("two", JEAN)):
        await make_meeting(database, meeting_id, organizer)
        await say(database, meeting_id, 5, f"secret {meeting_id} live", call_id="$live")
        await finish(database, meeting_id, f"secret {meeting_id} final")
    rights = [
        (MARIE, {}, {"one"}),
        (JEAN, {}, {"two"}),
        ("@ada:home", {}, set()),
        (GUEST, {"guest_of": "one"}, {"one"}),
        (GUEST, {"guest_of": "none"}, set()),
        (MARIE, {"meeting_id": "two"}, set()),
        (GUEST, {"guest_of": "one", "meeting_id": "two"}, set()),
    ]
    for user, narrowed, readable in rights:
        expected = {f"secret {name} {kind}" for name in readable for kind in ("live", "final")}
        assert set(await found(database, "secret", user, **narrowed)) == expected, (user, narrowed)
    assert await found(database, "secret", GUEST, guest_of="one", since_ms=3000) == ["secret one live"]
    async with database.transaction() as tx:
        await meetings.add_staff(tx, "two", MARIE)
    assert len(await found(database, "secret")) == 4
    async with database.transaction() as tx:
        await meetings.drop_staff(tx, "two", MARIE)
    assert len(await found(database, "secret")) == 2


async def test_it_can_be_narrowed_to_a_person_a_time_and_a_meeting(database):
    await make_meeting(database, "m", MARIE)
    await say(database, "m", 1, "Bonjour un")
    await say(database, "m", 2, "Bonjour deux", display_name="Ada 100%")
    assert await found(database, "bonjour", person="zoe") == ["Bonjour un"]
    assert await found(database, "bonjour", person="@zoe:home") == ["Bonjour deux", "Bonjour un"]
    assert await found(database, "bonjour", person="%") == ["Bonjour deux"]
    assert await found(database, "bonjour", from_ms=2000) == ["Bonjour deux"]
    assert await found(database, "bonjour", to_ms=2000) == ["Bonjour un"]
    assert await found(database, "bonjour", meeting_id="m") == ["Bonjour deux", "Bonjour un"]


async def test_a_long_answer_comes_in_pages_without_gaps_or_doubles(database):
    await make_meeting(database, "m", MARIE)
    async with database.transaction() as tx:
        await tx.execute(
            """INSERT INTO segments (id, room_id, call_id, user_id, display_name, track_sid, start_ms, end_ms, text,
                   stable_chars, lang, final, rev)
               SELECT 's' || n, '!m', '$m', '@z:home', 'Zoé', 'T', n / 3, n, 'mot ' || n, 0, 'fr', true, 1
               FROM generate_series(1, $1) AS n""",
            PAGE + 3,
        )
        first, more = await search.find(tx, Query("mot"), user_id=MARIE, guest_of=None, since_ms=0)
        last = first[-1]
        second, end = await search.find(
            tx, Query("mot", before=(last.start_ms, last.id)), user_id=MARIE, guest_of=None, since_ms=0
        )
    assert (more, end, len(first), len(second)) == (True, False, PAGE, 3)
    assert len({hit.id for hit in first + second}) == PAGE + 3


async def test_the_index_finds_the_words(database):
    await make_meeting(database, "m", MARIE)
    async with database.transaction() as tx:
        await tx.execute(
            """INSERT INTO segments (id, room_id, call_id, user_id, display_name, track_sid, start_ms, end_ms, text,
                   stable_chars, lang, final, rev)
               SELECT 's' || n, '!m', '$m', '@z:home', 'Z', 'T', n, n, 'mot nombre' || n, 0, 'fr', true, 1
               FROM generate_series(1, 5000) AS n"""
        )
        await finish_many(tx)
        await tx.execute("ANALYZE segments, paragraphs")
        given = await search.values(tx, Query("nombre77"), ["!m"], since_ms=0)
        plan = "\n".join(row["QUERY PLAN"] for row in await tx.rows("EXPLAIN " + search.STATEMENT, *given))
    assert "segments_search" in plan
    assert "paragraphs_search" in plan


async def finish_many(tx: Any) -> None:
    said = tuple(Paragraph(f"p{n}", n, n, "@z:home", "Z", "", "fr", f"mot nombre{n}") for n in range(5000))
    await transcripts.put(tx, Transcript("!m", "$other", 0, 1000, PASSPORT, said))
