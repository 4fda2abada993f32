# SPDX-License-Identifier: GPL-3.0-or-later
# `make help` lists the targets. Everything that is built lands in $(CACHE) or in build/.

SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
CHECKOUT := $(CURDIR)
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/mooring-storage
LAB_DIR ?= /var/lib/mooring-lab

REQUIREMENTS := requirements/run.txt requirements/test.txt csi_server/requirements.txt
VENV_KEY := $(shell { $(PYTHON) --version; cat $(REQUIREMENTS); } 2>&1 | sha256sum | cut -c1-12)
VENV := $(CACHE)/venv-$(VENV_KEY)
COLLECTIONS := $(CACHE)/collections-$(shell printf %s '$(CHECKOUT)' | sha256sum | cut -c1-12)

PROTO := $(wildcard csi_server/proto/*.proto)
GENERATED := $(PROTO:.proto=_pb2.py)

export VENV LAB_DIR
export PATH := $(VENV)/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
export PYTHONPATH := $(COLLECTIONS)
export ANSIBLE_CONFIG := $(CHECKOUT)/ansible.cfg
export MOORING_CACHE := $(CACHE)

PLAYBOOK = ansible-playbook -i playbooks/inventory/lab.yml -e lab_dir=$(LAB_DIR) -e lab_cache=$(CACHE)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# ---- what the other targets stand on ----

$(VENV)/.whole:
	@PYTHON=$(PYTHON) scripts/make-venv $(VENV) $(REQUIREMENTS)

$(COLLECTIONS)/ansible_collections/mooring/storage:
	@scripts/make-collections $(COLLECTIONS) $(CHECKOUT)

$(GENERATED) &: $(PROTO) scripts/make-proto | $(VENV)/.whole $(COLLECTIONS)/ansible_collections/mooring/storage
	@scripts/make-proto $(COLLECTIONS)
	@touch $(GENERATED)

.PHONY: setup
setup: $(VENV)/.whole $(COLLECTIONS)/ansible_collections/mooring/storage $(GENERATED) ## virtual environment, collections path, generated code
	@:

.PHONY: env
env: ## export lines with the variables of make's commands, for a shell to eval
	@printf 'export %s\n' VENV='$(VENV)' LAB_DIR='$(LAB_DIR)' PYTHONPATH='$(COLLECTIONS)' \
		ANSIBLE_COLLECTIONS_PATH='$(COLLECTIONS)' ANSIBLE_CONFIG='$(ANSIBLE_CONFIG)' MOORING_CACHE='$(CACHE)' \
		PATH='$(VENV)/bin':'"$$PATH"'

.PHONY: proto
proto: | setup ## generate the driver's gRPC code from csi_server/proto, in place
	@scripts/make-proto $(COLLECTIONS)

.PHONY: root
root:
	@[ "$$(id -u)" = 0 ] || { echo "The lab needs root (namespaces, mounts, loop devices): run make as root." >&2; exit 1; }

# ---- the lab and what is shown on it ----

.PHONY: demo
demo: | root setup ## from this machine to a pod that writes to a Cinder volume (root; lab, site, report)
	@$(PLAYBOOK) playbooks/demo.yml

.PHONY: lab
lab: | root setup ## bring the lab up: an OpenStack cloud and a Kubernetes cluster on this machine (root)
	@$(PLAYBOOK) playbooks/lab.yml -e lab_state=present

.PHONY: lab-down
lab-down: | root setup ## take the lab down and leave nothing of it behind but the cache (root)
	@$(PLAYBOOK) playbooks/lab.yml -e lab_state=absent

.PHONY: installed
installed: | root setup
	@$(PLAYBOOK) -e target=lab -e image_host=lab_host playbooks/lab.yml playbooks/site.yml

.PHONY: bench
bench: installed ## benchmarks in the lab: build/bench/cinder.json and a table (root)
	@$(LAB_DIR)/bin/lab-shell -c '$(VENV)/bin/python bench/cinder.py --storage-class fast'

# ---- checks ----

.PHONY: test
test: | root setup ## everything: lint, sanity, unit, lab, driver, demo, e2e; ends with one total line (root)
	@python scripts/run_tests.py

.PHONY: test-unit
test-unit: | setup ## unit tests: no root, no network, seconds
	@python -m pytest tests/unit

.PHONY: test-lab
test-lab: lab ## tests against the lab's real services, csi-sanity apart (root)
	@$(LAB_DIR)/bin/lab-shell -c '$(VENV)/bin/python -m pytest tests/lab --ignore tests/lab/test_csi_sanity.py'

.PHONY: test-sanity-csi
test-sanity-csi: lab ## csi-sanity against the driver and the lab's real Cinder (root)
	@$(LAB_DIR)/bin/lab-shell -c '$(VENV)/bin/python -m pytest tests/lab/test_csi_sanity.py'

.PHONY: test-e2e
test-e2e: installed ## tests in the lab's real cluster (root)
	@$(LAB_DIR)/bin/lab-shell -c '$(VENV)/bin/python -m pytest tests/e2e'

.PHONY: lint
lint: | setup ## ruff, mypy, yamllint, ansible-lint, changelog
	@scripts/lint

.PHONY: format
format: | setup ## put the Python code into ruff's format
	@ruff format --cache-dir $(CACHE)/ruff .

.PHONY: sanity
sanity: | setup ## ansible-test sanity, without ignores
	@python scripts/sanity.py

.PHONY: clean
clean: ## remove generated code, build/ and the tools' caches in the tree (not the cache outside of it)
	@rm -rf build .mypy_cache .pytest_cache .ruff_cache .hypothesis .ansible csi_server/proto/*_pb2*.py csi_server/proto/*_pb2*.pyi
