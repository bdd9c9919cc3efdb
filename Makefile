# Everything runs in .venv, which `install` makes with plain python3 and the pinned versions of requirements.lock.

PYTHON ?= python3
PY := .venv/bin/python
# Most tests wait for a server most of the time.
TEST_PROCESSES ?= 4
# A tool for developers alone, apart from what is audited.
AUDIT := .gridcast/audit
STAMP := .venv/.installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: help install lint test long unit demo docs docs-serve skill bench chaos fuzz crashes guarantee replay-check load pictures soak registry audit clean
help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

install: $(STAMP)  ## Make .venv with the pinned packages (once; again when they change)

$(STAMP):
	@test -x $(PY) || $(PYTHON) -c 'import sys; sys.exit("python3 must be 3.11 or newer") if sys.version_info < (3, 11) else 0'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@echo "installing into .venv (a few minutes the first time)"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@rm -f .venv/.installed-*
	@touch $@

lint: install  ## Lint, formatting, types and import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

test: lint  ## Lint and every test that does not take minutes; servers are started as needed
	$(PY) -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal

long: install  ## The tests that take minutes: the tutorial, a small chaos, every door of the API by its description
	$(PY) -m pytest --numprocesses 3 --dist worksteal -m long

unit: install  ## The tests that need no server
	$(PY) -m pytest --numprocesses 2 --dist worksteal tests/unit tests/stream

demo: install  ## The whole line on two real plants
	$(PY) -m cli.main demo

docs: install  ## The documentation site, into .gridcast/site; a warning is a failure
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

docs-serve: install  ## The documentation site while you write: PORT=n (8000)
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs serve --livereload --dev-addr 127.0.0.1:$(or $(PORT),8000)

skill: install  ## The public forecasting benchmarks (hours): ONLY=name[,name], DATA=folder of folders, WORTH=1
	$(PY) -m benchmarks.skill $(if $(ONLY),--only $(ONLY)) $(if $(DATA),--data $(DATA)) $(if $(WORTH),--worth)

bench: install  ## Speed, latency, restore and memory, beside the peers (over an hour): ONLY=name[,name], RUNS=n
	$(PY) -m benchmarks.run $(if $(ONLY),--only $(ONLY)) $(if $(RUNS),--runs $(RUNS))
	$(PY) -m benchmarks.bench_page

chaos: install  ## Kills and faults on every part while load runs, then a verdict: KILLS=n (20), SEED=n
	$(PY) -m tests.chaos $(if $(KILLS),--kills $(KILLS)) $(if $(SEED),--seed $(SEED))

fuzz: install  ## Noise and bent records, RECORDS=n of each kind (1,000,000: half an hour), SEED=s
	$(PY) -m tests.fuzz

crashes: install  ## Each crash point of a worker alone, and all in other orders
	CRASHES=all $(PY) -m pytest tests/integration/test_crash_points.py tests/integration/test_sink_crash_points.py

guarantee: install  ## Each mechanism of docs/guarantee.md taken out of a copy: does a test notice? ONLY=G3[,G7], JOBS=n
	$(PY) -m tests.taken_out $(if $(ONLY),--only $(ONLY)) $(if $(JOBS),--jobs $(JOBS))

replay-check: install  ## Random live runs and their replays: RUNS=n, SEED=n repeats one
	REPLAY_RUNS=$(or $(RUNS),5) REPLAY_SEED=$(SEED) $(PY) -m pytest tests/stream/test_replay_random.py tests/integration/test_replay_random.py

load: install  ## Newest forecasts over HTTP beside a worker and a sink: RATE=n a second (200), SECONDS=n, PLANTS=n
	$(PY) -m benchmarks.api_load $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(PLANTS),--plants $(PLANTS))

pictures: install  ## The pictures of docs/pictures: the demo's plants on the page, in a real browser (minutes)
	$(PY) -m tests.browser.pictures

soak: install  ## Memory stays bounded while PostgreSQL is slow: MINUTES=n
	$(PY) -m tests.soak --minutes $(or $(MINUTES),10)

registry: install  ## The tests with a real schema registry (158 MB the first time)
	$(PY) -m pytest -m registry tests/integration

audit: install  ## Known vulnerabilities of the pinned packages; fails where the advisories cannot be asked
	@test -x $(AUDIT)/bin/pip-audit || { $(PY) -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip install --quiet pip-audit==2.10.1; }
	$(AUDIT)/bin/pip-audit --requirement requirements.lock --no-deps --disable-pip --strict --progress-spinner off

clean: ## Stop the local servers and remove what runs have left
	@test ! -x $(PY) || $(PY) -m cli.main down
	rm -rf .gridcast build *.egg-info .mypy_cache .ruff_cache .pytest_cache
