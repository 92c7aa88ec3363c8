# Set-up and everyday commands. Each makes the virtual environment it needs, from nothing.
PYTHON ?= python3
VENV ?= .venv
VIDEO ?=
OUTPUT ?= demo/night.mp4
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check -q
# Only its own result is replaced unasked, not a file that the user named.
REPLACE = $(if $(filter file,$(origin OUTPUT)),--overwrite)
MADE_FROM = pyproject.toml setup.py constraints.txt

.PHONY: demo test lint types unit gpu-check clean

demo: $(VENV)/.run-ready  ## translate VIDEO (or a rendered clip) to night, without torch
	@mkdir -p "$$(dirname "$(OUTPUT)")"
ifeq ($(VIDEO),)
	@mkdir -p demo
	@test -f demo/day.mp4 || $(VENV)/bin/onestep render-video demo/day.mp4 --seconds 6
	@$(VENV)/bin/onestep run-video demo/day.mp4 -o "$(OUTPUT)" $(REPLACE)
else
	@$(VENV)/bin/onestep run-video "$(VIDEO)" -o "$(OUTPUT)" $(REPLACE)
endif
	@echo "The result is in $(OUTPUT)"

test: lint types unit  ## lint, types and tests; .ci/run tries the wheel as well

lint: $(VENV)/.dev-ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev-ready
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy --explicit-package-bases tests benchmarks scripts

unit: $(VENV)/.dev-ready
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -q -n auto --dist loadfile

gpu-check: $(VENV)/.dev-ready  ## everything that needs a GPU
	$(VENV)/bin/python -m scripts.gpu_check --look
	$(PIP) uninstall -y onnxruntime onnxruntime-gpu
	$(PIP) install -e '.[gpu]'
	@$(PIP) install -e '.[tensorrt]' || echo "tensorrt could not be installed (NVIDIA's package index): it is passed over"
	$(VENV)/bin/python -m scripts.gpu_check

$(VENV)/.run-ready: $(MADE_FROM)
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing onestep[cpu] into $(VENV)"
	@$(PIP) install -c constraints.txt -e '.[cpu]'
	@touch $@

$(VENV)/.dev-ready: $(MADE_FROM)
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing onestep[dev] into $(VENV)"
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run-ready

clean:  ## remove the environment and what was built
	rm -rf $(VENV) build dist demo onestep.egg-info
