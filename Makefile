# A newcomer needs two: `make run` and `make test`. Both set up .venv first.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
NEW_ENOUGH := import sys, venv; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help setup run test tests check format lint types imports drift schema released lock demo-feed

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv with everything in requirements.lock, and `sijil` in it

run: setup ## Serve GraphQL on http://127.0.0.1:8000/graphql, filled from the demo feed
	@exec $(BIN)/sijil run

test: setup ## Run the tests; some of them only: make test ARGS="-k visa"
	$(BIN)/pytest $(ARGS)

check: lint types imports drift tests ## Everything that CI checks

# All tests, file by file in four processes, each with a server of its own: they wait for programs and for PostgreSQL more
# than they work. Those that take longest, which start programs, begin.
tests: setup
	@folder=$$(mktemp -d); TMPDIR=$$folder $(BIN)/pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder \
	  tests/end_to_end tests; status=$$?; rm -rf $$folder; exit $$status

format: setup ## Format the code, and fix what can be fixed by itself
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lint: setup ## Check format and style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup ## Check types
	$(BIN)/mypy

imports: setup ## Check that imports point downwards
	$(BIN)/lint-imports --no-cache

drift: setup ## Check that schema.graphql is what the code serves
	$(BIN)/sijil schema | diff -u schema.graphql -

schema: setup ## Write schema.graphql from the code
	@$(BIN)/sijil schema > $(VENV)/schema.graphql
	@mv $(VENV)/schema.graphql schema.graphql

released: setup ## At a release, before its heading goes into CHANGELOG.md: write released.graphql, unless clients lose something too soon
	$(BIN)/python -m tests.schema.release

lock: setup ## Write requirements.lock from pyproject.toml; newer versions: make lock ARGS=--upgrade
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-header $(ARGS) --output-file requirements.lock pyproject.toml
	@$(MAKE) --no-print-directory setup

# The generator's lines and those of demo/more.jsonl, in the order of their time.
demo-feed: ## For maintainers: write demo/feed.jsonl.gz again (needs the feed's generator beside this repository)
	$(PYTHON) ../shared/feed/make_feed.py --people 2000 --seed 1 > demo/feed.jsonl
	sed 's/^{"line":[0-9]*,/{/' demo/feed.jsonl demo/more.jsonl | LC_ALL=C sort -s -t '"' -k 4,4 \
	  | awk '{sub(/^{/, "{\"line\":" NR ","); print}' | gzip -n9 > demo/feed.jsonl.gz
	rm demo/feed.jsonl

# uv comes from PATH, or by pip out of the same lock file. Without a cache it can write to, uv works without one.
# Compiled once here, a command starts in 1 s or less, also where Python may not write bytecode; otherwise in 2 s.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	  echo "Sijil needs Python 3.11 or newer with its venv module; $(PYTHON) is not. Another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@set -eu; \
	uv=uv; \
	if ! uv --version >/dev/null 2>&1; then \
	  uv=$(BIN)/uv; \
	  $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null 2>&1 || { \
	    echo "Neither uv nor pip is here. Install one of them (on Debian and Ubuntu: python3-venv) and try again." >&2; exit 1; }; \
	  awk '/^[^ #]/ {wanted = /^uv==/} wanted' requirements.lock > $(VENV)/uv.lock; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock; \
	fi; \
	cache=$$($$uv cache dir 2>/dev/null) && mkdir -p "$$cache" 2>/dev/null && test -w "$$cache" || export UV_NO_CACHE=1; \
	$$uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock; \
	$$uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
