.DEFAULT_GOAL := help
.PHONY: help install serve test test-all check format demo-model clean

BIN := .venv/bin

help: ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: ## Set up .venv with pinned versions
	@deploy/install.sh

serve: install ## Start the gateway on 127.0.0.1:8000 (ARGS="--port 9000" for flags)
	@$(BIN)/qwen-vl serve $(ARGS)

test: ## Set up and run the tests with the real engine
	@deploy/install.sh dev
	@$(BIN)/python -m pytest $(ARGS)

test-all: ## The tests and those that take minutes
	@deploy/install.sh dev
	@$(BIN)/python -m pytest -m "" $(ARGS)

check: ## Lint, format and types
	@deploy/install.sh dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: ## Format and sort imports
	@deploy/install.sh dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

demo-model: ## Train the demo checkpoint anew (hours on a CPU)
	@deploy/install.sh dev
	@$(BIN)/python -m engine.demo.train $(ARGS)

clean: ## Remove .venv and caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
