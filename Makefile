# Two commands do it all: `make serve` and `make test`. Everything else is a part of them.

PORT ?= 5000
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
WORKERS ?= 2

.PHONY: help serve test check faults bench browser format readme clean

help:  ## say what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

serve: $(BIN)/.installed  ## set everything up and serve on http://127.0.0.1:5000 (PORT=...)
	$(BIN)/runstone server --port $(PORT)

test: $(BIN)/.test-installed check browser  ## set everything up and pass all the tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --ignore tests/rules --cache-clear \
	|| $(BIN)/python -m tests.browser.again

check: $(BIN)/.test-installed  ## lint, types, import order, house rules, migration drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/rules

faults: $(BIN)/.test-installed  ## kill -9 fifty times on SQLite and twenty on Postgres (FAULTS=50)
	RUNSTONE_TEST_KILL_ROUNDS=$(or $(FAULTS),50) $(BIN)/python -m pytest -s tests/faults

bench: $(BIN)/.test-installed  ## measure beside MLflow and FastTrackML (BENCH=--quick)
	$(BIN)/python -m tests.bench $(BENCH)

format: $(BIN)/.test-installed  ## put the code into the formatter's form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

readme: $(BIN)/.test-installed  ## write the README's table of settings again
	$(BIN)/python -m tests.rules.settings_table

browser:  ## find Chromium for the browser tests, or install it
	@command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 \
	|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && apt-get update -qq \
	     && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	|| { echo 'The browser tests need Chromium. Install it (Debian, Ubuntu: sudo apt-get install chromium; macOS: brew install --cask'; \
	     echo 'chromium; Fedora: sudo dnf install chromium), then run make test again.'; exit 1; }

clean:  ## remove the virtual environment and everything that was built
	rm -rf $(VENV) static/vendor dist build

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'Runstone needs Python 3.11 or later on PATH. Install it, then try again.'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(BIN)/.installed: $(BIN)/python pyproject.toml package-lock.json hatch_build.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(BIN)/.test-installed: $(BIN)/python pyproject.toml package-lock.json hatch_build.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(BIN)/.installed
