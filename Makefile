# Every command works on the lake and warehouse that LAKE and WAREHOUSE name, for one delivery month with MONTH=YYYY-MM.
# With QUIET=1 only what was asked for, warnings and errors are printed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

export LAKE WAREHOUSE DBT_TARGET SCHEMA_PREFIX MONTH QUIET SAMPLE_DELIVERIES SAMPLE_COMPANIES COMPANIES
export TRINO_HOST TRINO_PORT TRINO_HTTP_SCHEME TRINO_USER TRINO_PASSWORD TRINO_CATALOG TRINO_UNLOAD_DIR
export SFTP_HOST SFTP_PORT SFTP_USER SFTP_PASSWORD SFTP_KEY_FILE SFTP_SECRET SFTP_HOST_KEY SFTP_KNOWN_HOSTS SFTP_ROOT

# XGBoost's macOS wheel expects libomp from Homebrew; scikit-learn's wheel, installed beside it, carries one.
ifeq ($(shell uname -s),Darwin)
RUN_PYTHON = DYLD_FALLBACK_LIBRARY_PATH=$$(echo $(VENV)/lib/python3*/site-packages/sklearn/.dylibs) $(BIN)/python
else
RUN_PYTHON = $(BIN)/python
endif
DBT = $(RUN_PYTHON) -m warehouse dbt
SAY = $(if $(QUIET),:,echo)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run ingest build train predict compare tune report freshness docs cost test test-engines lint review format lock clean

help: ## print what can be done
	@echo "Usage: make TARGET [MONTH=YYYY-MM]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: this is Python %d.%d; 3.11 or later is needed, name it with make PYTHON=python3.x" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock | $(VENV)/.python
	@$(SAY) "installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@touch $@

$(VENV)/.development: requirements-dev.lock | $(VENV)/.python
	@$(SAY) "installing the locked dependencies for development into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@ $(VENV)/.runtime $(VENV)/.extras

$(VENV)/.extras: requirements-extras.lock | $(VENV)/.python
	@$(SAY) "installing the locked dependencies of compare and tune into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-extras.lock
	@touch $@

run: $(VENV)/.runtime ## everything: deliveries to leads; on sample deliveries unless SFTP_HOST is set
	@$(SAY) "[1/8] sample deliveries"
	@$(RUN_PYTHON) -m ingestion sample
	@$(SAY) "[2/8] download and [3/8] land, delivery by delivery; register"
	@$(RUN_PYTHON) -m ingestion ingest
	@$(SAY) "[4/8] dbt build: staging, intermediate, marts"
	@$(MAKE) --no-print-directory build
	@$(SAY) "[5/8] train and evaluate"
	@$(MAKE) --no-print-directory train
	@$(SAY) "[6/8] predict"
	@$(RUN_PYTHON) -m ml predict
	@$(SAY) "[7/8] dbt build: leads"
	@$(DBT) build --selector scores
	@$(SAY) "[8/8] summary"
	@$(RUN_PYTHON) -m ml summary

ingest: $(VENV)/.runtime ## download and land what is new, register the raw tables
	@$(RUN_PYTHON) -m ingestion ingest

build: $(VENV)/.runtime ## build and test the tables up to to_train and to_predict
	@$(RUN_PYTHON) -m ingestion register
	@$(RUN_PYTHON) -m ml register
	@$(DBT) build --selector features

train: $(VENV)/.runtime ## train and evaluate both models
	@$(RUN_PYTHON) -m ml train

predict: $(VENV)/.runtime ## score to_predict, write the lists, build the leads
	@$(RUN_PYTHON) -m ml predict
	@$(DBT) build --selector scores

compare: $(VENV)/.runtime $(VENV)/.extras ## test other learners beside both models, on the same rows
	@$(RUN_PYTHON) -m ml compare

tune: $(VENV)/.runtime $(VENV)/.extras ## search better hyper-parameters and propose them as settings-tuned.yml
	@$(RUN_PYTHON) -m ml tune

report: $(VENV)/.runtime ## write the training table, the evaluation, the model card and the monthly letter as pages, the leads as a workbook
	@$(RUN_PYTHON) -m ml report insights
	@$(RUN_PYTHON) -m ml report evaluation
	@$(RUN_PYTHON) -m ml report card
	@$(RUN_PYTHON) -m ml report monthly
	@$(RUN_PYTHON) -m ml report leads
	@$(RUN_PYTHON) -m ml report index

freshness: $(VENV)/.runtime ## say whether the next delivery is late
	@$(RUN_PYTHON) -m ingestion register
	@$(DBT) source freshness

cost: $(VENV)/.runtime ## print what a month costs on Athena at the size of the country
	@$(RUN_PYTHON) -m warehouse cost

docs: $(VENV)/.runtime ## write the documentation of all tables, their pictures, and a page that links to it and to the reports
	@$(DBT) docs generate --static
	@$(RUN_PYTHON) -m warehouse diagrams
	@$(RUN_PYTHON) -m warehouse publish
	@$(RUN_PYTHON) -m ml report index

test: $(VENV)/.development lint ## run every check and test
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --ignore tests/engines

test-engines: $(VENV)/.development ## run everything on a real Trino too; needs Java 17 and Maven
	@$(BIN)/python -c 'from tests.engines.trino_server import check; check()'
	@$(BIN)/python -m pytest tests/engines --timeout 1800

lint: $(VENV)/.development ## check style and types of Python and SQL, and the dbt project against dbt-bouncer.yml
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@WAREHOUSE=:memory: $(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models tests/dbt/singular
	@$(MAKE) --no-print-directory review

review: $(VENV)/.development
	@DO_NOT_TRACK=1 WAREHOUSE=:memory: $(BIN)/dbt --quiet parse --no-partial-parse --target-path target/lint \
		--project-dir dbt_project --profiles-dir profiles
	@report="$$(COLUMNS=160 $(BIN)/dbt-bouncer run --show-all-failures 2>&1)" || { echo "$$report"; exit 1; }
	@echo "dbt-bouncer: every check of dbt-bouncer.yml holds"

format: $(VENV)/.development ## mend the style of Python and SQL
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@WAREHOUSE=:memory: $(BIN)/sqlfluff fix --disable-progress-bar dbt_project/models tests/dbt/singular

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: $(VENV)/.development ## resolve the dependencies of pyproject.toml anew
	@$(BIN)/python -m pip install --quiet uv
	@$(COMPILE) --all-extras --group dev pyproject.toml --output-file requirements-dev.lock
	@$(COMPILE) --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock
	@$(COMPILE) --all-extras --constraint requirements-dev.lock pyproject.toml --output-file requirements-extras.lock

clean: ## delete what the commands made here: .venv, the sample, and the default lake and warehouse if made of the sample
	@rm -rf $(VENV) dbt_project/target dbt_project/logs logs sample_deliveries
	@if ls lake/LOGS_FTP_EXECUTION/*.json >/dev/null 2>&1 && grep -L '"origin": "sample"' lake/LOGS_FTP_EXECUTION/*.json | grep -q .; \
	then echo "kept ./lake and ./warehouse.duckdb: not all of their deliveries are sample deliveries"; \
	else rm -rf lake warehouse.duckdb warehouse.duckdb.wal warehouse.duckdb.lock; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
