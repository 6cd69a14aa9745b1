# Each target does all of its own set-up, in a virtual environment of its own. CONTRIBUTING.md says when to run which.

PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test
TRAINERS := .venv-trainers
FLOORS := .venv-floors
OLDEST := .venv-oldest

# Environments hold the versions in `locks/`, so that one made next year is the one that was tested. `LOCKED=` takes the
# newest instead.
LOCKED ?= yes

# Not written below: a comma would end an argument of `call`.
TEST_EXTRAS := .[demo,test,dev]

# $(call install,ENVIRONMENT,LOCK,WHAT): a virtual environment with that in it.
define install
$(PYTHON) -m venv $(1)
$(call pip,$(1)) $(if $(LOCKED),--constraint locks/build.txt) --upgrade pip
$(call pip,$(1)) $(if $(LOCKED),--constraint locks/$(2).txt --build-constraint locks/build.txt) $(3)
endef
pip = $(1)/bin/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo quick test test-live test-without-server test-newest test-trainers test-floors check types lock screenshots clean

demo: $(DEMO)/installed
	$(DEMO)/bin/ls-trajedit demo $(DEMO_ARGUMENTS)

# The unit tests and the examples in docstrings, on all cores, with fewer Hypothesis examples than `make test` takes.
# The two plugins are for other tests, and slow to load.
quick: $(TEST)/installed
	$(TEST)/bin/python -m pytest --quiet --numprocesses=auto --dist=worksteal --hypothesis-profile=quick \
	  -p no:faker -p no:schemathesis tests/unit traces label_config converters ls_trajedit $(TEST_ARGUMENTS)

# Every test. Those with a real Label Studio come one after the other, because they share it, and beside the others: half of
# the time they wait. What fails in one part does not keep the others from running.
test: $(TEST)/installed $(FLOORS)/installed chromium firefox nginx systemd-analyze docker-compose postgresql oldest
	$(MAKE) --no-print-directory --jobs=2 --keep-going test-live test-floors test-without-server

# Whole lines, so that no part writes into a line of another.
test-live test-floors test-without-server: SHELL := bash
test-live test-floors test-without-server: .SHELLFLAGS := -o pipefail -c
IN_LINES := | sed --unbuffered ''

# Not sorted by the number of tests, which xdist takes for the time of a file: the files that take long come first.
SPREAD := --numprocesses=auto --dist=loadfile --no-loadscope-reorder

test-live: $(TEST)/installed
	$(TEST)/bin/python -m pytest tests/live $(TEST_ARGUMENTS) $(IN_LINES) $(MAY_BE_NONE)

test-without-server: $(TEST)/installed
	$(TEST)/bin/python -m pytest $(SPREAD) --ignore=tests/live $(TEST_ARGUMENTS) $(IN_LINES) $(MAY_BE_NONE)

# pytest ends with 5 when TEST_ARGUMENTS leave it no test.
MAY_BE_NONE = $(if $(TEST_ARGUMENTS),|| [ $$? -eq 5 ])

# With the newest versions that setup.cfg allows, which may be newer than the locked ones: for a job on a schedule.
test-newest:
	rm -rf .venv-newest $(OLDEST)
	$(MAKE) test LOCKED= TEST=.venv-newest

# Optional, because PyTorch is large. On Linux, PyPI has it with CUDA, which is not used here; where pip also knows an
# index with builds for the CPU, it takes one of those.
test-trainers: $(TRAINERS)/installed
	$(TRAINERS)/bin/python -m pytest tests/trainers --confcutdir=tests/trainers $(TEST_ARGUMENTS)

# With the lowest versions of our dependencies that setup.cfg allows: the commands against everything that they talk to, and
# the unit tests of what imports a package of others. The rest of the three lower floors is Python alone, and would do the
# same. Left out are the tests that need the packages `datasets`, `schemathesis`, moto, Ray or label-studio-ml, which would
# raise some versions, and long ones that are about no package.
FLOOR_TESTS := tests/contract tests/unit/ls_trajedit tests/unit/label_config \
  tests/unit/traces/test_guess_options.py tests/unit/traces/test_json_text.py tests/unit/traces/test_options_file.py \
  tests/unit/converters/annotations/test_check_calls.py tests/unit/converters/annotations/test_distances.py
NEEDS_MORE = $(shell grep --files-with-matches --recursive --include='test_*.py' --word-regexp --extended-regexp \
  'object_store|faulty_storage|ray' tests/contract tests/unit)
