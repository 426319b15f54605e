# Relearn: two commands matter, `make run` and `make test`. `make help` lists the rest.
# The image's Python where it is there, or where pyenv has it: what is tried here is what will serve.
IMAGE_PYTHON := python$(shell sed -n 's/^FROM python:\([0-9.]*\).*/\1/p' training/Dockerfile)
ifeq ($(origin PYTHON),undefined)
OF_PYENV := "$$(pyenv prefix "$$(pyenv latest $(IMAGE_PYTHON:python%=%))")/bin/$(IMAGE_PYTHON)"
PYTHON := $(shell { for each in $(IMAGE_PYTHON) $(OF_PYENV); do if "$$each" -c ''; then echo "$$each"; exit; fi; done; } 2>/dev/null; echo python3)
endif
STAGE ?= dev
ARGS ?=
RUNS ?= 200
MODELS ?= 300
IMAGE ?=
REPOSITORY ?=
BASE ?=
# What a caller names is text, to make and to the shell: $(value) lets make run nothing of it, quotes let the shell run
# nothing of it. ARGS are words, split as a shell would, by a program that runs no shell.
quoted = '$(subst ','\'',$(1))'
define newline


endef
as_text = $(subst $(newline), ,$(value $(1)))
override PYTHON := $(call as_text,PYTHON)
override STAGE := $(call as_text,STAGE)
override RUNS := $(call as_text,RUNS)
override MODELS := $(call as_text,MODELS)
override IMAGE := $(call as_text,IMAGE)
override REPOSITORY := $(call as_text,REPOSITORY)
override BASE := $(call as_text,BASE)
override ARGS := $(call as_text,ARGS)
export ARGS
ON_STAGE = -c stage=$(call quoted,$(STAGE))
WITH_IMAGE = $(if $(value IMAGE),-c image=$(call quoted,$(IMAGE)))
RELEARN = $(BIN)/relearn --stage $(call quoted,$(STAGE))
WITH_ARGS = $(BIN)/python -c 'import os, shlex, sys; os.execvp(sys.argv[1], sys.argv[1:] + shlex.split(os.environ["ARGS"]))'

