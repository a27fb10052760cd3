# Every habit of this repository. `make` alone lists them.

VENV ?= .venv
# Named explicitly, or chosen by scripts/python.sh when the environment is made.
PYTHON ?=
# More arguments for pytest: make test ARGS="-k spec -x"
ARGS ?=
# Processes that share the tests, file by file; 0 to run them in one, as a debugger needs it.
JOBS ?= auto

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
GROUP := dev

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Without byte code every import is several times slower, and each task of a run imports anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(STAMP) ## make the virtual environment; PYTHON=... chooses the interpreter

# pyproject.toml says what is installed: only a change there installs again.
$(STAMP): pyproject.toml
	@if ! test -x $(BIN)/python; then \
		python="$(PYTHON)"; \
		test -n "$$python" || python=$$(scripts/python.sh); \
		"$$python" -m venv --clear $(VENV); \
		$(BIN)/python -c 'import sys; print("$(VENV): made with Python", sys.version.split()[0])'; \
	fi
	@echo "$(VENV): installing, which takes some minutes the first time"
	@# --group needs pip 25.1
	@$(BIN)/python -m pip install -qq --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install -qq --editable '.[mlflow]' --group $(GROUP)
	@touch $@

.PHONY: demo
demo: setup ## create a project from the starter, compile it, and run it on this machine
	@$(BIN)/python scripts/demo.py

.PHONY: test
test: setup ## run the tests; ARGS="-k word" chooses among them
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(ARGS)

.PHONY: e2e
e2e: setup ## run the tests in real containers, as root on Debian or Ubuntu
	@scripts/install-docker.sh
	@$(BIN)/python e2e/machine.py
	@$(BIN)/python -m pytest e2e $(ARGS)

.PHONY: test-all
test-all: ## run the tests on every Python from 3.10 to 3.14 that is installed
	@scripts/test-all.sh

.PHONY: lint
lint: setup ## look for mistakes and for unformatted files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: setup ## format the files and mend what can be mended by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: setup ## check the types
	$(BIN)/mypy

.PHONY: contracts
contracts: setup ## check which part may import which
	$(BIN)/lint-imports

.PHONY: docs
docs: setup ## check the links in the documentation
	@$(BIN)/python -m pytest -q tests/test_repository.py -k markdown

.PHONY: bench
bench: setup ## measure the speed and print it as ratios
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-image
bench-image: setup ## measure the image of a project from the starter; needs Docker and PyPI
	@$(BIN)/python -m benchmarks container_image

.PHONY: clean
clean: ## remove the virtual environments, the demo and every cache
	rm -rf .venv .venvs build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find e2e kedro_vertexai scripts tests -name __pycache__ -prune -exec rm -rf {} +
