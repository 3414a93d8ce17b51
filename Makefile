# One obvious target a job; `make help` lists them. The jobs themselves are in Python and Terraform, none is in here.

ENV ?= dev
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,\
  $(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $(name))))

VENV := .venv
READY := $(VENV)/.ready
RUN := PYTHONPATH=src:edge $(VENV)/bin/python
TERRAFORM := $(RUN) -m impp_local terraform run --
ROOT := $(TERRAFORM) -chdir=terraform
CLOUD = $(if $(STATE),--state "$$STATE")
BACKEND := terraform/envs/backend.hcl
# Without approval Terraform shows its plan and asks; where nobody can answer, it changes nothing.
APPROVAL = $(if $(filter yes,$(APPROVED)),-input=false -auto-approve)
VARIABLES := -var-file=region.tfvars -var-file=envs/$(ENV).tfvars

# checkov's pins downgrade boto3, so it has an environment of its own. It runs when Terraform files have changed.
CHECKOV := $(VENV)/checkov
CHECKED := build/checkov/passed
TERRAFORM_FILES := $(shell find modules terraform -name .terraform -prune -o \( -name '*.tf' -o -name '*.tfvars' \) -print)

# Python keeps what it has compiled: the tests and the local cloud start hundreds of short processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo up down test test-fast lint fmt build watch reference fuzz bench lock doctor bootstrap init plan idle-cost deploy smoke destroy clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- on this machine ---

# Through the environment, whatever characters they have.
export MEDIA PORT STATE CLEAN

demo: $(READY) ## Run the whole pipeline here on sample footage, or on yours: MEDIA=<folder>; KEEP=1 keeps its gallery open.
	@$(RUN) -m impp_local demo $(if $(MEDIA),--media "$$MEDIA") $(if $(KEEP),--keep)

up: $(READY) ## Start or resume the local cloud with IMPP deployed: PORT=, STATE=<folder>; FRESH=1 starts over.
	@$(RUN) -m impp_local up --deploy $(CLOUD) $(if $(PORT),--port "$$PORT") $(if $(FRESH),--fresh)

down: $(READY) ## Stop the local cloud that `make up` started; STATE=<folder>.
	@$(RUN) -m impp_local down $(CLOUD)

test: $(READY) ## Run all checks and tests.
	@$(MAKE) --jobs 2 lint tests

# Test processes per core. All tests take two, because some wait, for Terraform above all.
processes = $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * $(1))))

.PHONY: tests
tests: $(READY)
	$(RUN) -m pytest -q --numprocesses $(call processes,2) --dist loadfile --no-loadscope-reorder

test-fast: $(READY) ## Run the quick tests: no models, no Terraform, few processes.
	$(VENV)/bin/ruff check -q
	$(RUN) -m pytest -q -m "not slow" --ignore tests/e2e --hypothesis-profile quick --numprocesses $(call processes,3 / 2) --dist loadfile

lint: $(READY) $(CHECKED) ## Check style, types, import layers, Terraform's format and security, and the workflows.
	$(VENV)/bin/ruff check -q
	$(VENV)/bin/ruff format -q --check
	$(VENV)/bin/mypy
	@PYTHONPATH=src:edge $(VENV)/bin/lint-imports --no-logo
	$(TERRAFORM) fmt -check -recursive terraform modules examples
	$(VENV)/bin/zizmor --offline --quiet .github/workflows

$(CHECKED): $(READY) $(CHECKOV)/.ready .checkov.yaml $(TERRAFORM_FILES)
	$(RUN) build.py all
	$(CHECKOV)/bin/checkov --framework terraform -d modules
	$(CHECKOV)/bin/checkov --framework terraform -d terraform/bootstrap
	$(RUN) -m impp_local terraform plan --env prod --out build/checkov/prod.json
	$(CHECKOV)/bin/checkov --framework terraform_plan -f build/checkov/prod.json --repo-root-for-plan-enrichment .
	@touch $@

fmt: $(READY) ## Format Python and Terraform.
	$(VENV)/bin/ruff check -q --fix
	$(VENV)/bin/ruff format -q
	$(TERRAFORM) fmt -recursive terraform modules examples

build: $(READY) ## Build what Terraform deploys: zips, layers, state machine, build/manifest.json.
	$(RUN) build.py all

