# make demo and make test are all that a newcomer needs. Go, git and make have
# to be there; what else a target uses, it builds itself.

# The product is pure Go: the same binary with and without a C compiler.
export CGO_ENABLED = 0

# The programs under test, for the end-to-end tests and the demo.
export FIXPOINT_BIN = $(CURDIR)/bin/fixpoint
export LOCALCLUSTER_BIN = $(CURDIR)/bin/localcluster

# How long a package's tests may take. It only ends tests that hang: a machine that has
# other work, too, may take many times as long as they need.
PATIENCE = 2h

LINTER = .cache/bin/golangci-lint
UNITS = "$$(go list ./... | grep -v /internal/e2e | tr '\n' ' ')"

# Runs tests; one that fails has a second try, and is told at the end: see there.
TEST = hack/test.sh

# What make generate writes.
GENERATED = deploy/crds/*.yaml api/*/*/zz_generated.*.go

.DEFAULT_GOAL := build
.NOTPARALLEL:
.PHONY: build fixpoint localcluster demo check fmt vet lint arrows units \
	test start generated race fuzz cluster e2e pictures bench generate clean help

help: ## this list
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

build: fixpoint localcluster ## bin/fixpoint and bin/localcluster

fixpoint:
	@hack/build.sh . ./cmd/fixpoint bin/fixpoint

localcluster:
	@hack/build.sh localcluster . bin/localcluster "bin/localcluster is a whole \
	Kubernetes control plane: compiling it takes 5 to 10 minutes on two cores. Go caches what is compiled, so \
	that it happens once."

demo: build ## a cluster that follows a Git repository, live
	bin/fixpoint demo

check: fmt vet lint arrows units ## format, vet, lint, arrows and unit tests: what to run before a commit

fmt:
	@echo "== format"
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "Not formatted; run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

# localcluster is not vetted: vet would go through all of Kubernetes.
vet:
	@echo "== vet"
	@go vet ./...

lint:
	@echo "== lint"
	@hack/build.sh tools github.com/golangci/golangci-lint/v2/cmd/golangci-lint $(LINTER) \
		"The linter is compiled first, once: about a minute on two cores."
	@$(LINTER) run ./...

arrows:
	@echo "== arrows"
	@go test -count=1 ./internal/archtest

units:
	@echo "== units"
	@$(TEST) . $(UNITS) -timeout $(PATIENCE) -short

test: start build check generated race fuzz cluster e2e ## everything that CI runs
	@echo "== demo"
	bin/fixpoint demo --once
	@cat .cache/flaky
	@echo "All checks and tests have passed."

start:
	@mkdir -p .cache && : > .cache/flaky

generated:
	@echo "== generated files are current"
	@before=$$(cat $(GENERATED) | cksum); $(MAKE) -s generate; \
	if [ "$$before" != "$$(cat $(GENERATED) | cksum)" ]; then \
		echo "make generate has changed files: commit them with the change of their types."; exit 1; fi

# The race detector needs a C compiler. Where there is none, the tests that
# -short leaves out still run.
race:
	@if command -v "$$(CGO_ENABLED=1 go env CC)" >/dev/null 2>&1; then \
		echo "== all unit tests, with the race detector"; \
		CGO_ENABLED=1 $(TEST) . $(UNITS) -timeout $(PATIENCE) -race; \
	else \
		echo "== all unit tests (no C compiler: without the race detector)"; \
		$(TEST) . $(UNITS) -timeout $(PATIENCE); \
	fi

fuzz: ## every fuzz target for 10 seconds ($$FUZZTIME); in CI some for a minute
	@echo "== fuzz"
	@sh hack/fuzz.sh

# Without vet, which go test would run over all of Kubernetes.
cluster: localcluster
	@echo "== control plane"
	@$(TEST) localcluster ./... -timeout $(PATIENCE) -vet=off -count=1

e2e: build
	@echo "== end to end"
	@$(TEST) . ./internal/e2e/... -timeout $(PATIENCE) -count=1
	@FIXPOINT_E2E=1 $(TEST) . ./cmd/fixpoint -timeout $(PATIENCE) -count=1 -run TestClusterScript

pictures: build ## pictures of all pages, light, dark and on a phone: .cache/screenshots, or $$FIXPOINT_SCREENSHOTS
	go test -count=1 -run TestPictures ./internal/e2e

bench: build ## API requests and renders, and their time beside the raw limit and the stock commands
	FIXPOINT_BENCH=1 go test -v -count=1 -timeout 45m -run TestBench ./internal/e2e ./internal/render/oracle

generate: ## CRDs and deep copies, after a change of their types
	@go generate ./...
	@set -e; for script in hack/generate-*.sh; do sh "$$script"; done

clean: ## removes what the other targets made in this folder; Go's caches stay
	rm -rf bin .cache .demo
