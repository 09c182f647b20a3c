# `make demo` and `make test` do all their own set-up: Python 3.11 or later, git and make are enough.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test lint format kube lock bench generate clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/arc-monitor: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("arc-monitor needs Python 3.11 or later; set PYTHON=") if sys.version_info < (3, 11) else None'
	@echo "setting up $(VENV) from requirements/run.txt"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(BIN)/arc-monitor
	@echo "adding the development tools from requirements/dev.txt"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(BIN)/arc-monitor  ## play the main job on a simulated world (DEMO="--serve" keeps the status page up)
	@$(BIN)/arc-monitor demo $(DEMO)

test: $(VENV)/.dev  ## run the tests; real components that are missing are skipped loudly (TEST="-k name" narrows)
	@$(BIN)/python -m pytest -n auto --dist loadgroup $(TEST)

lint: $(VENV)/.dev  ## ruff, mypy (strict), import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev  ## let ruff mend what it can
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

kube: $(VENV)/.dev  ## build kube-apiserver and etcd for the tests into the user's cache
	@$(BIN)/python tests/kube/build.py

bench: $(VENV)/.dev  ## run the benchmarks and print their tables
	@$(BIN)/python -m benchmarks

generate: $(VENV)/.dev  ## rewrite what is made from code: config example, docs tables, runbooks, alerts, dashboards
	@$(BIN)/python -m tools.generate

lock:  ## renew the hashed requirements (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --upgrade --group build pyproject.toml -o requirements/run.txt
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --upgrade --group build --group dev pyproject.toml -c requirements/run.txt -o requirements/dev.txt

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
