# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which engine reads, as the settings have it, and what is said of it."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bots.engines.contract import SpeechEngine
from bots.engines.kyutai import KyutaiEngine
from bots.engines.whisper import WhisperEngine
from bots.passport import Passport, kyutai_passport, whisper_passport
from bots.settings import Settings, SettingsError, model_of

_WAITING_READERS = 16
"""Threads that wait for a server; they cost no processor."""


@dataclass(frozen=True, slots=True)
class Speech:
    """An engine, how many readings it takes at once, and its passport, which blocks: it may hash the weights."""

    engine: SpeechEngine
    workers: int
    passport: Callable[[], Passport]


def speech_of(settings: Settings) -> Speech:
    """Make the engine that the settings ask for; it loads its model later.

    Raises:
        SettingsError: no usable model, or what the engine needs is not installed.
    """
    speech = settings.speech
    if speech.engine == "kyutai" and speech.kyutai is not None:
        if importlib.util.find_spec("msgpack") is None:
            raise SettingsError('[speech] engine = "kyutai" wants passerelle[kyutai] to be installed')
        kyutai = speech.kyutai
        return Speech(
            KyutaiEngine(kyutai.url, kyutai.token.get_secret_value()),
            speech.workers or _WAITING_READERS,
            partial(kyutai_passport, kyutai.model, url=kyutai.url, host=speech.host, licence=speech.licence),
        )
    model = model_of(speech)
    host = speech.host or settings.homeserver.server_name
    return Speech(
        WhisperEngine(model, workers=speech.worker_count),
        speech.worker_count,
        partial(whisper_passport, model, host=host, licence=speech.licence),
    )
