# make demo    trace the chat server of demos/ and show where it blocks (sets everything up first)
# make test    the tests;  make check  style and types;  make bench  the cost of tracing, beside its peers
# make gallery   docs/gallery/, the figures of the README, from real runs;  make notebook  docs/notebook.ipynb
# make catalogues   iotrace/catalogues/: what is marked for translation, and what gettext reads
# make fonts   the Chinese fonts of pictures, cut to what our texts use
# make wheel   dist/*.whl and *.tar.gz;  make clean  forget .venv and everything built

SHELL := /bin/bash
BIN := .venv/bin

.PHONY: demo test check bench gallery notebook catalogues fonts wheel clean

demo: .venv/.ready-demo
	@./setup.sh system demo
	@$(BIN)/iotrace run demos/select_chat.py

test: .venv/.ready-dev
	@./setup.sh system dev
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: .venv/.ready-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/.ready-dev
	@$(BIN)/python -m benchmarks

gallery: .venv/.ready-demo
	@./docs/gallery.sh

notebook: .venv/.ready-dev
	@$(BIN)/python -m tests.api.notebook

catalogues: .venv/.ready-dev
	@$(BIN)/python -m tests.catalogues

fonts: .venv/.ready-dev
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	npm pack --silent --pack-destination "$$folder" @expo-google-fonts/noto-sans-sc@0.4.3 >/dev/null && \
	tar -xzf "$$folder"/*.tgz -C "$$folder" && $(BIN)/python -m tests.fonts "$$folder"

wheel: .venv/.ready-dev
	@$(BIN)/python -m hatchling build -d dist

clean:
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/.ready-%: setup.sh pyproject.toml
	@./setup.sh environment $*
