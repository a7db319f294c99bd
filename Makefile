# Everything a contributor runs. `make help` lists the targets.

MODULES     := . bench interop torture
WHOLE       := . ./internal/core ./internal/house ./internal/journal ./internal/queue ./internal/route
FUZZTIME    ?= 10s
FOR         ?= 10m
SEED        ?= 0
REPORT      ?= docs/TORTURE.md
PROGRAMS    ?= 20000
PROFILED    := ^(direct|grpc|nats|jetstream|mailbox|amqp091|pika|connections|queues|fan-out)
NARROW      := CGO_ENABLED=0 GOARCH=386 go test
STATICCHECK := go tool -modfile=$(CURDIR)/tools/go.mod staticcheck
each         = @set -e; for module in $(1); do echo "$$module: $(2)"; (cd $$module && $(2)); done

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build test tour profiles race fuzz lint cross sim planted bench bench-quick interop differential torture torture-nodes torture-rabbitmq torture-api generate

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 12

build: ## compile the command into bin/postrider
	CGO_ENABLED=0 go build -o bin/ ./cmd/postrider

# Compiled by the command's profile the standard library would be compiled once more; go test need not vet again what lint has; and a program with the race
# detector would rest for a second before it ends.
test lint race: export GOFLAGS += -pgo=off
test fuzz: export GOFLAGS += -vet=off
test race: export GORACE = atexit_sleep_ms=20

# With -short, tests that try each case try a part of them, for under the race detector they take ten times as long. Those run whole without it, in the packages
# of WHOLE, where tests that count allocations run, too. The command's tests run one without it then; interop and torture run one with it.
# Interop and torture are never taken from Go's test cache, which does not see the broker that they start.
test: ## all that must hold before a commit: lint, types on other systems, the tour, every test, under the race detector but for the bench, whole without it, a little fuzzing, real clients
	@interop/install.sh
	@bench/install.sh
	@$(MAKE) --no-print-directory lint cross tour
	$(call each,.,go test -race -short -timeout 10m ./...)
	$(call each,.,go test $(WHOLE))
	$(call each,bench,go test ./...)
	@$(MAKE) --no-print-directory fuzz FUZZTIME=8000x
	$(call each,interop torture,go test -race -count=1 ./...)

# As users run it first; its tests run a program of their own.
tour: ## the README's first command: the four ways live, 23 checks, in under 30 seconds
	go run ./cmd/postrider tour

profiles: ## measure anew by which profiles the command and the bench are compiled, 10 minutes; writes their default.pgo
	@bench/install.sh
	dir=$$(mktemp -d) && (cd bench && go run -trimpath -pgo=off . -rounds 1 -measure 2s -run '$(PROFILED)' -cpuprofile $$dir -o $$dir/RESULTS.md) && \
		(cd tools && go run ./profiles $$dir $(CURDIR)) && rm -r $$dir

race: ## the tests under the race detector, nothing from the cache, three times in random order
	go test -race -count=3 -shuffle=on ./...

# A number of runs, as 8000x, has no deadline: Go's own fuzzing sometimes reports that one as a failure (go.dev/issue/75804).
fuzz: ## each fuzz target for FUZZTIME (10s); `make test` gives them eight thousand runs
	@set -e; for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$pkg/*_test.go); do \
			echo "$$pkg: $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

# Not every machine runs programs for the 386: no ARM does, nor does a kernel without IA-32 emulation.
cross: ## the other systems: every package must be right in its types there; and where an int has 32 bits, what counts and measures runs
	@cd tools && go run ./typecheck .. darwin,windows,linux/386,linux/arm ./...
	@if $(NARROW) -run '^$$' ./amqp 2>&1 | grep -q 'exec format error'; then echo "linux/386: not run, for this machine runs no such programs"; \
		else echo "linux/386: go test"; $(NARROW) ./amqp ./internal/queue ./internal/route ./internal/session ./internal/core; fi

lint: ## gofmt, go vet and staticcheck, in every module
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "run gofmt -w on:" $$unformatted; exit 1; }
	$(call each,$(MODULES),go vet ./...)
	$(call each,$(MODULES),$(STATICCHECK) ./...)

sim: ## the whole broker under seeds, for FOR (10m): clients, crashes, faults; a failing seed tells its story
	go test ./internal/sim -run TestSeeds -v -timeout 0 -for $(FOR) -from $$(date +%s)00000

planted: ## bugs on purpose, each of which a test must catch; `make test` tries a few
	go test ./internal/planted -run TestEveryBugIsCaught -all -count=1 -timeout 0

bench: ## measure latency and throughput side by side with others, 25 minutes; writes bench/RESULTS.md and bench/plots
	@bench/install.sh
	cd bench && go run . -o RESULTS.md -plots plots

bench-quick: ## whether everything that bench does works, in two minutes
	@bench/install.sh
	cd bench && go run . -quick

interop: ## real clients from other languages against `postrider serve`, or POSTRIDER_INTEROP_URL
	@interop/install.sh
	cd interop && go test -v -count=1 .

differential: ## play PROGRAMS (20000) generated ones from SEED (a new one) against RabbitMQ and Postrider
	@interop/install.sh
	cd interop && go test -count=1 -timeout=0 ./differential -v -programs $(PROGRAMS) -seed $(SEED) -quorum 32

torture: ## kill a broker under AMQP clients, and then nodes and their broker, for FOR (10m) in all, from SEED (a new one); writes REPORT (docs/TORTURE.md)
	cd torture && go run . -for $(FOR) -seed $(SEED) -report $(abspath $(REPORT))

torture-nodes: ## the second half alone, under the race detector: nodes of the Go API killed behind bad connections; writes its part of REPORT
	cd torture && go run -race . -only nodes -for $(FOR) -seed $(SEED) -report $(abspath $(REPORT))

torture-rabbitmq: ## the same with RabbitMQ for their broker, stopped in good order; writes its part of REPORT
	@interop/install.sh
	cd torture && go run -race . -only rabbitmq -for $(FOR) -seed $(SEED) -report $(abspath $(REPORT))

torture-api: ## the Go API under random faults of its connections, for FOR (10m); a failing seed is named
	go test ./internal/behaviour -run TestFaults -v -count=1 -timeout 0 -faults $(FOR)

generate: ## write generated code anew
	go generate ./...
