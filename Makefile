# Everything from a fresh clone, with only git, make and Python >= 3.11.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: up test test-walk test-aws walk check clean venv dev lock

up: venv            ## deploy the stack `local` on this machine
	@$(BIN)/mooring up --stack local --yes

venv:               ## the project's environment, made or repaired
	@$(PYTHON) scripts/environment.py

dev:                ## the same with what tests and checks need
	@$(PYTHON) scripts/environment.py dev aws

test: dev           ## all tests but those of the next two
	@$(BIN)/python -m pytest -n 5 --dist worksteal -m "not aws and not walk"

test-walk: dev      ## `kill -9` at the first turn of each boundary
	@$(BIN)/python -m pytest -n 2 -m walk

test-aws: dev       ## the tests of AWS: the emulator, the adapter, the foundation
	@$(BIN)/python -m pytest -n 4 --dist worksteal -m aws

walk: dev           ## `kill -9` at every turn of every boundary (a quarter of an hour)
	@MOORING_WALK=whole $(BIN)/python -m pytest -n 2 tests/e2e/test_kill_walk.py

check: dev          ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

clean:              ## stop and remove what `make up` made: stacks of this machine, then the environment
	@if [ -x $(BIN)/mooring ]; then $(BIN)/mooring destroy --stack local --yes || exit 1; fi
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
