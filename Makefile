# run   start everything with sandbox data     test       the tests        check  format, lint, types, imports, tidy
# bench measure against pgbench                test-long  drills, fuzzing  lock   resolve the dependencies anew
# rehearse  the shipped evening on a sandbox of its own, a day in 24 minutes
#
# Each target installs what it needs into .venv. The only thing it takes from the machine is a Python from 3.11 on.
# Arguments go through ARGS: make run ARGS="--port 9000", make test ARGS="tests/ledger -x".

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# A module stays with one worker; each worker has a PostgreSQL of its own.
PARALLEL := -n logical --maxprocesses 4 --dist loadgroup
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := run
.PHONY: run test test-long check bench rehearse lock clean

run: $(VENV)/.runtime
	$(BIN)/chuanliu demo $(ARGS)

test: $(VENV)/.development $(VENV)/.debian-packages
	$(BIN)/pytest $(PARALLEL) -m "not long" $(ARGS)

test-long: $(VENV)/.development $(VENV)/.debian-packages
	$(BIN)/pytest -m long $(ARGS)

check: $(VENV)/.development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_tidy.py

bench: $(VENV)/.development
	$(BIN)/chuanliu bench $(or $(ARGS),all)

rehearse: $(VENV)/.runtime
	$(BIN)/chuanliu rehearse $(or $(ARGS),double-eleven --fresh --compress 60 --scale 0.01 --hold 0.5)

# Only root can install Debian packages; for others, and offline, the tests that need one say so and are skipped.
$(VENV)/.debian-packages: .ci/debian-packages | $(BIN)/python
	@.ci/debian-packages
	@touch $@

lock:
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --all-extras \
		--no-emit-index-url --no-emit-find-links -c requirements.lock pyproject.toml requirements-build.in \
		-o requirements-development.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	.ci/make-venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@test -e $@ || echo "Installing the runtime (once) …"
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.development: requirements-development.lock pyproject.toml | $(BIN)/python
	@test -e $@ || echo "Installing the development tools (once) …"
	$(PIP) install --require-hashes -r requirements-development.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime
