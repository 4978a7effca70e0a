# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""From settings to an engine and its passport."""

import pytest

from bots.engines.kyutai import KyutaiEngine
from bots.engines.whisper import WhisperEngine
from bots.settings import Settings, SettingsError
from bots.speech import speech_of

TOKEN = "0123456789abcdefghijklmnopqrstuv"


def settings(tmp_path, **speech) -> Settings:
    return Settings.model_validate(
        {
            "homeserver": {"client_url": "http://hs", "user_id": "@c:hs:1", "password": TOKEN, "device_id": "D"},
            "bridge": {"internal_url": "http://bridge", "internal_token": TOKEN},
            "speech": {"model_cache": str(tmp_path)} | speech,
            "call": {"livekit_service_url": "http://rtc"},
        }
    )


def test_whisper_reads_unless_something_else_is_asked_for(tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    speech = speech_of(settings(tmp_path, model=str(tmp_path), workers=3))
    assert isinstance(speech.engine, WhisperEngine)
    assert (speech.workers, speech.passport().host) == (3, "hs:1")


def test_a_kyutai_server_reads_where_it_is_asked_for_and_the_passport_says_where_the_sound_goes(tmp_path):
    speech = speech_of(settings(tmp_path, engine="kyutai", kyutai={"url": "wss://gpu.example:8080", "token": "t"}))
    assert isinstance(speech.engine, KyutaiEngine)
    passport = speech.passport()
    assert (passport.name, passport.licence, passport.host) == ("kyutai/stt-1b-en_fr", "CC-BY-4.0", "gpu.example")
    assert passport.sha256 == ""
    assert "SHA-256" not in passport.sentence("en")


def test_another_model_on_that_server_has_the_licence_that_the_operator_names(tmp_path):
    kyutai = {"url": "ws://gpu", "token": "t", "model": "ours"}
    assert speech_of(settings(tmp_path, engine="kyutai", kyutai=kyutai)).passport().licence == "unknown"
    named = settings(tmp_path, engine="kyutai", kyutai=kyutai, licence="MIT", host="our hall")
    assert (speech_of(named).passport().licence, speech_of(named).passport().host) == ("MIT", "our hall")


def test_a_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("bots.speech.importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"passerelle\[kyutai\]"):
        speech_of(settings(tmp_path, engine="kyutai", kyutai={"url": "ws://gpu", "token": "t"}))
