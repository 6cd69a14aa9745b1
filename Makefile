# `make demo` and `make test` do all of their own set-up, each in a virtual environment of its own.

PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test
TRAINERS := .venv-trainers

.PHONY: demo test test-trainers check screenshots clean

demo: $(DEMO)/installed
	$(DEMO)/bin/ls-trajedit demo $(DEMO_ARGUMENTS)

test: $(TEST)/installed chromium nginx
	$(TEST)/bin/python -m pytest $(TEST_ARGUMENTS)

# Optional, because PyTorch is large. On Linux PyPI has it with CUDA, which is not used here; where pip knows an index
# with builds for the CPU as well, it takes one of those.
test-trainers: $(TRAINERS)/installed
	$(TRAINERS)/bin/python -m pytest tests/trainers --confcutdir=tests/trainers $(TEST_ARGUMENTS)

# Type checkers do not follow the mapping of folders to packages, so mypy checks an installed copy.
check: $(TEST)/installed
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .
	rm -rf build $(TEST)/copy
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(TEST)/copy .
	cd $(TEST)/copy && ../bin/mypy --strict --config-file ../../pyproject.toml -p ls_trajedit

# The pictures in docs/images, taken of a real Label Studio.
screenshots: $(TEST)/installed chromium
	$(TEST)/bin/python docs/make_screenshots.py

SOURCES := setup.cfg pyproject.toml $(shell find ls_trajedit converters label_config traces examples -name '__pycache__' -prune -o -type f -print)

$(DEMO)/installed: $(SOURCES) | venv-module
	$(PYTHON) -m venv $(DEMO)
	rm -rf build
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check '.[demo]'
	touch $@

# Editable, so that the tests run on the files as they are.
$(TEST)/installed: setup.cfg pyproject.toml | venv-module
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test,dev]'
	touch $@

$(TRAINERS)/installed: setup.cfg pyproject.toml | venv-module
	$(PYTHON) -m venv $(TRAINERS)
	$(TRAINERS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[trainers]'
	touch $@

# Debian ships Python without what makes virtual environments.
.PHONY: venv-module
venv-module:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; \
	  else \
	    echo "this Python cannot make virtual environments: install the package python3-venv" >&2; exit 1; \
	  fi; }

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	  else \
	    echo "the browser tests need Chromium on PATH: install the package chromium" >&2; exit 1; \
	  fi; }

# For one way of getting the live diff into the page.
.PHONY: nginx
nginx:
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light; \
	  else \
	    echo "a test of the live diff needs nginx: install the package nginx-light" >&2; exit 1; \
	  fi; }

clean:
	rm -rf .venv-demo .venv-test .venv-trainers build dist demo-output *.egg-info
