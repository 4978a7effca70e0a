# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Runs pytest with another build of the native engine: `python sanitized.py <engine.so> <pytest's arguments>`."""

import importlib.util
import sys

import pytest

if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("sfu.native._engine", sys.argv[1])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["sfu.native._engine"] = module
    sys.exit(pytest.main(sys.argv[2:]))
