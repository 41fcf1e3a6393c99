# Every command here brings the set-up up to date first; a finished set-up costs nothing.
#
#   make run                     set up and serve
#   make test                    set up, check and test
#   make setup TORCH="…"         choose another build of torch: what pip is told to install, or none
#   make setup PYTHON=python3.12 choose the interpreter for a new environment

PYTHON ?= python3
TORCH ?=
PYTEST_ARGS ?=
# Files of tests go to as many processes as there are cores, up to four: each has servers and a database of its own.
IN_PARALLEL ?= --numprocesses=logical --maxprocesses=4 --dist=loadfile
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: bench-screens bench-speech bench-decode bench-pages bench-models bench-http bench-live bench-claim bench-start bench-library test-models-long help screenshots setup run test coverage test-browser test-api-long chaos test-long simulate lint format lock clean

help:
	@sed -n 's/^# \?//p' Makefile | head -6

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo 'Soundloom needs Python 3.11, 3.12 or 3.13. Choose one with: make setup PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; \
		echo 'Python could not make an environment; on Debian: apt-get install python3-venv' >&2; exit 1; }

setup: $(BIN)/python
	@$(BIN)/python -m tools.setup_env --torch '$(TORCH)'

run: setup
	@exec $(BIN)/soundloom serve

test: lint
	@$(BIN)/python -m tools.browser --explain
	$(BIN)/python -m pytest $(IN_PARALLEL) $(PYTEST_ARGS)

# The suite again, to see which lines and branches no test reaches; slower by half.
coverage: setup
	$(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report=term $(PYTEST_ARGS)

test-browser: setup
	@$(BIN)/python -m tools.browser --require
	$(BIN)/python -m pytest $(IN_PARALLEL) -m browser $(PYTEST_ARGS)

# Many more random kills of server and workers than the suite has; takes a quarter of an hour.
chaos: setup
	CHAOS_KILLS=200 CHAOS_SEED=$$$$ $(BIN)/python -m pytest tests/chaos $(PYTEST_ARGS)

# Requests made up from the API's description: so many for each operation, right ones and wrong ones.
API_TEST_EXAMPLES ?= 300
test-api-long: setup
	API_TEST_EXAMPLES=$(API_TEST_EXAMPLES) $(BIN)/python -m pytest tests/api/test_schemathesis.py $(PYTEST_ARGS)

# Ten thousand steps of the queue's state machine on both databases, against a thousand in `make test`.
test-long: setup
	STATE_MACHINE_STEPS=10000 $(BIN)/python -m pytest --log-cli-level=INFO tests/queue/test_state_machine.py $(PYTEST_ARGS)

# Full-size random weights on the CPU: thirty jobs of three models in turn, within stated bounds of memory.
test-models-long: setup
	$(BIN)/python -m benchmarks.bench_model_memory

# A week of the queue with 100 workers, in simulated time.
simulate: setup
	$(BIN)/python -m benchmarks.simulate

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_lock
	$(BIN)/djlint --lint --quiet templates

# Pictures of every page on a phone and a wide screen, light and dark, in build/screenshots; the README's four too.
screenshots: setup
	$(BIN)/python -m tools.screenshots --readme
	$(BIN)/python -m tools.screenshots_admin

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Takes the newest versions that the ranges in pyproject.toml and package.json allow.
lock: setup
	$(BIN)/python -m tools.lock

# Measurements; see docs/performance.md.
bench-http bench-live bench-claim bench-start bench-library bench-pages bench-screens bench-speech: setup
	@$(BIN)/python -m benchmarks.$(subst -,_,$@)

# Every published checkpoint at full size, with random weights; takes the GPU if there is one, and up to 20 GB of disk.
BENCH_ARGS ?=
bench-models: setup
	@$(BIN)/python -m benchmarks.bench_models $(BENCH_ARGS)

# Decoding against AudioCraft and transformers; on a GPU: make bench-decode BENCH_ARGS=--full
bench-decode: setup
	@$(BIN)/python -m benchmarks.bench_decode $(BENCH_ARGS)

clean:
	rm -rf build htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
