# Each target does all of its own set-up, in a virtual environment of its own. CONTRIBUTING.md says when to run which.

PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test
TRAINERS := .venv-trainers
FLOORS := .venv-floors
OLDEST := .venv-oldest

.PHONY: demo quick test test-trainers test-floors check types screenshots clean

demo: $(DEMO)/installed
	$(DEMO)/bin/ls-trajedit demo $(DEMO_ARGUMENTS)

# The unit tests and the examples in docstrings, on all cores, with fewer Hypothesis examples than `make test` takes.
# The two plugins are for other tests, and slow to load.
quick: $(TEST)/installed
	$(TEST)/bin/python -m pytest --quiet --numprocesses=auto --dist=worksteal --hypothesis-profile=quick \
	  -p no:faker -p no:schemathesis tests/unit traces label_config converters ls_trajedit $(TEST_ARGUMENTS)

test: $(TEST)/installed chromium firefox nginx postgresql oldest test-floors
	$(TEST)/bin/python -m pytest $(TEST_ARGUMENTS)

# Optional, because PyTorch is large. On Linux, PyPI has it with CUDA, which is not used here; where pip also knows an
# index with builds for the CPU, it takes one of those.
test-trainers: $(TRAINERS)/installed
	$(TRAINERS)/bin/python -m pytest tests/trainers --confcutdir=tests/trainers $(TEST_ARGUMENTS)

# With the lowest versions of our dependencies that setup.cfg allows.
test-floors: $(FLOORS)/installed
	$(FLOORS)/bin/python -m pytest --quiet tests/floors --confcutdir=tests/floors

check: $(TEST)/installed
	$(TEST)/bin/ruff check .
	# The code opens each text file with its encoding: the default is another one on Windows. The rule is in preview.
	$(TEST)/bin/ruff check --preview --select PLW1514 ls_trajedit converters label_config traces examples
	$(TEST)/bin/ruff format --check .
	$(MAKE) --no-print-directory types

# Type checkers do not follow the mapping of folders to packages, so mypy checks links laid out as the folders install.
types: $(TEST)/installed
	rm -rf $(TEST)/layout
	mkdir -p $(TEST)/layout/ls_trajedit
	cd $(TEST)/layout/ls_trajedit && \
	  ln -s ../../../ls_trajedit/* ../../../converters ../../../label_config ../../../traces ../../../examples .
	cd $(TEST)/layout && ../bin/mypy --strict --config-file ../../pyproject.toml --cache-dir ../mypy -p ls_trajedit

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

# The oldest Label Studio that works, for its live tests. It imports pkg_resources, which newer setuptools do not have.
.PHONY: oldest
oldest: $(OLDEST)/installed
$(OLDEST)/installed: | venv-module
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check 'label-studio==1.12.1' 'setuptools<81'
	touch $@

$(FLOORS)/installed: setup.cfg pyproject.toml tests/floors/constraints.py | venv-module
	$(PYTHON) -m venv $(FLOORS)
	$(FLOORS)/bin/python tests/floors/constraints.py > $(FLOORS)/constraints.txt
	$(FLOORS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(FLOORS)/constraints.txt \
	  --editable '.[hub,parquet]' pytest
	touch $@

# Debian's Python cannot create virtual environments without this package.
.PHONY: venv-module
venv-module:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; \
	  else \
	    echo "this Python cannot create virtual environments: install the package python3-venv" >&2; exit 1; \
	  fi; }

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	  else \
	    echo "the browser tests need Chromium on PATH: install the package chromium" >&2; exit 1; \
	  fi; }

# For the tests of the page in a second browser.
.PHONY: firefox
firefox:
	@command -v firefox-esr >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends firefox-esr; \
	  else \
	    echo "the browser tests need Firefox on PATH: install the package firefox-esr" >&2; exit 1; \
	  fi; }

# For the test that gets the live diff into the page through a proxy.
.PHONY: nginx
nginx:
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light; \
	  else \
	    echo "a test of the live diff needs nginx: install the package nginx-light" >&2; exit 1; \
	  fi; }

# The tests make a temporary cluster of their own; the one that the package makes is not used.
.PHONY: postgresql
postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends postgresql; \
	  else \
	    echo "the live tests need PostgreSQL: install the package postgresql" >&2; exit 1; \
	  fi; }

clean:
	rm -rf .venv-demo .venv-test .venv-trainers .venv-floors .venv-oldest build dist demo-output *.egg-info
