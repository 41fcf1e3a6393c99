# Every command here brings the set-up up to date first; a finished set-up costs nothing.
#
# A comment that begins with ## is what `make help` says of the target below it.

PYTHON ?= python3
TORCH ?=
PYTEST_ARGS ?=
# Test files go to as many processes as there are cores, up to four: each has servers and a database of its own.
# The files are taken in the order of tests/conftest.py, which begins with slow ones; xdist's own begins with those of
# many tests.
IN_PARALLEL ?= --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: $(shell sed -n 's/^\([a-z][a-z -]*\):.*/\1/p' $(MAKEFILE_LIST))

## List the targets
help:
	@echo 'Soundloom. Each target sets up first what it needs.'
	@awk '/^## / { text = substr($$0, 4); next } \
		/^[a-z][a-z -]*:/ && text { sub(/:.*/, ""); n = split($$0, names, " "); \
			for (i = 1; i <= n; i++) printf "  make %-18s %s\n", names[i], text; text = "" }' $(MAKEFILE_LIST)
	@echo
	@echo '  make setup TORCH="…"         choose another build of torch: what pip is told to install, or none'
	@echo '  make setup PYTHON=python3.12 choose the interpreter for a new environment'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
		echo 'Soundloom needs Python 3.11, 3.12 or 3.13. Choose one with: make setup PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; \
		echo 'Python could not make an environment; on Debian: apt-get install python3-venv' >&2; exit 1; }

## Set up the environment, or bring it up to date
setup: $(BIN)/python
	@$(BIN)/python -m tools.setup_env --torch '$(TORCH)'

## Serve http://127.0.0.1:5309
run: setup
	@exec $(BIN)/soundloom serve

## Serve, and start again when code, a template, a style or a script changes
dev: setup
	@exec $(BIN)/watchfiles --filter all --ignore-paths static/vendor '$(BIN)/soundloom serve' webapp templates static

## Check and test everything; browser tests run when there is a browser
test: lint
	@$(BIN)/python -m tools.browser --explain
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not share" $(PYTEST_ARGS)

## Run a share of each long run: kills, floods, simulations, long sketches, the queue's state machine
test-shares: setup
	$(BIN)/python -m pytest $(IN_PARALLEL) -m share $(PYTEST_ARGS)

# Needs no server, no PostgreSQL and no torch.
QUICK := tests/accounts tests/audio tests/checks/test_imports.py tests/checks/test_repository.py tests/events tests/http \
	tests/policy tests/queue tests/storage tests/test_settings.py
## Run the tests that take a minute at most together
test-quick: setup
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not browser and not postgres and not share and not slow" $(QUICK) $(PYTEST_ARGS)

## Test with coverage of lines and branches, and fail below the floor; slower by half
coverage: setup
	$(BIN)/python -m pytest $(IN_PARALLEL) --cov --cov-report=term $(PYTEST_ARGS)

## Run the browser tests, and fail without a browser
test-browser: setup
	@$(BIN)/python -m tools.browser --require
	$(BIN)/python -m pytest $(IN_PARALLEL) -m browser $(PYTEST_ARGS)

## Kill servers and workers 200 times at random; takes a quarter of an hour
chaos: setup
	CHAOS_KILLS=200 CHAOS_SEED=$$$$ $(BIN)/python -m pytest tests/chaos/test_kills.py $(PYTEST_ARGS)

## Make 2,000 jobs on a cluster whose processes, database and object store fail; takes half an hour
chaos-cluster: setup
	CLUSTER_JOBS=2000 CHAOS_SEED=$$$$ $(BIN)/python -m pytest --log-cli-level=INFO tests/chaos/test_cluster.py $(PYTEST_ARGS)

# Valid and invalid requests for each operation.
API_TEST_EXAMPLES ?= 300
## Send many requests made up from the API's description, and each that could keep others waiting
test-api-long: setup
	API_TEST_EXAMPLES=$(API_TEST_EXAMPLES) $(BIN)/python -m pytest tests/api/test_schemathesis.py tests/api/test_floods.py $(PYTEST_ARGS)

## Run 10,000 steps of the queue's state machine on both databases, and many examples of the pure rules
test-long: setup
	STATE_MACHINE_STEPS=10000 $(BIN)/python -m pytest --log-cli-level=INFO tests/queue/test_state_machine.py $(PYTEST_ARGS)
	HYPOTHESIS_EXAMPLES=1000 $(BIN)/python -m pytest tests/policy $(PYTEST_ARGS)

## Run 30 jobs of full-size models with random weights on the CPU, within stated bounds of memory
test-models-long: setup
	$(BIN)/python -m benchmarks.bench_model_memory

## Check sketch over sixty prompts of three minutes
sketch-long: setup
	SKETCH_LONG=1 $(BIN)/python -m pytest tests/engines/sketch/test_long.py $(PYTEST_ARGS)

## Render the table of prompts to build/gallery, beside the sketch of GALLERY_REVISION
gallery: setup
	$(BIN)/python -m tools.gallery $(if $(GALLERY_REVISION),--against $(GALLERY_REVISION))

## Simulate a week of the queue with 100 workers
simulate: setup
	$(BIN)/python -m benchmarks.simulate

## Check style, types, import rules, locks, templates and scripts
lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_lock
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python -m tools.lint_scripts
	$(BIN)/python -m tools.collect_texts --check

## Collect the texts of pages in locale/, one catalogue for each domain
texts: setup
	$(BIN)/python -m tools.collect_texts

## Format the Python code
format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## Picture every page in build/screenshots, and the README's four
screenshots: setup
	$(BIN)/python -m tools.screenshots --readme
	$(BIN)/python -m tools.screenshots_admin

## Build the wheels of the server and of the client for Python in dist/
wheel: setup
	$(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist . ./clients/python

## Renew the locks within the ranges of pyproject.toml and package.json
lock: setup
	$(BIN)/python -m tools.lock

## Check the files of docs/deploy with the tools that read them
check-deploy: setup
	$(BIN)/python -m tools.check_deploy

## Run our client and other people's, unchanged, against a server
test-clients: setup
	$(BIN)/python -m tools.check_clients

## Measure; see docs/performance.md
bench-http bench-live bench-claim bench-many-workers bench-copying bench-start bench-library bench-pages bench-screens bench-speech bench-sketch bench-stream: setup
	@$(BIN)/python -m benchmarks.$(subst -,_,$@)

BENCH_ARGS ?=
## Measure what grows with the library, at 1,000 and 1,000,000 sounds; smaller: BENCH_ARGS="--sounds 100000"
bench-growth: setup
	@$(BIN)/python -m benchmarks.bench_growth $(BENCH_ARGS)

## Measure every published checkpoint at full size with random weights; takes up to 20 GB of disk
bench-models: setup
	@$(BIN)/python -m benchmarks.bench_models $(BENCH_ARGS)

## Measure decoding against AudioCraft and transformers; on a GPU: BENCH_ARGS=--full
bench-decode: setup
	@$(BIN)/python -m benchmarks.bench_decode $(BENCH_ARGS)

## Measure eight takes together against one; on a GPU: BENCH_ARGS="--device cuda"
bench-takes: setup
	@$(BIN)/python -m benchmarks.bench_takes $(BENCH_ARGS)

## Remove caches and reports
clean:
	rm -rf build dist htmlcov .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
