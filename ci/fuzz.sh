#!/bin/sh
# Fuzzes every parser of `ledger-verify`, one after the other: FUZZ_SECONDS for each, 60 without it.
# Needs cargo-fuzz and a nightly toolchain. New inputs go to build/fuzz, crashes to its `crashes`.
set -eu
cd "$(dirname "$0")/.."

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2
    exit 1
fi
out=$PWD/build/fuzz
mkdir -p "$out/crashes"
cd ledger-verify
# No unsafe code, so no sanitizer: three times as many inputs.
cargo +nightly fuzz build --sanitizer none --target-dir "$out/target"
for target in $(cargo fuzz list); do
    mkdir -p "$out/corpus/$target"
    echo "--- $target"
    cargo +nightly fuzz run --sanitizer none --target-dir "$out/target" "$target" \
        "$out/corpus/$target" "fuzz/corpus/$target" -- \
        -max_total_time="${FUZZ_SECONDS:-60}" -max_len=16384 -rss_limit_mb=1024 -timeout=20 \
        -artifact_prefix="$out/crashes/$target-" -print_final_stats=1 2>&1 |
        { grep -aE '^==|panicked|SUMMARY|number_of_executed_units|Test unit written' || true; }
    if [ -n "$(ls "$out/crashes")" ]; then
        echo "finding: $(ls "$out"/crashes/*)" >&2
        exit 1
    fi
done
