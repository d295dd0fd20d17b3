# Everything is set up by the targets that need it: `make up` runs the backbone, `make test` its tests.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
PIP    := $(UV) pip install --quiet --python $(BIN)/python --require-hashes

export HIGHROAD_HOME ?= $(CURDIR)/.highroad
# Compiled once, and not beside the sources.
export PYTHONPYCACHEPREFIX ?= $(CURDIR)/.make/pycache
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up test unit bench check soak docs wheel lock format clean

help:  ## What there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1|/' | awk -F'|' '{printf "  make %-8s %s\n", $$1, $$2}'

up: .make/runtime .make/kernels .make/portal .make/routing  ## Set up, start the backbone, play the tour, stay up
	@$(BIN)/highroad up $(UP)

# What waits for real time has the processors first, what only computes takes what that leaves; of both the longest begins.
# Cutting every fibre of a loaded lab needs the machine to itself, and comes last.
FIRST := tests/chaos tests/hostile tests/contract tests/lab tests/e2e
COMPUTES := tests/unit/control/test_random_walk.py tests/architecture tests/contract/commands \
  $(addprefix tests/unit/,formats graph model netlink offline pki planning siting stamp storage wire) \
  $(filter-out %/test_dispatch.py %/test_live.py %/test_replica.py,$(wildcard tests/unit/control/test_*.py))
ALONE := tests/lab/test_outage.py
SPREAD := --dist loadfile --no-loadscope-reorder

test: .make/dev .make/kernels .make/portal .make/oidc .make/chromium .make/debian-lab .make/debian-postgres .make/debian-victoria .make/compiled  ## All tests, on a fresh set-up of their own
	@$(if $(TESTS),cd portal && npm test --silent && cd .. && $(BIN)/pytest $(TESTS),$(every_test))

define every_test
{ (cd portal && npm test --silent); portal=$$?; \
  nice -n 5 $(BIN)/pytest -n 2 $(SPREAD) $(COMPUTES); exit $$((portal | $$?)); } >.make/computes.log 2>&1 & computes=$$!; \
$(BIN)/pytest -n 3 $(SPREAD) $(addprefix --ignore=,$(ALONE) $(COMPUTES)) $(FIRST) tests; failed=$$?; \
wait $$computes; failed=$$((failed | $$?)); cat .make/computes.log; \
$(BIN)/pytest $(ALONE); exit $$((failed | $$?))
endef

check: .make/dev .make/portal  ## Style, types, import contract, docs; no test is run
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	cd portal && npm run --silent check
	$(BIN)/highroad network build us --check
	$(BIN)/highroad network build global --check
	$(BIN)/highroad network build us-lab --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site
	@.ci/no-registry

bench: .make/dev .make/portal .make/debian-lab .make/debian-frr .make/debian-postgres .make/debian-victoria  ## Every figure, as a table
	$(BIN)/python -m bench $(BENCH)

soak: .make/dev .make/portal .make/chromium .make/debian-lab .make/debian-postgres  ## Orders, cuts, drains, kill -9, watchers and an open page for SOAK_S seconds (default 3600)
	@for_s=$${SOAK_S:-3600}; $(BIN)/python -m bench.watch $$for_s & watched=$$!; \
	  nice -n 5 $(BIN)/python -m bench.openpage $$for_s & page=$$!; \
	  $(BIN)/python -m bench.soak $$((for_s / 2)); soaked=$$?; \
	  $(BIN)/python -m bench.force --for $$((for_s / 2)); forced=$$?; \
	  wait $$watched; watched=$$?; wait $$page; exit $$(($$? | watched | soaked | forced))

docs: .make/dev  ## The documentation, served on a local port
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

