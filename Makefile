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

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## the environment of every other target, in .venv

$(STAMP):
	@bash tools/make-venv $(VENV) requirements/dev.txt
	@rm -f $(VENV)/.locked-* && touch $@

# In the place of the shell, so that signals reach it; it ends with make, however make ends.
run: $(STAMP) ## the console with three demo meshes on simulated clusters, on port 8000
	@exec $(RUN) manage.py run --parent $$PPID

test: $(STAMP) ## the whole suite, on SQLite and, what rests on the database, on PostgreSQL (ARGS=… for pytest)
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite test $(ARGS)

test-live: $(STAMP) ## the live tier, on the clusters of MESHCONSOLE_LIVE (ARGS=… for pytest)
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite live $(ARGS)

bench: $(STAMP) ## the benchmarks
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite bench $(ARGS)

# Before a release. With MESHCONSOLE_LIVE set, conformance runs on every one of its clusters too.
check-ship: $(STAMP) ## what takes too long for each change: the suite in two random orders, every scene, the benchmarks
	@MESHCONSOLE_REPORTS=$(REPORTS) $(RUN) -m tests.support.suite ship $(ARGS)

screenshots: $(STAMP) ## a picture of every page, dialog and menu, in build/screenshots (ARGS='-k word' for some)
	@$(RUN) -m tests.screenshots $(ARGS)

lint: $(STAMP) ## every check that runs nothing
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(RUN) tools/lint.py

format: $(STAMP) ## the formatters of Python and of templates, and ruff's safe corrections
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format . ; $(BIN)/djangofmt templates

messages: $(STAMP) ## take new messages into the catalogues and compile them
	@$(RUN) tools/messages.py update

lock: $(STAMP) ## resolve the dependencies again and write requirements/*.txt
	@$(LOCK) -o requirements/run.txt
	@$(LOCK) --extra dev --constraint requirements/run.txt -o requirements/dev.txt

clean: ## remove what the other targets made
	rm -rf build staticfiles .mypy_cache .ruff_cache .hypothesis .import_linter_cache
