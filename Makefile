# Every target works from nothing: only Python >= 3.11, make and a shell are needed.
PYTHON ?= python3
UV     := .venv/bin/uv
RUN    := .venv/bin
HOME_DIR ?= var/demo-$(shell date +%Y%m%d-%H%M%S)
PORT   ?= 8400
ONLY   ?=
export UV_SYSTEM_CERTS := 1
export UV_PROJECT_ENVIRONMENT := .venv

.PHONY: setup setup-dev parts demo test lint bench soak clean

$(UV):
	$(PYTHON) -m venv .venv
	$(RUN)/python -m pip install --quiet --disable-pip-version-check uv

setup: $(UV)
	$(UV) sync --quiet --frozen --inexact --no-dev --extra server --extra scan

setup-dev: $(UV)
	$(UV) sync --quiet --frozen --inexact --all-extras --all-groups

# What only tests need from Debian; nothing of it touches a production host.
parts:
	@$(PYTHON) tests/parts/install.py

demo: setup
	$(RUN)/sumun demo --home $(HOME_DIR) --port $(PORT)

lint: setup-dev
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/deptry .

test: setup-dev parts
	$(RUN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

bench: setup-dev parts
	$(RUN)/python -m bench $(ONLY)

soak: setup-dev parts
	$(RUN)/python -m pytest -m soak tests/soak
	SUMUN_BENCH_EVENTS=10000000 $(RUN)/python -m bench audit.search

clean:
	rm -rf .venv var
