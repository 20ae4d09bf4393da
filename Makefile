# Everything happens in .venv, which is made on first use. PYTHON chooses the interpreter it is made from.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint format train bench gpu clean

demo: $(VENV)/.installed  ## make a synthetic mammogram, run on it, leave everything in out/demo/
	$(BIN)/mcfast demo --out out/demo

test: $(VENV)/.tested  ## run all tests
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

lint: $(VENV)/.linted  ## formatting, rules and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	find csrc tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' | xargs $(BIN)/clang-format --dry-run --Werror

format: $(VENV)/.linted  ## rewrite the sources in the house's format
	$(BIN)/ruff format .
	find csrc tests -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' | xargs $(BIN)/clang-format -i

train: $(VENV)/.installed  ## train the networks again from phantoms, into out/train/ (about an hour on two quiet cores)
	$(BIN)/python -c "import torch, onnx" 2>/dev/null || $(BIN)/pip install $(TORCH) onnx
	$(MAKE) --jobs=2 train-fsrcnn train-detector

# Side by side on one thread each: two threads of one training would wait for each other on a busy machine.
train-%: $(VENV)/.installed
	$(BIN)/python -m mcfast.train $* --out out/train --threads 1

bench: $(VENV)/.benchmarked  ## time everything against other libraries: JSON, tables and chart (under 8 minutes on two quiet cores)
	$(BIN)/mcfast bench --growth --out benchmarks/results/latest.json \
	    --markdown docs/benchmarks.md --readme README.md --chart docs/benchmarks.png

# Works without a network: with what an image with CUDA, PyTorch, CuPy, pybind11, CMake and pytest holds. Everything runs
# in the interpreter named by PYTHON, from this folder, without an installation. WHEELS names a folder of wheels that
# are to be there too (docs/gpu.md says which); they are unpacked beside the build and change nothing that is installed.
WHEELS ?=
GPU_TESTS := $(PYTHON) -m pytest --noconftest --override-ini filterwarnings=default -q tests/test_gpu_device.py tests/test_tensorrt_device.py tests/test_engine_on_gpu.py
ifneq ($(WHEELS),)
gpu: export PYTHONPATH := $(CURDIR)/build/wheels$(if $(PYTHONPATH),:$(PYTHONPATH))
endif
gpu:  ## on a machine with a GPU: build for it, test on it, check with compute-sanitizer, benchmark
	$(if $(WHEELS),$(PYTHON) -m pip install --quiet --no-index --no-deps --find-links "$(WHEELS)" --upgrade \
	    --target build/wheels $(wildcard $(WHEELS)/*.whl))
	cmake -S . -B build/gpu -DMCFAST_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=native \
	    -DPython_EXECUTABLE="$$(command -v $(PYTHON))" -Dpybind11_DIR="$$($(PYTHON) -m pybind11 --cmakedir)"
	cmake --build build/gpu --parallel
	install build/gpu/_core*.so build/gpu/_cuda*.so mcfast/
	$(PYTHON) -c "import sys; from mcfast.backends import cuda; sys.exit(cuda.unavailable())"
	$(GPU_TESTS)
	if command -v compute-sanitizer >/dev/null; then for tool in memcheck racecheck initcheck synccheck; do \
	    compute-sanitizer --tool $$tool --error-exitcode 1 $(GPU_TESTS) -k "(equals_the_cpu and cuda and shape3) or closer_look" || exit 1; \
	    done; else echo "compute-sanitizer is not on the PATH: left out"; fi
	$(PYTHON) -m benchmarks.gpu
	$(PYTHON) -m benchmarks.gpu_engine

# A CPU build of torch is enough, and two gigabytes smaller; name another with TORCH=...
TORCH ?= torch==2.13.0

# Installed in place (the core lands in mcfast/), so Python started in this folder finds it; built again when its
# sources change.
SOURCES := $(shell find csrc -name '*.h' -o -name '*.cpp') CMakeLists.txt cmake/cuda.cmake pyproject.toml setup.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python $(SOURCES)
	@echo "installing mcfast and what it stands on, building its core: a minute or two"
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/.benchmarked: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[bench]"
	touch $@

$(VENV)/.linted: $(VENV)/.installed
	$(BIN)/pip install --quiet "ruff==0.17.5" "mypy==2.4.1" "clang-format==23.1.5"
	touch $@

clean:  ## remove what was built, not the results in out/
	rm -rf $(VENV) build *.egg-info mcfast/_core*.so mcfast/_cuda*.so
