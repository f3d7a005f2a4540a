# Two commands are all that is needed: `make demo` and `make test`.
# Both install what is missing (see .ci/deps) and say so.

CAPTURE ?= captures/lab/30-mixed-two-hosts.pcapng
# The bundled lab captures come from a private CA; its public certificates make their signatures checkable.
CA ?= captures/lab/pki

.PHONY: demo test deps bench

demo: deps ## Explain a bundled capture (CAPTURE=file for another).
	cargo build --release --quiet
	./target/release/whylencr --format text --ca $(CA) $(CAPTURE)

test: deps ## Format, lints for each feature set, tests, docs, licences, fuzz smoke.
	.ci/check

deps: ## Install missing system packages (libpcap headers).
	.ci/deps

bench: deps ## Compare with other readers; prints ratios.
	tests/bench/compare.sh
