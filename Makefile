# nobgd: `make run` and `make test` do all the set-up they need; so does every other verb.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed
TESTERS ?= 3  # processes that run the tests; they wait for disks, daemons and machines half the time

.PHONY: help setup run test check bench faults lock clean
help:            ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP)  ## the virtual environment, nobgd in it, and the u2net weights (cached outside)
	@$(BIN)/nobgd models fetch u2net

run: setup       ## the daemon on ./inbox → ./outbox, in the foreground
	@mkdir -p inbox outbox
	@echo "Drop a photo into $(CURDIR)/inbox; its cut-out appears in $(CURDIR)/outbox. Ctrl-C stops."
	@exec $(BIN)/nobgd run -c config/nobgd.yaml

check: $(STAMP)  ## lint, format, types, import contract
	$(BIN)/ruff check daemon tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup check  ## everything above, then the tests
	$(BIN)/pytest -n $(TESTERS) --dist loadscope

# rembg's command asks for an older watchdog than nobgd: it gets an environment of its own
RIVAL = $(VENV)-rembg
$(RIVAL)/bin/rembg:
	$(PYTHON) -m venv $(RIVAL)
	$(RIVAL)/bin/python -m pip install --quiet 'rembg[cli,cpu]>=2.0.86'

bench: setup $(RIVAL)/bin/rembg  ## the benchmarks; PARTS="table folder" PHOTOS=FOLDER ARGS="--runs 3" choose
	$(BIN)/python -m pip install --quiet --editable '.[bench,ncnn]'
	REMBG_PYTHON=$(abspath $(RIVAL))/bin/python $(BIN)/python -m benchmarks $(PARTS) $(ARGS) $(if $(PHOTOS),--photos $(PHOTOS))

faults: setup    ## the fault campaign, hours; ROWS="shares overflow" chooses; goes on where it stopped
	PYTHONPATH=tests $(BIN)/python -m faults.campaign $(ROWS)

# Every version and hash, for all of Python 3.11 to 3.14, x86-64 and aarch64; no registry is named
LOCK = uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
       --python-version 3.11 --upgrade pyproject.toml requirements/build.in
lock:            ## refresh requirements/*.txt after a change of pyproject.toml (needs uv)
	$(LOCK) --output-file requirements/service.txt
	$(LOCK) --extra ncnn --output-file requirements/ncnn.txt
	$(LOCK) --extra dev --extra ncnn --output-file requirements/dev.txt

clean:           ## remove what make made (not the photos, not the cached weights)
	rm -rf $(VENV) $(RIVAL) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
