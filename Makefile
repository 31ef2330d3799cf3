# SPDX-License-Identifier: MIT
# A thin front: installs what is missing, builds with meson and ninja under build/, and runs the
# scripts that do the work. `make` alone lists the targets.

PREFIX ?= /usr/local
RELEASE = build/release

help:
	@echo 'make run       build weft and fetch a page through the network of examples/home.yaml'
	@echo 'make build     only build: the command and the libraries, in $(RELEASE)'
	@echo 'make test      build with gcc and clang under sanitizers, run all tests and checks (minutes)'
	@echo 'make test-all  the same and the long suites (up to 70 minutes)'
	@echo 'make lint      only the checks: format, style, layers, exported symbols, clang-tidy'
	@echo 'make fuzz      run each fuzz target for FUZZ_SECONDS (60); TARGETS="a b" chooses'
	@echo 'make doc       the reference pages of the library, doc/api/index.html'
	@echo 'make bench     compare with the kernel on this machine; the table goes to bench/out'
	@echo 'make bench-check   the same, and fail when a ratio is 15 % below bench/baseline.json'
	@echo 'make bench-curves  what weft costs as there is more of something; pictures in bench/out/curves'
	@echo 'make bench-instr   instructions and cache misses a packet; with CHECK=1, whether they grew'
	@echo 'make install   install to PREFIX ($(PREFIX)) below DESTDIR'
	@echo 'make clean     remove build/'

run: build
	@scripts/run

build:
	@scripts/bootstrap build run
	@scripts/configure $(RELEASE) gcc -Dbuildtype=release -Doptimization=2 -Dtests=disabled
	@out=$$(ninja -C $(RELEASE) --quiet) || { echo "$$out"; exit 1; }

test:
	@scripts/bootstrap build run test lint
	@scripts/test

test-all:
	@scripts/bootstrap build run test lint long
	@scripts/test --long

lint:
	@scripts/bootstrap build test lint
	@scripts/lint

fuzz:
	@scripts/bootstrap build fuzz
	@scripts/fuzz $(TARGETS)

doc:
	@scripts/bootstrap doc
	@doxygen doc/Doxyfile && echo doc/api/index.html

bench: build
	@scripts/bootstrap bench
	@scripts/bench

bench-check: build
	@scripts/bootstrap bench
	@scripts/bench --check

bench-curves: build
	@scripts/bootstrap bench
	@bench/build
	@bench/curves.py

bench-instr: build
	@scripts/bootstrap bench
	@bench/build
	@bench/instr.py $(if $(CHECK),--check)

# The prefix is compiled in only as paths of the pkg-config files, so changing it rebuilds nothing else.
install: build
	@meson configure $(RELEASE) -Dprefix=$(abspath $(PREFIX)) >/dev/null && ninja -C $(RELEASE) build.ninja >/dev/null
	@DESTDIR=$(abspath $(DESTDIR)) meson install -C $(RELEASE) --quiet

clean:
	rm -rf build doc/api

.PHONY: help run build test test-all lint fuzz doc bench bench-check bench-curves bench-instr install clean
