# `make run` is all that a fresh clone needs; PYTHON names another Python than python3.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: run demo test lint format translations reference lock clean help setup setup-dev

run: setup ## Run SentinelWeb (PORT=8000, DATA_DIR=data)
	@$(BIN)/python -m sentinelweb.runtime.supervisor

demo: setup ## Run it with a month of history and mock targets (PORT=8000, DEMO_DIR=data/demo)
	@$(BIN)/python -m tools.demo

test: setup-dev ## Run the tests (ARGS="-k audit")
	$(BIN)/pytest -n auto $(ARGS)

lint: setup-dev ## Check style, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup-dev ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

translations: setup-dev ## Bring the catalogs up to date with the texts in the code
	$(BIN)/pybabel -q extract -F tools/babel.cfg -k lazy_gettext \
		--add-location=file --sort-by-file --no-wrap -o sentinelweb/translations/messages.pot .
	$(BIN)/pybabel -q update -i sentinelweb/translations/messages.pot -d sentinelweb/translations \
		--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --no-wrap
	$(BIN)/pybabel -q compile -d sentinelweb/translations

reference: setup-dev ## Write the parts of the documentation that follow from the code
	@$(BIN)/python -m tools.write_reference

lock: setup-dev ## Resolve the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q \
		pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

clean: ## Remove what set-up and tools made; data stays
	rm -rf .venv node_modules sentinelweb/static/vendor .*_cache .hypothesis __pycache__
	find sentinelweb migrations tests -name __pycache__ -prune -exec rm -rf {} +
	find sentinelweb/translations -name '*.mo' -delete

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "make %-16s %s\n", $$1, $$2}'

setup:
	@$(PYTHON) tools/bootstrap.py

setup-dev:
	@$(PYTHON) tools/bootstrap.py --dev

-include benchmarks/bench.mk
