# Everything that one does with Parley is a target here. It needs Go and Node; `make test` installs the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
GOBUILD := CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)'
# SQLite's own code, which is C made into Go, is no part of the race detector's work: it takes four fifths of the store's
# tests there, and shares nothing but through the driver, which is watched.
NORACE  := -gcflags=modernc.org/sqlite/lib=-race=false
WEB     := $(shell find web sdk/typescript \( -name node_modules -o -name dist \) -prune -o -type f -not -name '*.go' -print)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## build everything and start the demo on http://localhost:3000 (ARGS="--port 8080" adds flags)
	@bin/parley serve --demo $(ARGS)

.PHONY: build
build: web/dist/index.html ## build bin/parley with the web client inside
	@echo "Building bin/parley …"
	@$(GOBUILD) -o bin/parley ./cmd/parley

.PHONY: modules
modules: tools
	@scripts/modules.sh

web/dist/index.html: package-lock.json $(WEB) | modules
	@echo "Building the web client …"
	@npm run --silent build

.PHONY: tools
tools:
	@command -v go >/dev/null || { echo "Go is missing: https://go.dev/dl/ has it."; exit 1; }
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "Node 20 or newer is missing: https://nodejs.org has it."; exit 1; }

.PHONY: deps
deps: tools ## install what the tests need from Debian's packages (PostgreSQL, Redis, nginx, Prometheus, Chromium, gcc)
	@scripts/deps.sh

.PHONY: test
test: deps build ## run every test: web client, SDK, Go with the race detector on SQLite and PostgreSQL, browsers
	npm run --silent types --workspaces --if-present
	npm run --silent size --workspaces --if-present
	npm test --silent
	go vet ./...
	go test -race $(NORACE) -timeout 12m ./...
	go test -run Whatever -v ./internal/simulation
	@echo "The store keeps its promises on both databases:"
	@go test -v -run TestStoreKeepsItsPromises ./internal/store | grep -E '^(    ){1,2}--- |^(ok|FAIL)'
	npm test --silent -w @parley-chat/browser-tests

.PHONY: check
check: modules ## check format, types, lint, modules and whether the documents match the program
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go mod tidy -diff
	npm run --silent check
	go test ./internal ./internal/config ./docs

.PHONY: bench
bench: build ## measure every scenario (ARGS="--help" tells more)
	bin/parley bench $(ARGS)

.PHONY: fuzz
fuzz: ## fuzz every target for 60 s (FOR=10s for less)
	@scripts/fuzz.sh $(or $(FOR),60s)

.PHONY: cluster
cluster: bin/parley-chaos ## start three nodes, PostgreSQL, Redis and nginx to look at (ARGS="--shape postgres")
	@bin/parley-chaos cluster $(ARGS)

.PHONY: chaos
chaos: bin/parley-chaos ## break every shape for ten minutes while people chat, and judge (FOR=1m SHAPES=sqlite ARGS="--seed 7")
	@trap 'exit 130' INT; failed=0; for shape in $(or $(SHAPES),sqlite postgres cluster); do \
		bin/parley-chaos run --shape $$shape --for $(or $(FOR),10m) --report tmp/chaos/$$shape $(ARGS) || failed=1; \
	done; exit $$failed

.PHONY: bin/parley-chaos
bin/parley-chaos: build deps
	@$(GOBUILD) -o $@ ./cmd/parley-chaos

.PHONY: simulate
simulate: tools ## play seeds on the simulated cluster (SEEDS=100000 FROM=1; SEED=7 plays one and shows its journal)
	go test -count=1 -timeout 24h -v -run Whatever ./internal/simulation $(if $(SEED),-seed=$(SEED),-seeds=$(or $(SEEDS),10000) -from=$(or $(FROM),1))

.PHONY: planted
planted: tools ## plant every bug in turn and show by what the simulated cluster catches it (BUG=gap for some)
	go test -count=1 -timeout 2h -v -run Simulated ./internal/planted -bug=$(BUG)

.PHONY: crash
crash: tools deps ## kill the server 100 times on each database while people chat (FOR=1000 for more)
	go test -count=1 -timeout 60m -v ./test/crash -args -crash.kills=$(or $(FOR),100)

.PHONY: screenshots
screenshots: deps build ## take the pictures of README anew
	npm run --silent screenshots -w @parley-chat/browser-tests

.PHONY: clean
clean: ## remove what was built; the data folder stays
	rm -rf bin node_modules */node_modules */*/node_modules sdk/typescript/dist web/dist/assets web/dist/index.html
