# The commands of a working day. Go alone is enough for all of them; `make test` as root installs the rest on Debian.

# Go's own tarball installs here, and is often not on root's PATH.
export PATH := $(PATH):/usr/local/go/bin

.PHONY: demo demo-once test conformance quick check install bench

# Two software phones, one click, and what each heard. Leaves the service running to be tried by hand.
demo:
	go run ./cmd/c2d demo

# The same, and ends: 0 only when both heard each other and the record is right.
demo-once:
	go run ./cmd/c2d demo --once

# Everything, with the race detector, against the real phones and databases that are there. Ends with a count. What is compiled
# is compiled before: phones that talk in real time and a compiler do not go together on two cores.
test: install check
	@race=-race; command -v gcc >/dev/null || { race=; echo "test: no gcc, so without the race detector"; }; \
	go build $$race ./... && go run ./test/summary -count=1 -timeout 15m $$race ./...

# The core and the adapters, no packages needed, within a minute once built.
quick:
	@go run ./test/summary -short ./core/... ./adapters/...

# The suite of call behaviour for every backend that is there, as a matrix: printed, and in conformance.md.
conformance: install
	@race=-race; command -v gcc >/dev/null || race=; \
	go build $$race ./... && go run ./test/conformance -o conformance.md $$race ./adapters/... ./test/asterisk ./test/freeswitch

# What needs no test run: vet, and gofmt.
check:
	go vet ./...
	@bad=$$(gofmt -l .); test -z "$$bad" || { echo "gofmt: run gofmt -w on:"; echo "$$bad"; exit 1; }

# As root on Debian: installs what the tests need and is missing. Otherwise: says what will be skipped.
install:
	@test/install
	@test/install-asterisk

# What a call costs beside a bare SIP program, how long a click takes, what a call that talks occupies: a table. Four minutes.
bench:
	@go run ./test/bench
