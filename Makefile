# Everything a fresh machine needs is Python 3.11+, pip, venv and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --require-hashes --only-binary :all:

.DEFAULT_GOAL := help
.PHONY: help demo test test-full check format lint types contracts cover bench bench-peers screenshots docs-tables lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# The stamps remember which lock was installed, so that a changed lock is installed again.
$(VENV)/.run: requirements/run.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements/run.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.lock $(VENV)/.run
	$(INSTALL) -r requirements/dev.lock
	@touch $@

demo: $(VENV)/.run ## install and show the main job on real input
	@$(BIN)/dive-tui demo

test: $(VENV)/.dev ## all tests, in the small sizes (minutes)
	DIVE_TEST_TIER=test $(BIN)/python -m pytest -q -n 2 --dist loadgroup

test-full: $(VENV)/.dev ## all tests, in the full sizes (up to an hour)
	DIVE_TEST_TIER=full $(BIN)/python -m pytest -q -n 2 --dist loadgroup --timeout 3000

check: format lint types contracts cover ## what every commit must pass

format: $(VENV)/.dev
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

contracts: $(VENV)/.dev
	$(BIN)/lint-imports

cover: $(VENV)/.dev
	DIVE_TEST_TIER=test $(BIN)/python -m pytest -q -n 2 --dist loadgroup --cov --cov-report=term:skip-covered --cov-fail-under=90

bench: $(VENV)/.dev ## speed beside raw probes taken in the same run
	$(BIN)/python -m benchmarks

# Other engines stay out of our environment; this one is ignored by Git of itself.
.venv-peers/.peers: requirements/peers.lock
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@echo '*' > .venv-peers/.gitignore
	.venv-peers/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary :all: \
	  -r requirements/peers.lock
	@touch $@

bench-peers: $(VENV)/.dev .venv-peers/.peers ## the same chain of steps here and in other engines
	$(BIN)/python -m benchmarks peers

screenshots: $(VENV)/.dev ## the pictures of the README, the same bytes every time
	$(BIN)/python -m screenshots.make

docs-tables: $(VENV)/.dev ## write the documents that are made from the code
	{ printf '# Keys\n\nMade from the app'"'"'s registry by `make docs-tables`.\n\n'; $(BIN)/python -m dive_tui.app.keymap; } > docs/keys.md

lock: ## resolve pyproject.toml anew into requirements/*.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --group build --custom-compile-command "make lock" pyproject.toml -o requirements/run.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --group build --group dev --custom-compile-command "make lock" pyproject.toml -o requirements/dev.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command "make lock" requirements/peers.in -o requirements/peers.lock

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-peers .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
