.DEFAULT_GOAL := help
.PHONY: help install install-clients serve test test-all test-browser test-clients check format bench demo-model \
	docs clean

BIN := .venv/bin

help: ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

install: ## Set up .venv with pinned versions
	@deploy/install.sh

install-clients: ## Set up .venv-clients, which `make test-clients` asks through
	@tests/clients/install.sh

serve: install ## Start the gateway on 127.0.0.1:8000 (ARGS="--port 9000" for flags)
	@$(BIN)/qwen-vl serve $(ARGS)

test: ## Set up and run the tests with the real engine
	@deploy/install.sh dev
	@$(BIN)/python -m pytest $(ARGS)

test-all: ## The tests, those that take minutes, and those that need clients, a browser and tools of others
	@deploy/install.sh dev
	@tests/clients/install.sh
	@tests/deploy/install.sh
	@tests/playground/install.sh
	@$(BIN)/python -m pytest -m "" $(ARGS)

test-clients: ## The tests that ask through the official clients of other APIs
	@deploy/install.sh dev
	@tests/clients/install.sh
	@$(BIN)/python -m pytest -m clients $(ARGS)

test-browser: ## The tests that look at the playground with Chromium
	@deploy/install.sh dev
	@tests/playground/install.sh
	@$(BIN)/python -m pytest -m browser $(ARGS)

check: ## Lint, format and types
	@deploy/install.sh dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: ## Format and sort imports
	@deploy/install.sh dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: ## Measure the gateway beside its peers (ARGS="--groups stub"; about half an hour for all)
	@deploy/install.sh dev
	@benchmarks/peers/install.sh
	@$(BIN)/python -m benchmarks.peers $(ARGS)

demo-model: ## Train the demo checkpoint anew (hours on a CPU)
	@deploy/install.sh dev
	@$(BIN)/python -m engine.demo.train $(ARGS)

docs: ## Write the documentation as a site to site/
	@deploy/install.sh dev
	@$(BIN)/mkdocs build --strict --quiet

clean: ## Remove .venv and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
