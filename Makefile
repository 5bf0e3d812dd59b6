# Everything installs itself into VENV from hashed requirements; nothing else on the machine is touched.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
LOCKED = --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml
export PYTHONPATH = $(CURDIR)/src

.PHONY: help demo test lint bench format requirements

help:
	@echo "make demo          trade a made-up market for two hours and show what happened"
	@echo "make test          run the whole suite"
	@echo "make lint          check format, style, types and layers"
	@echo "make bench         measure cold start, cycle and memory"
	@echo "make format        format the code"
	@echo "make requirements  write the hashed requirements anew from pyproject.toml"

$(VENV)/runtime: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "dg_bot needs Python 3.11 or newer: make demo PYTHON=python3.12")'
	@echo "installing into $(VENV): about half a minute"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/development: requirements-dev.txt $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(VENV)/runtime
	@$(BIN)/python scripts/demo.py

test: $(VENV)/development
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/development
	$(BIN)/python -m benchmarks

format: $(VENV)/development
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

requirements: $(VENV)/development
	$(BIN)/uv pip compile $(LOCKED) --extra dev -o requirements-dev.txt
	$(BIN)/uv pip compile $(LOCKED) --constraint requirements-dev.txt -o requirements.txt
