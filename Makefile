# nobgd: `make run` and `make test` do all the set-up they need; so does every other verb.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
STAMP   = $(VENV)/.installed
RUNS    = $(VENV)/.runs
TESTERS ?= 4  # processes that run the tests; they wait for disks, daemons and machines half the time

# A daemon is three and more Pythons: compiling the same modules in each would double their start
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test check bench faults dist deb deb-test cluster-demo package-test lock clean
help:            ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# What a lock of requirements/ names, then nobgd itself from this folder
INSTALL = $(PYTHON) -m venv $(VENV) \
  && $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/$(1).txt \
  && $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .

$(STAMP): pyproject.toml requirements/dev.txt
	$(call INSTALL,dev)
	@touch $@ $(RUNS)

$(RUNS): pyproject.toml requirements/run.txt
	@echo "Installing nobgd into $(VENV), once; this takes a minute or two."
	@$(call INSTALL,run)
	@touch $@

setup: $(STAMP)  ## the virtual environment, nobgd in it, and the u2net weights (cached outside)
	@$(BIN)/nobgd models fetch u2net
	@[ "$(MAKECMDGOALS)" != setup ] || \
	  echo "With a nobgd.yaml (make run makes one): $(BIN)/nobgd tune finds what is fastest here, in two minutes"

nobgd.yaml:  # yours to change; git does not see it
	@sed 's|\.\./||' config/nobgd.yaml > $@

run: $(RUNS) nobgd.yaml  ## the daemon on ./inbox → ./outbox, in the foreground
	@$(BIN)/nobgd models fetch -c nobgd.yaml
	@mkdir -p inbox outbox
	@echo "Drop a photo into $(CURDIR)/inbox; its cut-out appears in $(CURDIR)/outbox. Ctrl-C stops."
	@echo "In another window: $(BIN)/nobgd status (settings: nobgd.yaml)"
	@exec $(BIN)/nobgd run -c nobgd.yaml

check: $(STAMP)  ## lint, format, types, import contract
	$(BIN)/ruff check daemon tests benchmarks
	$(BIN)/ruff format --check --quiet daemon tests benchmarks
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports

.PHONY: collected
collected: $(STAMP)  # once, before several processes do: what they compile is kept
	@$(BIN)/pytest --collect-only -q >/dev/null || true  # what is wrong the tests say

test: setup check collected  ## everything above, then the tests
	env -u MAKEFLAGS $(BIN)/pytest -n $(TESTERS) --dist loadscope

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
	$(if $(ROWS),,$(BIN)/pytest --further)

dist: $(STAMP)   ## wheel and sdist in dist/, the same bytes for the same sources
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} $(BIN)/python -m hatchling build

cluster-demo: $(STAMP)  ## a broker and two workers in network namespaces, photos through them (root, nats-server)
	NOBGD=$(abspath $(BIN))/nobgd packaging/cluster-demo.sh

deb:             ## a Debian package in dist/, for this distribution's Python
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 0)} packaging/deb/build.sh

deb-test: deb    ## the package on a booted machine of its own (root, systemd-nspawn)
	python3 packaging/deb/check.py

package-test:    ## the container image, built and run (root, buildah, podman; minutes)
	packaging/check.sh

# Every version and hash, for all of Python 3.11 to 3.14, x86-64 and aarch64; no registry is named
LOCK = uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
       --python-version 3.11 --upgrade pyproject.toml requirements/build.in
lock:            ## refresh requirements/*.txt after a change of pyproject.toml (needs uv)
	$(LOCK) --extra cluster --extra web --output-file requirements/service.txt
	$(LOCK) --extra cluster --extra web --override requirements/slim.in --output-file requirements/slim.txt
	$(LOCK) --extra cluster --extra ncnn --extra web --output-file requirements/run.txt
	$(LOCK) --extra cluster --extra dev --extra ncnn --extra web --output-file requirements/dev.txt

clean:           ## remove what make made (not the photos, not the cached weights)
	rm -rf $(VENV) $(RIVAL) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
