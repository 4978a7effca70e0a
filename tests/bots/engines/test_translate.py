# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What every translator keeps to; today there is one, against a server that follows the published API."""

import pytest

from bots.engines.translate import LibreTranslate, TranslationRefusedError, Translator, TranslatorAwayError
from tests.bots.engines.fake_libretranslate import FakeLibreTranslate


@pytest.fixture
async def server():
    server = FakeLibreTranslate()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(params=["libretranslate"])
async def translator(request, server):
    translator = LibreTranslate(server.url)
    yield translator
    await translator.close()


async def test_texts_come_back_in_their_order(translator: Translator):
    assert await translator.translate(["merci", "bonjour", "42"], "fr", "en") == ["thank you", "hello", "42"]


async def test_nothing_to_translate_asks_nobody(translator, server):
    assert await translator.translate([], "fr", "en") == []
    assert server.asked == []


async def test_languages_that_it_does_not_have_are_refused_for_good(translator):
    with pytest.raises(TranslationRefusedError, match="fr to xx"):
        await translator.translate(["bonjour"], "fr", "xx")


async def test_a_server_that_is_away_may_come_back(translator, server):
    await server.stop()
    with pytest.raises(TranslatorAwayError, match="can't be reached"):
        await translator.translate(["bonjour"], "fr", "en")


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_what_may_pass_is_no_refusal(translator, server, status):
    server.failures = [status]
    with pytest.raises(TranslatorAwayError, match=str(status)):
        await translator.translate(["bonjour"], "fr", "en")
    assert await translator.translate(["bonjour"], "fr", "en") == ["hello"]


@pytest.mark.parametrize(
    "answer", [[], {}, {"translatedText": "hello"}, {"translatedText": []}, {"translatedText": [5]}, {"error": "?"}]
)
async def test_an_answer_that_is_none_is_not_believed(translator, server, answer):
    server.answer = answer
    with pytest.raises(TranslatorAwayError, match="not what its API says"):
        await translator.translate(["bonjour"], "fr", "en")


async def test_a_server_that_takes_fewer_texts_gets_fewer(translator, server):
    server.batch_limit = 2
    assert await translator.translate(["bonjour", "merci", "chat", "merci", "chat"], "fr", "en") == [
        "hello",
        "thank you",
        "cat",
        "thank you",
        "cat",
    ]
    assert max(len(texts) for texts in server.asked[1:] if len(texts) <= 2) == 2


async def test_a_key_is_sent_where_there_is_one(server):
    server.api_key = "secret"
    translator = LibreTranslate(f"{server.url}/", "secret")
    assert await translator.translate(["bonjour"], "fr", "en") == ["hello"]
    await translator.close()
