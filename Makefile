# Everything a contributor types. `make help` lists it; tools/setup.py does the setting up, on any system.

PYTHON ?= python3
ARGS ?=
UNAME := $(shell uname -s 2>/dev/null || echo Windows)

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif

PYTEST := $(BIN)/python -m pytest

.PHONY: run test oracles lint bench pictures lock clean help

run: ## Set up what is missing and open ANN Studio (ARGS="train samples/xor.annstudio" for the command line)
	@$(PYTHON) tools/setup.py run
	@$(BIN)/python -m annstudio $(ARGS)

# Two steps, both always run: tests that need a real window, one at a time; then all others, sharing the cores.
test: ## Set up, then run every test, those in a real window included (ARGS="-k xor" is passed to the second step)
	@$(PYTHON) tools/setup.py test
	@status=0; \
	if [ "$(UNAME)" = Linux ]; then \
	  QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1000x24" $(PYTEST) -m x11 tests || status=$$?; \
	else \
	  echo "Tests marked x11 need an X server and were left out."; \
	fi; \
	QT_QPA_PLATFORM=offscreen $(PYTEST) -n auto --maxprocesses 8 --dist worksteal $(ARGS) || status=$$?; \
	exit $$status

oracles: ## Install PyTorch, Keras and other peers, and compare every layer and optimiser with them (INDEX="--extra-index-url …" for CPU builds)
	@$(PYTHON) tools/setup.py oracles $(INDEX)
	@QT_QPA_PLATFORM=offscreen $(PYTEST) -m oracle -n auto --maxprocesses 8 --dist worksteal tests/oracles $(ARGS)

lint: ## Set up, then check style, types and the floors (which module may import which)
	@$(PYTHON) tools/setup.py lint
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet . && echo "ruff: style and format are in order"
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: ## Measure speed in the window and headless, into benchmarks/results.json
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python -m benchmarks $(ARGS)

pictures: ## Make the pictures of the README anew
	@$(PYTHON) tools/setup.py test
	@$(BIN)/python tools/pictures.py $(ARGS)

# A lock holds names, versions and hashes for every system, and nothing about where this machine gets its files. That of
# the peers holds no hashes, since PyTorch has other files on other indexes.
PINS := $(BIN)/uv --no-config pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--custom-compile-command "make lock" $(ARGS)
LOCK := $(PINS) --generate-hashes

lock: ## Renew requirements/*.lock from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(PYTHON) tools/setup.py lint
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --group build -o requirements/run.lock
	$(LOCK) --group build --extra test --extra lint --constraint requirements/run.lock -o requirements/test.lock
	$(PINS) --group oracles --constraint requirements/test.lock -o requirements/oracles.lock

clean: ## Remove what was built or cached (.venv stays)
	rm -rf build dist out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find annstudio tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)
