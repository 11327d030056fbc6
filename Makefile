# What a person does here, in short commands; `make help` lists them. Needs make and Python 3.11 or newer, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-real check docs pictures format

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1: \2/p' Makefile

demo: .venv/laff ## make a small collection of videos, run everything on it, show the results
	$(BIN)/laff demo

test: .venv/laff ## all tests, side by side; those that need real data or Chromium skip where it is missing
	$(BIN)/python -m pytest -n auto --dist worksteal

test-real: .venv/laff ## the tests on real data (LAFF_DATA, by default ../shared/data), which must be there
	LAFF_REQUIRE=data $(BIN)/python -m pytest -m real

check: .venv/laff ## format, lint, spelling, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/laff ## write docs/commands.md and the rooms of docs/architecture.md anew from the code
	$(BIN)/python docs/make.py

pictures: .venv/laff ## draw the pictures of README and docs from the results of `make demo` (needs Chromium)
	$(BIN)/python docs/pictures.py

format: .venv/laff ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Written last, so an interrupted installation is taken up again. New pins install anew, other changes do not.
.venv/packages: requirements.txt requirements-zero-shot.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("laff needs Python 3.11 or newer, not " + sys.version.split()[0] + "; name one: make PYTHON=python3.11")'
	@echo "Installing the packages of requirements.txt and requirements-zero-shot.txt into .venv (once, some 6 GB; pip says nothing for about three minutes)"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-zero-shot.txt
	@touch $@

.venv/laff: .venv/packages pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
