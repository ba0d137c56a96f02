# Each target is one line; what needs more is a module under deploy/local. Only relative names stand here, because the
# path of the checkout may hold a space, and no installed script is called, because its first line would hold it too.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do command -v "$$p" >/dev/null && "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
NO_PYTHON = Python 3.11 or newer is missing. Debian: apt install python3 python3-venv; macOS: brew install python; Fedora: dnf install python3
PY := .venv/bin/python
# T is a path (tests/tracker, a file, file::test) or a part of a name
SELECTED = $(if $(T),$(if $(wildcard $(firstword $(subst ::, ,$(T)))),"$(T)",-k "$(T)"))
# The whole suite runs in two processes, each with servers of its own (tests/support/beside.py); a part runs in one.
BESIDE = -n 2 --dist loadscope --no-loadscope-reorder
SERVERLESS = $(wildcard tests/schemas tests/docs tests/deploy/test_*.py tests/test_shape.py)
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate
PACKAGES := .venv/.ready
KAFKA := .run/kafka/tools/.ready

.PHONY: help run test unit fuzz faults interop bench check docs fmt setup lock clean
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

##@ Use it
run: $(PACKAGES) $(KAFKA) ## start everything on this machine, show it at work, run until Ctrl-C
	@$(PY) -m deploy.local

##@ Prove it
test: $(PACKAGES) $(KAFKA) ## every test, real Kafka and PostgreSQL included (T=path or name)
	@$(PY) -m pytest $(or $(SELECTED),$(BESIDE))
unit: $(PACKAGES) ## the tests that need no server (T=path or name)
	@$(PY) -m pytest -m "not servers" $(SELECTED)
fuzz: $(PACKAGES) ## the laws, with many fresh examples (T=path or name); ten minutes under atheris: T=heads, T=mime, T=tokens
	@$(if $(filter heads html mime tokens,$(T)),$(PY) -m tests.fuzz $(T),$(PY) -m pytest -m "hypothesis and not servers" --hypothesis-profile=fuzz --timeout=0 $(SELECTED))
faults: $(PACKAGES) $(KAFKA) ## break edge and projector under load and print a table; about two hours (T="E5 P12" SEED=7)
	@$(PY) -m tests.faults $(T) $(if $(SEED),--seed $(SEED))
interop: $(PACKAGES) $(KAFKA) ## against foreign programs, which it fetches itself (T=prometheus for one)
	@$(PY) -m tests.interop $(T)
bench: $(PACKAGES) $(KAFKA) ## figures, which gate nothing (T=tracker for one)
	@$(PY) -m benchmarks $(T)
check: $(PACKAGES) ## format, lint, types, import contracts, schemas, documents; no server needed
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@$(PY) -c "from importlinter.cli import lint_imports_command; lint_imports_command()"
	@$(PY) -m pytest --quiet -m "not servers" $(SERVERLESS)

##@ Work on it
docs: $(PACKAGES) ## write the generated documents anew
	@$(PY) -m deploy.documents
fmt: $(PACKAGES) ## format, and repair what the linter can
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .
setup: $(PACKAGES) $(KAFKA) ## install what the others need into .venv/ and .run/; they do it themselves (PYTHON=python3.13)
lock: ## pin the dependencies of pyproject.toml anew, with hashes and without addresses (needs uv)
	@$(LOCK) pyproject.toml -o requirements.lock
	@$(LOCK) pyproject.toml --extra dev -o requirements-dev.lock
	@$(LOCK) deploy/local/java.in -o requirements-java.lock
	@$(LOCK) tests/interop/schemathesis.in -o requirements-schemathesis.lock
clean: ## remove what the others made, unless a stack runs
	@$(or $(PYTHON),$(error $(NO_PYTHON))) -B -m deploy.local.clean

$(PACKAGES): requirements-dev.lock
	@$(or $(PYTHON),$(error $(NO_PYTHON))) -m deploy.local.requirements
	@$(PYTHON) -m deploy.local.setup packages $(if $(findstring command,$(origin PYTHON)),"$(shell command -v "$(PYTHON)")")
$(KAFKA): deploy/local/kafka/pom.xml deploy/local/kafka/tools.pom.xml | $(PACKAGES)
	@$(PY) -m deploy.local.setup kafka
