# The few commands of a working day. `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SUFFIXES:

PYTHON ?= python3
VENV := .venv
RUN := env -u PYTHONDONTWRITEBYTECODE PYTHONPATH=$(CURDIR):$(CURDIR)/plugins $(CURDIR)/$(VENV)/bin/python

.PHONY: help demo up down test check bench pins clean

help:  ## list these commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 10

demo: $(VENV)/runtime  ## archive sample chats in a real Airflow, and show the result; of every source: make demo SOURCES=all
	@$(RUN) -m commsarchive_airflow.demo demo "$(SOURCES)"

up: $(VENV)/runtime  ## start Airflow with its UI on loopback; with every source: make up SOURCES=all
	@$(RUN) -m commsarchive_airflow.demo up "$(SOURCES)"

down: $(VENV)/runtime  ## end what `make up` started
	@$(RUN) -m commsarchive_airflow.demo down

test: $(VENV)/dev  ## check style, types and floors, then run every test
	@$(MAKE) --no-print-directory check
	@$(RUN) -m pytest

check: $(VENV)/dev  ## style, types and floors only
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(RUN) -m mypy
	@PYTHONPATH=$(CURDIR):$(CURDIR)/plugins $(VENV)/bin/lint-imports

bench: $(VENV)/dev  ## measure every stage beside a naive pipeline: make bench MESSAGES=1000000
	@$(RUN) bench/run.py $(if $(MESSAGES),--messages $(MESSAGES))

pins:  ## compile requirements*.in into pinned requirements*.txt
	@for name in requirements requirements-stores requirements-dev; do $(VENV)/bin/uv pip compile -q --universal \
		--python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links $$name.in -o $$name.txt; done

clean:  ## remove everything that these commands made
	rm -rf $(VENV) .airflow .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/runtime: requirements.txt
	@PYTHON=$(PYTHON) ./setup.sh $(VENV) requirements.txt
	@touch $@

$(VENV)/dev: $(VENV)/runtime requirements-dev.txt
	@PYTHON=$(PYTHON) ./setup.sh $(VENV) requirements.txt requirements-dev.txt
	@touch $@
