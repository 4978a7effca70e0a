# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
#
# make demo   a meeting of three people through three doors, with captions, and its report
# make up     the same stack, which stays: sign in, or open the guest link
# make test   everything that CI checks
# make test-browser   what people see, in Chromium, and what each door costs in clicks and seconds: build/browser/doors.json
# make test-long   the same tests with more seeds and longer runs
# make bench-captions   delays, errors, cost of the captions on real recordings, beside two baselines: a quarter of a quiet hour
# make bench-search   how long a search over 1,000 meetings takes, and build/bench/search.json
# make bench   what a packet costs in our engines, in a bare loop and in Janus, a meeting of 150, 150 joins: build/bench/sfu.json
# make texts   brings the translations up to their template: bridge/locales/README.md
# make wheel   a wheel with the SFU's native engine for other machines: build/wheel
# make conformance   LiveKit's clients against the SFU, or against LIVEKIT_URL: a table, and the same as JSON

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PAGES := bridge/web/vendor
CLIENTS := tests/sfu/clients
SUITE := tests/conformance/clients
CALENDARS := tests/bridge/clients
PARTNERS := tests/browser/call/clients

# make demo SPEECH=folder   a wav or flac and a txt for each speaker
SPEECH ?= tests/fixtures/speech
# make up DATA=folder PORT_BASE=9000
DATA ?= build/up
PORT_BASE ?=
PORTS := $(if $(PORT_BASE),--port-base $(PORT_BASE))
# make test PYTEST="-k invite"
PYTEST ?=

.PHONY: demo up test test-browser bench bench-captions bench-search conformance texts lint install wheel install-test lock clean

demo: install
	@exec $(BIN)/passerelle demo --speech "$(SPEECH)" $(PORTS)

up: install
	@exec $(BIN)/passerelle up --data "$(DATA)" $(PORTS)

# Of the conformance table the columns of Element Call, of two peer connections and of all SDKs; all with make conformance.
test: install-test lint
	@CONFORMANCE_CLIENTS="livekit 1.2.1,livekit-client 2.16.1,livekit-client 2.22.3,livekit-api 1.2.2,livekit-server-sdk 2.19.2" \
	  $(BIN)/python -m $(if $(PYTEST),pytest --durations 25 $(PYTEST),tests)

conformance: install $(SUITE)/node_modules/.installed
	@$(BIN)/python -m tests.conformance $(PYTEST)

bench: install
	@$(BIN)/python -m tests.bench.sfu $(if $(JANUS),--janus $(JANUS))

bench-captions: install
	@$(BIN)/python -m tests.bench.captions

bench-search: install
	@$(BIN)/python -m tests.bench.search

test-browser: install-test
	@DOOR_PROFILES=20 $(BIN)/python -m pytest tests/browser -m "long or not long" --durations 15 $(PYTEST) \
	  --deselect "tests/browser/test_accessibility.py::test_a_state_of_a_page_is_for_everybody["

# Hours: every parser fuzzed for ten minutes, 2,000 walks through rooms, ten times as many emulated networks.
test-long: install-test
	@$(BIN)/python -m pytest -m long --durations 15 $(PYTEST)
	@FUZZ_SECONDS=600 ROOM_RUNS=2000 $(BIN)/python -m pytest tests/fuzz --timeout 20000 $(PYTEST)

lint: install
	@echo "==> ruff, mypy, TypeScript, import contracts, licences"
	@mkdir -p build
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check .
	@$(BIN)/mypy && MYPYPATH=homeserver-config/synapse $(BIN)/mypy --package passerelle_guests
	@npm run check --prefix $(PAGES) --silent
	@$(BIN)/lint-imports --no-logo > build/lint-imports.log || { cat build/lint-imports.log; exit 1; }
	@$(BIN)/reuse lint --quiet || $(BIN)/reuse lint

install: .venv/.installed build/.native $(PAGES)/dist/.built
install-test: install $(CLIENTS)/node_modules/.installed $(SUITE)/node_modules/.installed $(CALENDARS)/node_modules/.installed \
  $(PARTNERS)/node_modules/.installed

.venv/.installed: .ci/requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Passerelle needs Python 3.11 or newer; say which with: make PYTHON=python3.11"; exit 1; }
	@mkdir -p build
	@echo "==> Python packages into .venv (half a gigabyte the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# uv is many times faster; where it can't be had, or does not know the mirror that pip was told of, pip does it.
	@$(PIP) install --quiet --require-hashes -r .ci/bootstrap.lock 2> build/pip.log && \
	  $(BIN)/uv pip install --python $(BIN)/python --no-cache --require-hashes -r .ci/requirements.lock 2> build/uv.log || \
	  $(PIP) install --require-hashes -r .ci/requirements.lock > build/pip.log 2>&1 || { cat build/pip.log; exit 1; }
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable . 2> build/pip.log || { cat build/pip.log; exit 1; }
	@touch $@

# Without a compiler the SFU runs its Python engine.
build/.native: .venv/.installed sfu/native/build.py $(wildcard sfu/native/src/*)
	@mkdir -p build
	@$(BIN)/python -m sfu.native.build || true
	@touch $@

$(PAGES)/dist/.built: $(PAGES)/package-lock.json $(PAGES)/build.mjs $(wildcard bridge/web/static/*/*)
	@command -v npm > /dev/null || { echo "Passerelle needs Node.js with npm for its pages."; exit 1; }
	@echo "==> Element Call and the pages"
	@npm ci --prefix $(PAGES) --no-audit --no-fund --silent
	@npm run build --prefix $(PAGES) --silent
	@touch $@

%/clients/node_modules/.installed: %/clients/package-lock.json
	@echo "==> Clients for the tests: $*"
	@npm ci --ignore-scripts --prefix $*/clients --no-audit --no-fund --silent
	@touch $@

texts: install
	@$(BIN)/python -m bridge.locales bridge/locales bots/locales

# Hashes, and no addresses, so that it installs from any mirror.
lock: install
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --extra demo --group dev pyproject.toml -o .ci/requirements.lock

# For every Linux with glibc 2.28 or newer on this kind of processor, and no container: zig is the compiler.
wheel: install
	@$(PIP) install --quiet --upgrade --target build/zig 'ziglang==0.17.*'
	@CC="$(CURDIR)/build/zig/ziglang/zig cc -target $(shell uname -m)-linux-gnu.2.28" ZIG_GLOBAL_CACHE_DIR=$(CURDIR)/build/zig/cache \
	  WHEEL_PLATFORM=manylinux_2_28_$(shell uname -m) $(PIP) wheel --quiet --no-deps --no-build-isolation -w build/wheel .
	@ls build/wheel

clean:
	rm -rf build .venv $(PAGES)/node_modules $(PAGES)/dist $(CLIENTS)/node_modules $(SUITE)/node_modules $(CALENDARS)/node_modules \
	  $(PARTNERS)/node_modules
