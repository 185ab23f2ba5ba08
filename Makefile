# `make run` and `make test` do all the set-up themselves.
SHELL := /bin/sh
NODE := .tools/bin/node --conditions=development --disable-warning=ExperimentalWarning
export PATH := $(CURDIR)/.tools/bin:$(PATH)
export NODE_COMPILE_CACHE := $(CURDIR)/.tools/compile-cache

.PHONY: setup run test test-all lint bench bench-compare chaos fresh-clone-test help

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: ## bring everything that is needed; quick when all is there
	@sh scripts/setup.sh

run: setup ## set up, start the server, take the tour; leaves the server up on a terminal
	@$(NODE) scripts/tour.ts

test: setup ## set up and run everything that must pass
	@$(NODE) scripts/test.ts

test-all: setup ## the same with what takes too long for every change: the complete suite of microVMs
	@GLOVEBOX_TESTS=all $(NODE) scripts/test.ts

lint: setup ## formatting, lint, the house's import rules, types, dead code
	@$(NODE) scripts/lint.ts

chaos: setup ## kill engines 2,000 and servers 300 times, some 20 minutes; KILLS and SERVER_KILLS say otherwise
	@GLOVEBOX_TEST_ENGINE_KILLS=$(or $(KILLS),2000) GLOVEBOX_TEST_KILLS=$(or $(SERVER_KILLS),300) \
		$(NODE) scripts/test.ts --retry=0 --no-file-parallelism \
		conformance/engines/embedded-chaos.test.ts test/chaos/kill-server.test.ts

bench: setup ## measure each figure beside its floor; ONLY=prefix runs a part
	@$(NODE) bench/main.ts $(if $(ONLY),--only $(ONLY))

bench-compare: setup ## compare the ratios with the recorded ones
	@$(NODE) bench/compare.ts
