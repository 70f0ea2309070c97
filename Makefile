# Everything a developer runs, from a fresh clone with Python >= 3.11 and pip or uv. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)
# The first interpreter that is new enough; say `make PYTHON=… test` to choose another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$python; break; fi; done)
PYTEST_ARGS ?=
PYTHONS ?= 3.11 3.12 3.13
BENCH_ARGS ?=
FAULTS_ARGS ?=
FUZZ_ARGS ?=

.PHONY: help
help: ## Show the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: venv
venv: $(STAMP) ## Make .venv with the package (editable), every extra and every tool, pinned by hash

# The stamp is written last: a second run installs nothing until the lock or the project file changes.
# The lock is whole, so nothing is to be resolved: pip may otherwise take `coverage[toml]` for newer than the `coverage` pinned, and stop.
$(STAMP): requirements.lock pyproject.toml
ifneq ($(UV),)
	@[ -x $(BIN)/python ] || "$(UV)" venv --quiet --seed --python "$(or $(PYTHON),>=3.11)" $(VENV)
	"$(UV)" pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
	"$(UV)" pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	@[ -n "$(PYTHON)" ] || { echo "no Python >= 3.11 found on PATH; say make PYTHON=/path/to/python" >&2; exit 1; }
	@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	@touch $@

.PHONY: test
test: $(STAMP) ## Run the tests (PYTEST_ARGS="-n 2 -k name" is passed on)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

.PHONY: test-conformance
test-conformance: $(STAMP) ## Imports against other systems' cases and SDKs (BUILDFLAGS_FUZZ_EXAMPLES=100000 for a night)
	@[ -x .venv-conformance/bin/python ] || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-conformance
	$(BIN)/uv pip install --quiet --python .venv-conformance/bin/python --no-deps --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python .venv-conformance/bin/python --no-deps --no-build-isolation -e .
	$(BIN)/uv pip install --quiet --python .venv-conformance/bin/python --group conformance
	BUILDFLAGS_FUZZ_EXAMPLES=$${BUILDFLAGS_FUZZ_EXAMPLES:-2000} .venv-conformance/bin/python -m pytest -q -o timeout=900 tests/conformance $(PYTEST_ARGS)

.PHONY: test-all-pythons
test-all-pythons: $(STAMP) ## Run the tests on every supported Python that is found
	.ci/pythons $(PYTHONS)

.PHONY: coverage
coverage: $(STAMP) ## Run the tests under branch coverage and report it
	@rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest $(PYTEST_ARGS)
	@$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

.PHONY: check
check: lint types imports docs ## Everything but the tests

.PHONY: lint
lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: fix
fix: $(STAMP) ## Let ruff repair and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(STAMP) ## mypy --strict; the public API under mypy, pyright and ty
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/typing

.PHONY: imports
imports: $(STAMP) ## The contracts between the rooms
	$(BIN)/lint-imports

.PHONY: docs
docs: $(STAMP) ## Build the documentation; a warning is an error
	$(BIN)/sphinx-build -q -W --keep-going -b html -d build/doctrees docs build/docs

.PHONY: demo
demo: $(STAMP) ## A real backend and a real application: watch a toggle arrive, then kill the backend
	$(BIN)/python examples/demo/run.py

.PHONY: bench
bench: $(STAMP) ## The benchmarks, each figure with its bar (BENCH_ARGS=NAME for some)
	$(BIN)/python -m tests.benchmarks $(BENCH_ARGS)

.PHONY: fuzz
fuzz: $(STAMP) ## Fuzz everything that reads bytes, for FUZZ_SECONDS=120 in all (with atheris, where it installs)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check atheris \
		|| echo "atheris does not install here" >&2
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

.PHONY: fleet
fleet: $(STAMP) ## 1,000 clients behind varnish as the edge: what the origin feels, also after an outage
	$(BIN)/python -m tests.fleet

.PHONY: simulate
simulate: $(STAMP) ## 1,000,000 clients in simulated time
	$(BIN)/python -m tests.fleet.simulate

.PHONY: soak
soak: $(STAMP) ## SOAK_MINUTES=30 of changes, faults and evaluations: memory, lost updates, convergence
	$(BIN)/python -m tests.soak

.PHONY: faults
faults: $(STAMP) ## Every fault against a real client, with a verdict each (FAULTS_ARGS=--write puts it into the docs)
	$(BIN)/python -m tests.faults.matrix $(FAULTS_ARGS)

.PHONY: kills
kills: $(STAMP) ## kill -9 while saving, 1,000 times: a whole ruleset is loaded after each
	BUILDFLAGS_KILLS=1000 $(BIN)/python -m pytest -q tests/storage/test_kills.py

.PHONY: audit
audit: $(STAMP) ## Look up every pinned package in the advisory database (pip-audit); fails where that is out of reach
	VENV=$(VENV) .ci/audit

.PHONY: wheel
wheel: $(STAMP) ## Build the wheel, install it into a clean environment, smoke-test it there
	.ci/wheel

.PHONY: lock
lock: ## Resolve requirements.lock anew (every extra and tool, Python >= 3.11, every platform)
	@UV="$(or $(UV),$(BIN)/uv)"; "$$UV" pip compile pyproject.toml --quiet --no-config --all-extras --group dev --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade \
		--custom-compile-command "make lock" --output-file requirements.lock
	@! grep -nE '://|^-' requirements.lock || { echo "requirements.lock names a host or carries an option" >&2; exit 1; }

.PHONY: clean
clean: ## Remove what was built, and .venv
	rm -rf $(VENV) .venv-* build dist htmlcov .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
