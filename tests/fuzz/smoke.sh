#!/usr/bin/env bash
# Runs every fuzz target for SECONDS (default 5) with the stable compiler: libFuzzer's instrumentation is a pass of LLVM, which needs
# no nightly. A crash fails the run and leaves its input in artifacts/. For a long run: tests/fuzz/smoke.sh 3600
set -eu
cd "$(dirname "$0")"
seconds="${1:-5}"
only="${2:-}"

export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=16"
host=$(rustc -vV | sed -n 's/^host: //p')
# With --target, build scripts and procedural macros stay without instrumentation.
cargo build --quiet --release --target "$host"

if [ ! -d corpus ]; then
    # What the decoders read in the bundled captures; without it they would rarely get past the first bytes.
    if command -v python3 >/dev/null 2>&1; then
        (cd ../.. && env -u RUSTFLAGS cargo test --quiet --lib fixtures_in_hexadecimal -- --ignored --nocapture) |
            python3 seeds.py ../../captures corpus
    else
        echo "no python3: no seeds" >&2
    fi
fi
targets=$(sed -n 's/^name = "\([a-z]*\)"$/\1/p' Cargo.toml)
for target in ${only:-$targets}; do
    mkdir -p "corpus/$target" "artifacts/$target"
    log=$("./target/$host/release/$target" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=20 \
        -artifact_prefix="artifacts/$target/" -print_final_stats=1 -verbosity=0 "corpus/$target" 2>&1) || {
        printf '%s\n' "$log" | tail -n 40
        echo "fuzz target $target failed; its input is in tests/fuzz/artifacts/$target" >&2
        exit 1
    }
    printf '%-12s %s executions\n' "$target" "$(printf '%s\n' "$log" | sed -n 's/^stat::number_of_executed_units: *//p')"
done