wheel: .make/dev .make/portal  ## The package, in dist/
	$(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist

format: .make/dev  ## Bring the style in order
	$(BIN)/python -m nanobind.stubgen -q -m highroad.graph._kernels -o src/highroad/graph/_kernels.pyi
	$(BIN)/python -m nanobind.stubgen -q -m highroad.lab.delay._loop -o src/highroad/lab/delay/_loop.pyi
	$(BIN)/python -m highroad.api.typescript >.make/schema.ts && cp .make/schema.ts portal/src/api/schema.ts
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: .make/venv  ## Resolve the dependencies anew, with hashes and without addresses
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" requirements/bootstrap.in -o requirements/bootstrap.txt
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" pyproject.toml -o requirements/runtime.txt
	$(UV) pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	cd portal && npm install --package-lock-only

clean:  ## Remove what was built; what .highroad holds stays
	rm -rf $(VENV) .make build dist portal/node_modules tests/oidc/node_modules src/highroad/api/portal src/highroad/graph/_kernels*.so \
	  src/highroad/lab/delay/_loop*.so

.make/venv: requirements/bootstrap.txt
	@mkdir -p .make
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Highroad needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || .ci/debian python3-venv
	@echo "· Python environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@touch $@

.make/runtime: .make/venv requirements/runtime.txt pyproject.toml packaging/backend.py
	@echo "· Python packages, by their hashes"
	@$(PIP) -r requirements/runtime.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.make/dev: .make/runtime requirements/dev.txt | .make/kernels
	@echo "· development packages, by their hashes"
	@$(PIP) -r requirements/dev.txt
	@touch $@

# Tests are compiled (and their assertions rewritten) once, and not by every worker for itself.
.make/compiled: .make/dev .make/kernels
	@echo "· the tests"
	@$(BIN)/pytest --collect-only --quiet tests/unit >/dev/null & $(BIN)/pytest --collect-only --quiet --ignore=tests/unit tests >/dev/null; wait
	@touch $@

# What compiles the kernels and is no Python package: a C++ compiler, and the header files of the Python that is used.
.make/compiler: .make/venv
	@missing=; command -v $${CXX:-c++} >/dev/null || missing="g++"; \
	headers='import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_config_var("INCLUDEPY"), "Python.h").is_file())'; \
	$(BIN)/python -c "$$headers" || missing="$$missing python3-dev"; \
	test -z "$$missing" || .ci/debian $$missing || exit 1; \
	$(BIN)/python -c "$$headers" || { echo "needed and not here: Python.h for $(PYTHON), of its development package"; exit 1; }
	@touch $@

KERNEL_SOURCES := CMakeLists.txt .ci/kernels $(wildcard src/highroad/graph/kernels/* src/highroad/lab/delay/kernels/*)

.make/kernels: .make/venv .make/compiler $(KERNEL_SOURCES)
	@echo "· the compiled kernels"
	@.ci/kernels $(BIN)/python
	@touch $@

PORTAL_SOURCES := $(shell find portal -path portal/node_modules -prune -o -type f -print)

.make/node: portal/package-lock.json
	@mkdir -p .make
	@command -v npm >/dev/null || .ci/debian nodejs npm
	@echo "· Node packages, by their lock"
	@cd portal && npm ci --silent --no-audit --no-fund
	@touch $@

.make/oidc: tests/oidc/package-lock.json
	@mkdir -p .make
	@command -v npm >/dev/null || .ci/debian nodejs npm
	@echo "· an OpenID provider to be held against, by its lock"
	@cd tests/oidc && npm ci --silent --no-audit --no-fund
	@touch $@

API_SOURCES := $(wildcard src/highroad/wire/*.py src/highroad/api/*.py src/highroad/api/routes/*.py)

# The page is compiled against the API's types: those that are kept have to be what the API says now.
.make/portal: .make/node $(PORTAL_SOURCES) $(API_SOURCES) | .make/runtime .make/kernels
	@echo "· the page"
	@$(BIN)/python -m highroad.api.typescript portal/src/api/schema.ts
	@cd portal && npm run --silent build >../.make/portal.log 2>&1 || { cat ../.make/portal.log; exit 1; }
	@touch $@

.make/chromium:
	@mkdir -p .make
	@command -v chromium >/dev/null || .ci/debian chromium || echo "the tests of the page are skipped"
	@touch $@

# Routers need BIRD. Without root there are none, and nothing to install: the twin carries.
.make/routing:
	@mkdir -p .make
	@[ "$$(id -u)" -ne 0 ] || PATH="$$PATH:/usr/sbin:/sbin" command -v bird >/dev/null || .ci/debian bird2 || true
	@touch $@

# What the lab and the tests of routers run: BIRD routes, yanglint validates, iperf3, tcpdump, ping, ip, tc and nft look, and
# systemd-analyze says what is wrong with the controller's unit.
.make/debian-lab:
	@mkdir -p .make
	@for tool in bird yanglint iperf3 tcpdump ping ip tc nft systemd-analyze; do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $$tool >/dev/null || missing=1; \
	done; test -z "$$missing" \
	  || .ci/debian bird2 libyang-tools iperf3 tcpdump iputils-ping iproute2 nftables systemd || echo "the tests of routers are skipped"
	@touch $@

# What outages are measured beside (python -m bench.frr). Its own service is not started.
.make/debian-frr:
	@mkdir -p .make
	@test -x /usr/lib/frr/ospf6d || .ci/debian frr || echo "outages are not measured beside FRR"
	@touch $@

# The test run starts a PostgreSQL of its own: Debian's package is told to make no cluster, and nothing is started.
.make/debian-postgres:
	@mkdir -p .make
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { \
	  [ "$$(id -u)" -ne 0 ] || [ -e /etc/postgresql-common/createcluster.conf ] || { mkdir -p /etc/postgresql-common \
	    && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf; }; \
	  .ci/debian postgresql; } || echo "the tests on PostgreSQL are skipped"
	@touch $@

# The test run starts a VictoriaMetrics of its own, on a port of its own, to which telemetry is sent.
.make/debian-victoria:
	@mkdir -p .make
	@command -v victoria-metrics >/dev/null || .ci/debian victoria-metrics || echo "remote write is tested without a Prometheus"
	@touch $@
