# Every target does its own set-up. `make setup` alone: a virtual environment in .venv, and Debian packages as root.
.PHONY: setup packages demo test lint bench clean

BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH):/usr/sbin:/sbin

demo: setup
	@$(BIN)/python examples/01-guestbook/demo.py

# The last line of the tests counts them. Those that need Docker or nftables run one after another in one worker.
test: lint
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup --benchmark-disable

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@$(BIN)/python -m pytest -q bench --benchmark-only

setup: packages .venv/ready

packages:
	@scripts/install-packages

.venv/ready: pyproject.toml scripts/make-environment
	@scripts/make-environment

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks
