# Everything installs itself into VENV from hashed requirements, which name every package: pip looks for none (--no-deps). Nothing else on
# the machine is touched.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
LOCKED = --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml
INPUTS ?= 1000000
# One more than two cores: many tests wait for a program, a database, or the pace that a messenger asks for.
WORKERS ?= 3
PARALLEL = -n $(WORKERS) --dist worksteal
export PYTHONPATH = $(CURDIR)/src

.PHONY: help demo picture messages desk test simulate fuzz coverage mutate reliability verify simulate-real replay-500 equality study-walks lint bench format requirements train

help:
	@echo "make demo          trade a made-up market for two hours and show what happened"
	@echo "make desk          draw the dashboards of a simulated month for the documents"
	@echo "make test          run the whole suite"
	@echo "make train         train a model: make train MARKET=KRW-BTC DATA=hours.csv.gz (docs/models.md)"
	@echo "make picture       draw the demo anew for the README"
	@echo "make messages      show every message of the bot on one page, docs/messages.html"
	@echo "make simulate      let many seeds live for months: make simulate SEEDS=1000 HOURS=720"
	@echo "make simulate-real kill the true program at its calls: make simulate-real KILLS=500"
	@echo "make replay-500    trade 500 hours under faults and compute each cycle again offline"
	@echo "make fuzz          fire spoilt inputs at the parsers: make fuzz INPUTS=1000000"
	@echo "make coverage      run the whole suite and judge which branches it took"
	@echo "make equality      hold both engines together on every recorded bar: half an hour"
	@echo "make mutate        break risk, execution and journal in thousands of small ways: half an hour"
	@echo "make study-walks   let the screen judge 1,000 random walks, and ones with an edge: minutes"
	@echo "make reliability   run every fault and write docs/reliability.md"
	@echo "make verify        all of the checks above and below, one after the other"
	@echo "make lint          check format, style, types and layers"
	@echo "make bench         measure backtests beside peers, cold start, cycle and memory"
	@echo "make format        format the code"
	@echo "make requirements  write the hashed requirements anew from pyproject.toml"

$(VENV)/runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "dg_bot needs Python 3.11 or newer: make demo PYTHON=python3.12")'
	@echo "installing into $(VENV): about half a minute"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	@touch $@

$(VENV)/development: requirements-dev.txt $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(VENV)/runtime
	@$(BIN)/python scripts/demo.py

picture: $(VENV)/runtime
	@$(BIN)/python scripts/demo.py --picture docs/pictures/demo.svg

desk: $(VENV)/development
	@$(BIN)/python scripts/dashboards.py
	@$(BIN)/python -m tests.monitoring

messages: $(VENV)/development
	@$(BIN)/python -m tests.message_page

test: $(VENV)/development
	$(BIN)/python -m pytest $(PARALLEL)

MARKET ?= KRW-BTC
train: $(VENV)/development
	@$(BIN)/python scripts/models/train.py --market $(MARKET) $(if $(DATA),--data $(DATA)) $(OPTIONS)

SEEDS ?= 1000
HOURS ?= 720
simulate: $(VENV)/development
	@$(BIN)/python -m tests.fault.simulation --hours $(HOURS) $(if $(SEED),--seed $(SEED) --faults "$(FAULTS)",--seeds $(SEEDS))

KILLS ?= 500
simulate-real: $(VENV)/development
	@$(BIN)/python -m tests.e2e.simulate_deaths --kills $(KILLS)

CYCLES ?= 500
replay-500: $(VENV)/development
	@$(BIN)/python -m tests.e2e.replay_many --cycles $(CYCLES)

fuzz: $(VENV)/development
	$(BIN)/python -m tests.fuzz --inputs $(INPUTS)

coverage: $(VENV)/development
	$(BIN)/python -m pytest $(PARALLEL) --ignore=tests/fault/test_simulation.py --cov --cov-report= --cov-report=json:build/coverage.json
	$(BIN)/python -m tests.quality.coverage build/coverage.json

mutate: $(VENV)/development
	rm -rf mutants
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/mutmut run --max-children 2
	$(BIN)/python -m tests.quality.mutation

reliability: $(VENV)/development
	$(BIN)/python -m tests.fault.reliability

equality: $(VENV)/development
	$(BIN)/python -m tests.equality

study-walks: $(VENV)/development
	@$(BIN)/python scripts/backtesting/study_walks.py --json docs/results/screen_walks.json --markdown docs/strategies.md

verify: lint coverage fuzz simulate simulate-real replay-500 equality mutate study-walks reliability

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
	$(BIN)/uv pip compile $(LOCKED) --extra dev --extra train -o requirements-dev.txt
	$(BIN)/uv pip compile $(LOCKED) --constraint requirements-dev.txt -o requirements.txt
