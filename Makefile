# One command per habit; CI calls the same ones. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup data run-local demo test test-fast test-cluster test-long test-faults coverage lint format notebooks image flink-up flink-down lock clean docs reference
SHELL := /bin/bash
bin := .venv/bin
WORKERS ?= 2
parallel := -n $(WORKERS) --dist loadfile

help: ## list what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:[^#]*##/\t/' | expand -t 14

setup: ## make .venv from requirements.lock (done by the others when needed)
	@bash deploy/venv/setup.sh

data: setup ## write the 12 monthly spans of the New York flights
	@$(bin)/python -m data.flights

run-local: data ## run the pipeline on the newest span of the flights
	@$(bin)/plumbline run --dataset flights

demo: setup ## the whole life of a model in some minutes: serve, bad candidate, drift, retraining
	@$(bin)/plumbline demo

test: setup ## fast tests and whole runs, WORKERS=2 at a time; what CI calls
	@bash deploy/test_packages.sh
	@$(bin)/python -m pytest -q $(parallel) -m "not cluster and not faults and not long"

test-fast: setup ## the tests that neither run the pipeline nor train, under two minutes
	@$(bin)/python -m pytest -q $(parallel) -m "not e2e and not slow and not cluster and not faults and not long"

test-cluster: setup ## builds the image, dry-runs compiled pipelines, starts Flink; half an hour
	@bash deploy/test_packages.sh
	@$(bin)/python -m pytest -q -m cluster

test-long: setup ## more whole runs and repeated processes, of what a shorter test in `make test` shows once
	@$(bin)/python -m pytest -q -m "long and not cluster"

test-faults: setup ## kills, damage, full disks and the like: SEED=… repeats a run, FAULTS=2 tries twice as many; half an hour
	@$(bin)/python -m pytest -q -n $(WORKERS) --dist load -m faults tests/faults

coverage: setup ## branch coverage by the fast tests, subprocesses included; page in build/coverage/html. TESTS=folder for a part
	@rm -rf build/coverage && mkdir -p build/coverage
	@export COVERAGE_FILE=$(CURDIR)/build/coverage/data; \
	$(bin)/coverage run -m pytest -q $(parallel) -m "not e2e and not slow and not cluster and not faults and not long" $(TESTS); \
	tested=$$?; $(bin)/coverage combine -q && $(bin)/coverage html -q -d build/coverage/html && $(bin)/coverage report --skip-covered; \
	exit $$tested

lint: setup ## ruff, mypy, import-linter, links, words and names of the documentation
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/mypy
	@$(bin)/lint-imports
	@$(bin)/python -m docs.checks.links
	@$(bin)/python -m docs.checks.retired_words
	@$(bin)/python -m docs.checks.docstring_names

format: setup ## put the code into its form
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

notebooks: setup ## execute the notebooks on the last `make run-local`; they are kept without outputs
	@JUPYTER_RUNTIME_DIR=$(CURDIR)/.venv/jupyter IPYTHONDIR=$(CURDIR)/.venv/ipython \
	  $(bin)/python -m pytest -q --nbmake --nbmake-timeout=600 notebooks

image: setup ## build the container image with docker, podman or buildah
	@bash deploy/image/build.sh

flink-up: setup ## start a Flink cluster on this machine (2 TaskManagers), for `plumbline run --beam flink`
	@bash deploy/flink/up.sh

flink-down: ## end it
	@bash deploy/flink/down.sh

docs: setup ## build the documentation as a site in build/site, links checked (extra `docs`)
	@NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(CURDIR) $(bin)/mkdocs build --strict --config-file deploy/docs/mkdocs.yml

reference: setup ## write docs/settings.md, docs/cli.md and docs/packages.svg from the code
	@$(bin)/python -m pipeline.settings.reference_page > docs/settings.md
	@$(bin)/python -m docs.reference.command_line > docs/cli.md
	@$(bin)/python -m docs.reference.package_graph > docs/packages.svg

lock: setup ## renew requirements.lock: one for Python 3.10 to 3.13, with hashes, without addresses
	@UV_CACHE_DIR=.venv/.uv-cache $(bin)/uv pip compile --quiet --upgrade --universal --python-version 3.10 \
	  --generate-hashes --all-extras --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  pyproject.toml --output-file requirements.lock
	@UV_CACHE_DIR=.venv/.uv-cache $(bin)/uv pip compile --quiet --universal --python-version 3.10 \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements.lock \
	  --extra cloud pyproject.toml --output-file deploy/image/requirements.lock
	@UV_CACHE_DIR=.venv/.uv-cache $(bin)/uv pip compile --quiet --universal --python-version 3.10 \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links -c requirements.lock \
	  -c deploy/image/requirements.lock deploy/image/test.in --output-file deploy/image/test-requirements.lock
	@rm -rf .venv/.uv-cache

clean: ## remove everything that was made: .venv, the spans, runs/ with its models, caches
	rm -rf .venv .flink data/flights data/steel data/digits runs build *.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
