# Everything runs in .venv, which is made from the hashed lock and made again when the lock changes.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
STAMP := $(VENV)/.locked-$(shell cksum < requirements/dev.txt | cut -d' ' -f1)
LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --quiet
REPORTS ?= build/reports
ARGS ?=

.PHONY: help setup run test test-live bench check-ship lint format messages screenshots lock clean

help:
	@echo "make setup      the environment of every other target, in $(VENV)"
	@echo "make run        the console with three demo meshes on simulated clusters, on port 8000"
	@echo "make test       the whole suite, on SQLite and, what rests on the database, on PostgreSQL (ARGS=… for pytest)"
	@echo "make test-live  the live tier, on the clusters of MESHCONSOLE_LIVE (ARGS=… for pytest)"
	@echo "make bench      the benchmarks"
	@echo "make check-ship what takes too long for each change: the suite in two random orders, every scene, the benchmarks"
	@echo "make screenshots  a picture of every page, dialog and menu, in build/screenshots (ARGS='-k word' for some)"
	@echo "make lint       every check that runs nothing"
	@echo "make format     ruff's formatter and its safe corrections"
	@echo "make messages   take new messages into the catalogues and compile them"
	@echo "make lock       resolve the dependencies again and write requirements/*.txt"

setup: $(STAMP)

$(STAMP):
	@bash tools/make-venv $(VENV) requirements/dev.txt
	@rm -f $(VENV)/.locked-* && touch $@

# In the place of the shell, so that signals reach it; it ends with make, however make ends.
run: $(STAMP)
	@exec $(RUN) manage.py run --parent $$PPID

test: $(STAMP)
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite test $(ARGS)

test-live: $(STAMP)
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite live $(ARGS)

bench: $(STAMP)
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite bench $(ARGS)

# Before a release. With MESHCONSOLE_LIVE set, conformance runs on every one of its clusters too.
check-ship: $(STAMP)
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite ship $(ARGS)

screenshots: $(STAMP)
	@$(RUN) -m tests.screenshots $(ARGS)

lint: $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(RUN) tools/lint.py

format: $(STAMP)
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

messages: $(STAMP)
	@$(RUN) tools/messages.py update

lock: $(STAMP)
	@$(LOCK) -o requirements/run.txt
	@$(LOCK) --extra dev --constraint requirements/run.txt -o requirements/dev.txt

clean:
	rm -rf build staticfiles .mypy_cache .ruff_cache .hypothesis .import_linter_cache