VENV := .venv
BIN := $(VENV)/bin
PYTEST = $(WITH_ARGS) $(BIN)/python -m pytest -n $(call quoted,$(PROCESSES)) --dist loadgroup --no-loadscope-reorder
# SageMaker refuses images with OCI manifests, and provenance attestations exist only in those.
export BUILDX_NO_DEFAULT_ATTESTATIONS := 1
# Which Node is fit is said when it is installed, not by everything that synthesises.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
# Everything here starts many processes: each would compile anew all that it imports.
unexport PYTHONDONTWRITEBYTECODE
CDK := npx --no-install cdk
LOCAL_APP := build/cdk.local
# What prepares, fits or scores rows, or calls AWS on moto, takes longer.
UNIT := $(addprefix tests/unit/,relearn lambdas pages demo house)
TESTS := tests clients/python/tests $(wildcard training/models/[!_]*/tests)
# Flows wait for half of their time: four processes more than the machine has processors. With its cloud one needs up to 2 GB.
ifeq ($(origin PROCESSES),undefined)
PROCESSES = $(shell $(call quoted,$(PYTHON)) -c 'import os; print(min(6, os.cpu_count() + 4, max(2, round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2e9))))')
else
override PROCESSES := $(call as_text,PROCESSES)
endif
LAYERS := build/layers/duckdb/.installed build/layers/onnx/.installed
INSTALLED := $(VENV)/.installed node_modules/.installed $(LAYERS)
SOURCES := app.py cdk.json requirements.txt $(shell find relearn preparation scoring pages training lambdas infra -type f -not -path '*/__pycache__/*' -not -path '*/tests/*' 2>/dev/null)
# Whatever promises figures is a bench.
BENCHES = $(shell grep -l 'last line is one JSON object' bench/*.py)
# The last one, because pip would hold what a wheel requires against this machine's Python.
LAMBDA_WHEELS := --python-version 3.14 --only-binary=:all: --platform manylinux_2_28_aarch64 \
	--platform manylinux_2_26_aarch64 --platform manylinux2014_aarch64 --ignore-requires-python

.DEFAULT_GOAL := help
.PHONY: help install run shop test collect unit test-one test-long chaos hostile mutants limits house test-sdk spark check format openapi picture definitions costs reference synth deploy image copy-image keep-previous put-back verify image-test destroy rollout-load bench lock clean

help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(INSTALLED) ## virtual environment, CDK command, API page, Lambda layers

$(VENV)/.installed: requirements.txt
	@$(call quoted,$(PYTHON)) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Relearn needs Python 3.11 or newer; {sys.argv[1]} is {sys.version.split()[0]}. Try: make PYTHON=python3.12 install")' $(call quoted,$(PYTHON))
	$(call quoted,$(PYTHON)) -m venv $(VENV)
	@# Of what is installed only a part is ever imported, and Python compiles that part itself.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.txt
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "relearn.pth").write_text("".join(f"{pathlib.Path(root).resolve()}\n" for root in (".", "clients/python/src")))'
	@printf '#!/bin/sh\nexec "$$(dirname "$$0")/python" -m cli "$$@"\n' > $(BIN)/relearn && chmod +x $(BIN)/relearn
	@$(BIN)/python -c 'import sys; here = "python%d.%d" % sys.version_info[:2]; sys.argv[1] in here or print(f"Models train and serve on {here} here, and on {sys.argv[1]} in the image, with the same versions of every library.")' $(IMAGE_PYTHON)
	@touch $@

node_modules/.installed: package.json package-lock.json
	@node -e 'const v = process.versions.node; if (+v.split(".")[0] < 20) { console.error("Relearn needs Node 20 or newer; this is " + v); process.exit(1) }'
	npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

# The Lambda layers, of ingest and of the hosts, hold wheels for Lambda's machine, not for this one.
build/layers/duckdb/.installed: lambdas/requirements.txt
build/layers/onnx/.installed: lambdas/requirements-host.txt
$(LAYERS): $(VENV)/.installed
	@rm -rf $(@D) && mkdir -p $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes \
		$(LAMBDA_WHEELS) --target $(@D)/python -r $(filter %.txt,$^)
	@touch $@

run: $(LOCAL_APP)/manifest.json ## the whole deployment on this machine, and its story; ARGS=--once to leave after it
	@exec $(WITH_ARGS) $(BIN)/python -m demo --app $(LOCAL_APP) --port 4566 --api-port 4567

shop: $(LOCAL_APP)/manifest.json ## a web shop with its models on this machine: http://127.0.0.1:8000; ARGS=--help lists options
	@exec $(WITH_ARGS) $(BIN)/python examples/shop/laptop.py --app $(LOCAL_APP)

$(LOCAL_APP)/manifest.json: $(INSTALLED) $(SOURCES)
	@echo "Synthesising the CDK app for this machine ..."
	@rm -rf $(LOCAL_APP) && $(CDK) synth --quiet -c stage=local -o $(LOCAL_APP)

test: $(LOCAL_APP)/manifest.json ## the tests, offline: units, AWS adapters on moto, templates, whole flows on the laptop cloud
	$(PYTEST) -m "not long" $(TESTS)

collect: $(VENV)/.installed ## list the tests, which compiles what they import: test processes that start together would each do it
	@$(BIN)/python -m pytest -q --collect-only $(TESTS) >/dev/null

unit: $(INSTALLED) ## the tests of the domain, of handlers on fakes, of pages and of the house's rules; no synthesis, no moto, no data
	$(PYTEST) $(UNIT)

test-one: $(INSTALLED) ## one test, or those of a file or folder: make test-one T=tests/unit/relearn/test_codec.py
	@$(WITH_ARGS) $(BIN)/python -m pytest -q $(call quoted,$(T))

test-long: $(LOCAL_APP)/manifest.json ## what takes minutes each: every grant dropped in turn, processes killed, modes moved, Spark, all examples of properties
	$(PYTEST) -m "long or hypothesis" --hypothesis-profile=thorough $(TESTS)

chaos: $(INSTALLED) ## the loop under faults in simulated time, and a verdict; RUNS=1000 for the long one
	@$(BIN)/python -m tests.chaos --runs $(call quoted,$(RUNS))

hostile: $(INSTALLED) ## hostile and odd inputs at every door; ARGS="--only NUL" for some of them
	@$(WITH_ARGS) $(BIN)/python -m tests.hostile

mutants: $(INSTALLED) ## small changes of the domain and the use cases that the tests must notice; ARGS="--seed 2" for others
	@$(WITH_ARGS) $(BIN)/python -m tests.mutants

limits: $(INSTALLED) ## a stage of many models against AWS's limits; MODELS=300
	@$(BIN)/python -m tests.limits --models $(call quoted,$(MODELS))

image-test: $(INSTALLED) ## build the image, then train and serve in it as SageMaker does (needs Docker or buildah); BASE= names another base image
	@$(WITH_ARGS) $(BIN)/python -m tests.image --base $(call quoted,$(BASE))

house: $(INSTALLED) ## circles, lines, the way of a prediction, what lacks documentation; one line of JSON
	@$(BIN)/python -m tests.house

test-sdk: $(LOCAL_APP)/manifest.json $(VENV)/.installed-sdk ## the official SageMaker SDK as a client (installs 800 MB more)
	$(WITH_ARGS) $(BIN)/python -m pytest -m sdk

$(VENV)/.installed-sdk: requirements-sdk.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-sdk.txt
	@touch $@

spark: $(VENV)/.installed-spark ## Spark for features on this machine (installs 320 MB more; needs Java 17)

$(VENV)/.installed-spark: requirements-spark.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-spark.txt
	@touch $@

check: $(INSTALLED) ## ruff, mypy --strict, import-linter; workflows and scripts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet --persona pedantic .github
	$(BIN)/actionlint -shellcheck $(BIN)/shellcheck
	$(BIN)/shellcheck .ci/run

format: $(INSTALLED) ## let ruff format and fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: $(INSTALLED) ## write docs/openapi.json anew from the specs
	@$(BIN)/python -m infra.api.site > docs/openapi.json

picture: $(INSTALLED) ## draw the runs in docs/concepts/RUN.md anew from the state machine
	@$(BIN)/python -m infra.stacks.picture > docs/concepts/RUN.md.new && mv docs/concepts/RUN.md.new docs/concepts/RUN.md

definitions: $(INSTALLED) ## write tests/support/definitions.json, the state machines for tests without the CDK, anew
	@$(BIN)/python -m tests.infra.definitions

costs: $(INSTALLED) ## write what each hosting mode costs in docs/how-to/HOSTING.md anew from bench/prices.json
	@$(BIN)/python -m bench.costs

reference: $(INSTALLED) ## write the commands, settings and targets in docs/reference anew from the code
	@$(BIN)/python -m tests.house.reference

synth: $(INSTALLED) ## CloudFormation templates of STAGE into cdk.out
	$(CDK) synth --quiet $(ON_STAGE)

deploy: $(INSTALLED) ## deploy STAGE into the AWS account of your credentials; without IMAGE it builds the image, with Docker
	$(WITH_ARGS) $(CDK) deploy --all $(ON_STAGE) $(WITH_IMAGE)
	@$(RELEARN) check-image

image: $(INSTALLED) ## build the image for linux/amd64, push it to REPOSITORY and print its digest (needs Docker)
	@$(BIN)/relearn push-image --context "$$($(BIN)/python -m infra.base.staging)" --to $(call quoted,$(REPOSITORY))

copy-image: $(INSTALLED) ## copy IMAGE (repository@sha256:...) into the account of STAGE, with the same digest (needs Docker)
	@$(RELEARN) copy-image $(call quoted,$(IMAGE))

keep-previous: $(INSTALLED) ## keep the templates of STAGE that are deployed now
	@$(RELEARN) keep-previous

verify: $(INSTALLED) ## verify STAGE, whose setting verify is true, with the product's own story
	@$(WITH_ARGS) $(RELEARN) verify

put-back: $(INSTALLED) ## deploy the templates of STAGE that were kept
	@$(RELEARN) put-back

destroy: $(INSTALLED) ## remove STAGE; the data buckets stay
	$(WITH_ARGS) $(CDK) destroy --all $(ON_STAGE)

rollout-load: $(INSTALLED) ## 20 promotions, 10 rollbacks and a change of the hosting mode under load; nobody may notice
	@$(BIN)/python -m tests.e2e.rollout_load

bench: $(LOCAL_APP)/manifest.json ## measurements, as ratios in one run; ARGS=--small shows that they run
	@for file in $(BENCHES); do echo "== $$file"; $(WITH_ARGS) $(BIN)/python $$file || exit 1; done

lock: $(VENV)/.installed ## pin requirements anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	for file in requirements training/requirements training/requirements-glue lambdas/requirements \
		requirements-sdk requirements-spark; do \
		$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-emit-find-links $$file.in -o $$file.txt || exit 1; done
	@# For Lambda's Python alone: pip reads markers as this machine's.
	$(BIN)/uv pip compile --quiet --python-version 3.14 --python-platform aarch64-manylinux_2_28 --generate-hashes \
		--no-emit-index-url --no-emit-find-links lambdas/requirements-host.in -o lambdas/requirements-host.txt

clean: ## remove everything that was built here
	rm -rf $(VENV) node_modules build cdk.out .relearn .mypy_cache .ruff_cache .pytest_cache