watch: $(READY) ## Build for the local cloud after every save.
	$(RUN) build.py watch --target local

reference: $(READY) ## Generate the pages of docs/reference and the tables of the modules' READMEs.
	$(RUN) -m impp_build.reference

fuzz: $(READY) ## Fuzz every parser of our own for MINUTES=10; crashing inputs stay in build/fuzz. Uses Atheris if installed.
	$(RUN) -m tests.fuzz $(if $(MINUTES),--minutes $(MINUTES))

bench: $(READY) ## Run the benchmarks, also of similar tools that are installed.
	@for bench in benchmarks/*_bench.py; do $(RUN) $$bench || exit 1; done

# --- on AWS: your credentials, your bill; ENV=dev or prod ---

doctor: $(READY) ## Check the account and the environment for problems, and print the fixes.
	@$(RUN) -m impp_cli doctor --env $(ENV)

bootstrap: $(READY) ## Once per account: create the bucket for Terraform's state, write terraform/envs/backend.hcl.
	$(TERRAFORM) -chdir=terraform/bootstrap init -input=false
	$(TERRAFORM) -chdir=terraform/bootstrap apply $(APPROVAL) -var-file=../region.tfvars
	$(TERRAFORM) -chdir=terraform/bootstrap output -raw backend_config | tr ' ' '\n' \
	  | sed -n '/config=key=/d; s/^-backend-config=\([a-z_]*\)=\(.*\)/\1 = "\2"/p' > $(BACKEND)

$(BACKEND):
	@echo "$(BACKEND) is missing: run 'make bootstrap' once per account, or write bucket and kms_key_id into it."; exit 1

init: build $(BACKEND)
	$(ROOT) init -input=false -reconfigure -backend-config=region.tfvars -backend-config=envs/backend.hcl -backend-config=key=$(ENV)/terraform.tfstate

plan: init ## Show what a deploy would change.
	$(ROOT) plan -input=false $(VARIABLES)

idle-cost: build ## Itemise an environment's cost per month without footage, from its plan; needs no AWS account.
	@$(RUN) -m impp_local terraform plan --env $(ENV) | $(RUN) -m impp_build.idle_cost -

deploy: $(if $(filter skip,$(DOCTOR)),,doctor) init ## Check (DOCTOR=skip), build, show the plan, ask (APPROVED=yes), apply exactly that plan to AWS.
	$(ROOT) apply $(APPROVAL) $(VARIABLES)
	@$(ROOT) output -json | $(RUN) -m impp_cli configure --env $(ENV)

smoke: $(if $(filter local,$(ENV)),$(READY),init) ## Prove a deployment with a few files, then remove them: YES=1; ENV=local for `make up`.
	$(if $(filter local,$(ENV)),,@mkdir -p build/smoke && $(ROOT) output -json > build/smoke/$$$$.json \
	  && mv build/smoke/$$$$.json build/smoke/$(ENV).outputs.json)
	@$(RUN) -m impp_smoke --env $(ENV) $(CLOUD) $(if $(YES),--yes) $(if $(KEEP),--keep) $(if $(CLEAN),--clean "$$CLEAN")

destroy: init ## Remove the environment from AWS. Buckets with footage stay unless force_destroy is set.
	$(ROOT) destroy $(APPROVAL) $(VARIABLES)
	@$(RUN) -m impp_cli configure --remove --env $(ENV)

# --- upkeep ---

lock: $(READY) ## Pin the newest dependencies, with hashes, from requirements/*.in and the edge's own list.
	for name in bootstrap lambda media local dev checkov; do \
	  $(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	    requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done
	for name in vision speech; do \
	  $(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-deps requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done
	$(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
	  edge/pyproject.toml --output-file edge/requirements.txt

clean: ## Remove build results and caches in this checkout; the virtual environment stays.
	rm -rf build edge/build edge/*.egg-info src/*.egg-info .mypy_cache .ruff_cache .import_linter_cache .pytest_cache

$(CHECKOV)/.ready: requirements/checkov.txt $(READY)
	$(VENV)/bin/uv venv --quiet --clear --python $(VENV)/bin/python $(CHECKOV)
	$(VENV)/bin/uv pip install --quiet --python $(CHECKOV)/bin/python --require-hashes -r $<
	@touch $@

$(READY): requirements/bootstrap.txt requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3"; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements/dev.txt || \
	  $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
