# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
# One command each; the first that runs sets everything up (scripts/setup.sh) and says what it does.
#   make sim [BUDGET=210 CELLS=2 SEED=0 OUT=folder TASK=lift POLICY=lift_bc SEARCH=ppo ANY_LAUNCH_ARGUMENT=value]
#   make test    make test-long    make check    make bench    make pictures    make clean
# ROS_WHEELS=kilted before any of them takes ROS 2 Kilted instead of Jazzy; the environment is then made anew.
SHELL := /bin/bash
VENV ?= $(CURDIR)/.venv
RUN := env -u PYTHONPATH -u AMENT_PREFIX_PATH -u COLCON_PREFIX_PATH -u PYTHONHOME -u RMW_IMPLEMENTATION \
	-u PYTHONDONTWRITEBYTECODE VENV="$(VENV)"
BIN := $(VENV)/bin

# Every variable given on the command line becomes a launch argument: make sim SEED=1 is robomd sim seed:=1.
# Make exports such variables, so that values keep their spaces and quotes.
empty :=
space := $(empty) $(empty)
OVERRIDES := $(subst \$(space),_,$(MAKEOVERRIDES))
NAMES := $(foreach word,$(OVERRIDES),$(if $(findstring =,$(word)),$(firstword $(subst =, ,$(word)))))
GIVEN := $(filter-out VENV PYTHON ROS_WHEELS,$(patsubst %:,%,$(NAMES)))

.PHONY: sim test test-long check bench pictures setup clean

setup:
	@$(RUN) scripts/setup.sh

sim: setup
	@arguments=(); for name in $(GIVEN); do arguments+=("$${name,,}:=$${!name}"); done; \
	exec $(RUN) "$(BIN)/robomd" sim "$${arguments[@]}"

# one worker a core: with more, tests of watchdogs and camera rates meet their limits
WORKERS ?= $(shell n=$$(nproc); echo $$((n < 4 ? n : 4)))

PYTEST = $(RUN) "$(BIN)/python" -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: setup
	@$(PYTEST)

test-long: setup  # what is too long for make test; CI runs both
	@$(PYTEST) -m "long and not slow"

check: setup
	@$(RUN) "$(BIN)/ruff" check . && $(RUN) "$(BIN)/ruff" format --check . && $(RUN) "$(BIN)/mypy"

bench: setup
	@for bench in test/bench/bench_*.py; do echo "== $$bench"; $(RUN) "$(BIN)/python" "$$bench" || exit; done

pictures: setup  # of the README
	@$(RUN) "$(BIN)/python" scripts/pictures.py

clean:
	rm -rf build install log .pytest_cache .mypy_cache .ruff_cache "$(VENV)" *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
