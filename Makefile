# One word per job. Everything is set up in ignored folders of this project:
# .venv (Python packages), .lab (qBittorrent servers for tests), results (of soak and bench).
#
#   make demo     a real qBittorrent with a sample library, and the main job on it
#   make check    lint, types, layers, unit tests: under a minute
#   make test     check, and all tests with real servers
#   make soak     the large counts of what make test runs small   -> results/soak.xml
#   make bench    times beside what users have today               -> results/*.json
#   make docs     fill the tables of docs/reference from the program itself
#   make pins     pin the dependencies anew
#   make clean    remove all that these leave behind

SHELL := /bin/bash
BIN := .venv/bin
WORKERS ?= 4
N ?= 1000
VERSION ?= trixie

# Compiled modules start three times faster; some machines switch that off.
unexport PYTHONDONTWRITEBYTECODE

# bookworm's and trixie's servers can be had on every Debian, so there a missing one is a failure.
export QBM_REQUIRE_SERVERS ?= $(if $(shell grep -x 'ID=debian' /etc/os-release 2>/dev/null),1,)

.PHONY: setup servers demo check test soak bench docs pins clean

setup: .venv/.ready
.venv/.ready: requirements/dev.txt scripts/setup
	scripts/setup

servers: setup
	$(BIN)/python scripts/fetch-servers

# Without a real server it shows the simulator, so here a missing one is no failure anywhere.
demo: setup
	QBM_REQUIRE_SERVERS= $(BIN)/python scripts/fetch-servers
	$(BIN)/python -m tests.lab.demo $(if $(ONCE),--once)

check: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n logical --maxprocesses $(WORKERS) tests/unit tests/properties tests/cases

test: check servers
	$(BIN)/pytest -q -n $(WORKERS) tests/contract tests/e2e tests/faults tests/differential

soak: servers
	mkdir -p results
	QBM_SOAK=1 $(BIN)/pytest -q -m soak --timeout=3600 --junit-xml=results/soak.xml

bench: servers
	$(BIN)/python -m bench --torrents $(N) --suite $(VERSION)
	$(BIN)/python -m bench.latency --suite $(VERSION)
	$(BIN)/python -m bench.disk --suite $(VERSION)
	$(BIN)/python -m bench.scan

docs: setup
	$(BIN)/python scripts/docs-reference

pins: setup
	scripts/pin

clean:
	rm -rf .venv .lab .bench .demo results dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