test-floors: $(FLOORS)/installed
	$(FLOORS)/bin/python -m pytest --quiet tests/floors --confcutdir=tests/floors $(IN_LINES)
	$(FLOORS)/bin/python -m pytest --quiet $(SPREAD) --hypothesis-profile=quick \
	  -k "not label-studio-ml" $(FLOOR_TESTS) \
	  --ignore=tests/contract/test_load_with_datasets.py --ignore=tests/contract/test_backend_openapi.py \
	  --ignore=tests/contract/test_killed_at_every_call.py --ignore=tests/contract/test_signals_at_every_call.py \
	  --ignore=tests/contract/test_continue_killed.py $(addprefix --ignore=,$(NEEDS_MORE)) $(IN_LINES)

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

# Brings `locks/` up to date with setup.cfg. What is locked stays as it is where it fits; LOCK_ARGUMENTS=--upgrade takes
# the newest of everything.
COMPILE := $(TEST)/bin/uv pip compile --quiet --universal --python-version 3.10 --no-annotate \
  --custom-compile-command 'make lock'
lock: $(TEST)/installed
	$(COMPILE) $(LOCK_ARGUMENTS) setup.cfg --extra demo --extra test --extra dev --output-file locks/test.txt
	$(COMPILE) $(LOCK_ARGUMENTS) locks/build.in --output-file locks/build.txt
	$(COMPILE) $(LOCK_ARGUMENTS) locks/oldest.in --output-file locks/oldest.txt
	$(COMPILE) $(LOCK_ARGUMENTS) locks/label-studio-ml.in setup.cfg --override locks/label-studio-ml-overrides.in \
	  --output-file locks/label-studio-ml.txt

# The pictures in docs/images, taken of a real Label Studio.
screenshots: $(TEST)/installed chromium
	$(TEST)/bin/python docs/make_screenshots.py

SOURCES := setup.cfg pyproject.toml $(shell find ls_trajedit converters label_config traces examples -name '__pycache__' -prune -o -type f -print)

$(DEMO)/installed: $(SOURCES) locks/test.txt locks/build.txt | venv-module
	rm -rf build
	$(call install,$(DEMO),test,'.[demo]')
	touch $@

# Editable, so that the tests run on the files as they are.
$(TEST)/installed: setup.cfg pyproject.toml locks/test.txt locks/build.txt | venv-module
	$(call install,$(TEST),test,--editable '$(TEST_EXTRAS)')
	touch $@

$(TRAINERS)/installed: setup.cfg pyproject.toml | venv-module
	$(PYTHON) -m venv $(TRAINERS)
	$(call pip,$(TRAINERS)) --editable '.[trainers]'
	touch $@

.PHONY: oldest
oldest: $(OLDEST)/installed
$(OLDEST)/installed: locks/oldest.in locks/oldest.txt locks/build.txt | venv-module
	$(call install,$(OLDEST),oldest,--requirement locks/oldest.in)
	touch $@

# uv knows how to resolve to the lowest versions, which pip does not.
$(FLOORS)/installed: setup.cfg pyproject.toml locks/test.txt locks/build.txt | venv-module
	$(call install,$(FLOORS),test,uv)
	VIRTUAL_ENV=$(FLOORS) $(FLOORS)/bin/uv pip install --quiet --resolution lowest-direct --editable '.[hub,parquet]'
	VIRTUAL_ENV=$(FLOORS) $(FLOORS)/bin/uv pip install --quiet atif hypothesis pytest pytest-xdist responses respx
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

# For the tests of the live diff in the page, and of docs/deploy.md.
.PHONY: nginx
nginx:
	@PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends nginx-light; \
	  else \
	    echo "tests need nginx: install the package nginx-light" >&2; exit 1; \
	  fi; }

# For the tests of docs/deploy.md.
.PHONY: systemd-analyze
systemd-analyze:
	@command -v systemd-analyze >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends systemd; \
	  else \
	    echo "the tests of the units need systemd-analyze: install the package systemd" >&2; exit 1; \
	  fi; }

.PHONY: docker-compose
docker-compose:
	@command -v docker-compose >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends docker-compose; \
	  else \
	    echo "a test of the Compose file needs docker-compose: install the package docker-compose" >&2; exit 1; \
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
	rm -rf .venv-demo .venv-test .venv-newest .venv-trainers .venv-floors .venv-oldest build dist demo-output *.egg-info
