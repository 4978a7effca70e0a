# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the room learns of the model that listens."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from bots.passport import Passport, whisper_passport


def test_the_weights_that_install_from_the_package_index_are_known(model):
    passport = whisper_passport(model, host="hs")
    assert (passport.name, passport.version, passport.licence, passport.host) == ("whisper-base", "1.0.0", "MIT", "hs")
    assert passport.sha256 == hashlib.sha256(Path(model, "model.bin").read_bytes()).hexdigest()
    assert passport.engine.startswith("faster-whisper 1.")
    assert passport.content()["not_used_for_training"] is True


def test_other_weights_are_named_by_their_folder_and_their_licence_is_the_operators_word(tmp_path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "model.bin").write_bytes(b"weights")
    assert whisper_passport(f"{tmp_path}/ours", host="hs").licence == "unknown"
    passport = whisper_passport(f"{tmp_path}/ours", host="hs", licence="CC-BY-4.0")
    assert (passport.name, passport.licence) == ("ours", "CC-BY-4.0")
    assert passport.sha256 == hashlib.sha256(b"weights").hexdigest()


def test_weights_that_were_exchanged_are_hashed_anew(tmp_path):
    weights = tmp_path / "model.bin"
    weights.write_bytes(b"old")
    before = whisper_passport(str(tmp_path), host="hs").sha256
    weights.write_bytes(b"new")
    os.utime(weights, ns=(1, 1))
    assert whisper_passport(str(tmp_path), host="hs").sha256 != before


def test_a_line_for_people_says_all_of_it():
    passport = Passport("whisper-base", "1.0.0", "abc", "MIT", "hs:8431", "faster-whisper 1.2.1")
    known = "whisper-base 1.0.0 (MIT, SHA-256 abc)"
    for lang in ("en", "cs"):  # what is spoken may be no language of ours
        assert passport.sentence(lang) == f"{known}, read by faster-whisper 1.2.1 on hs:8431; not used for training"
    assert passport.sentence("fr").startswith(f"{known}, lu par faster-whisper 1.2.1 sur hs:8431")
    assert passport.sentence("de").endswith("nicht zum Training benutzt")
    assert replace(passport, not_used_for_training=False).sentence("en").endswith("on hs:8431")
