# Everything works in .venv, which the first target that needs it makes: with uv if it is there, else with venv and pip.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# A virtual environment that the caller happens to be in is not ours.
unexport VIRTUAL_ENV PYTHONHOME
export UV_PROJECT_ENVIRONMENT := .venv

BIN := .venv/bin
RUN_STAMP := .venv/.installed-to-run
DEV_STAMP := .venv/.installed-to-develop
EXPORT := export --frozen --quiet --no-header --no-emit-project --no-default-groups

.PHONY: help run serve-postgres test bench check check-style check-types check-imports check-locks fmt docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# With the services of the examples, so that there is something to see in an account.
RUN_CONFIG ?= examples/domicile.toml

run: $(RUN_STAMP) ## serve on http://localhost:8800 with nothing else to install (RUN_ARGS reaches `domicile serve`)
	@$(BIN)/domicile serve --config $(RUN_CONFIG) $(RUN_ARGS)

serve-postgres: $(DEV_STAMP) ## the same on a PostgreSQL that is started for it, with its data in ./var-postgres
	@$(BIN)/python -m domicile.apps.local_postgres --data var-postgres -- $(BIN)/domicile serve --data var-postgres $(RUN_ARGS)

# A file stays in one process, because its tests share a server.
PYTEST_ARGS ?= --numprocesses auto --dist loadfile --no-loadscope-reorder

test: $(DEV_STAMP) ## run all tests, on SQLite and on PostgreSQL (PYTEST_ARGS reaches pytest)
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: $(DEV_STAMP) ## measure speed and size beside a bare server (BENCH_ARGS reaches the bench)
	@$(BIN)/python -m bench $(BENCH_ARGS)

check: check-style check-types check-imports check-locks ## style, types, import contracts, locks

check-style: $(DEV_STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

check-types: $(DEV_STAMP)
	@$(BIN)/basedpyright --warnings

check-imports: $(DEV_STAMP)
	@$(BIN)/lint-imports --no-logo

check-locks: $(DEV_STAMP)
	@$(BIN)/uv lock --check --quiet || { echo 'uv.lock does not fit pyproject.toml: run `make lock`.' >&2; exit 1; }
	@$(BIN)/uv $(EXPORT) --group build | cmp -s - requirements.lock && \
	    $(BIN)/uv $(EXPORT) --group dev | cmp -s - requirements-dev.lock || \
	    { echo 'requirements*.lock do not fit uv.lock: run `make lock`.' >&2; exit 1; }

fmt: $(DEV_STAMP) ## mend what can be mended by itself
	@$(BIN)/ruff check --fix --exit-zero --quiet .
	@$(BIN)/ruff format .

docs: $(DEV_STAMP) ## build the documentation
	@$(BIN)/python -m docs.build

lock: $(DEV_STAMP) ## write the locks anew after a change of pyproject.toml (LOCK_ARGS=--upgrade for newer versions)
	@$(BIN)/uv lock $(LOCK_ARGS)
	@$(BIN)/uv $(EXPORT) --group build --output-file requirements.lock
	@$(BIN)/uv $(EXPORT) --group dev --output-file requirements-dev.lock

clean: ## remove what was built and installed; var and var-postgres, which hold data, stay
	rm -rf .venv dist docs/site .hypothesis .import_linter_cache .pytest_cache .ruff_cache .schemathesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- the virtual environment

# The hash-locked requirements are exported from uv.lock, so both ways install the same.
# $(1): the requirements file; $(2): what it is to uv.
define install
	@if command -v uv >/dev/null; then \
	    uv sync --frozen --inexact --quiet --no-default-groups $(2); \
	else \
	    { $(BIN)/python -c 'import pip' 2>/dev/null || $(BIN)/python -m ensurepip >/dev/null; } && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1) && \
	    $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
endef

$(RUN_STAMP): pyproject.toml uv.lock requirements.lock | $(BIN)/python
	@echo 'Installing what Domicile needs into .venv ...'
	$(call install,requirements.lock,--group build)
	@touch $@

$(DEV_STAMP): pyproject.toml uv.lock requirements-dev.lock | $(BIN)/python
	@echo 'Installing what its tests and checks need into .venv ...'
	$(call install,requirements-dev.lock,--group dev)
	@touch $(RUN_STAMP) $@

$(BIN)/python:
	@if command -v uv >/dev/null; then exec uv venv --quiet --clear .venv; fi; \
	for name in python3.11 python3.12 python3.13 python3.14 python3; do \
	    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        if ! "$$name" -c 'import ensurepip, venv' 2>/dev/null; then \
	            echo "$$name cannot make virtual environments: install Debian's package python3-venv (or uv)." >&2; exit 1; \
	        fi; \
	        exec "$$name" -m venv --clear .venv; \
	    fi; \
	done; \
	echo 'Domicile needs Python 3.11 or newer (or uv, which brings its own).' >&2; exit 1
