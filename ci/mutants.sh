#!/bin/sh
# Takes out or turns round every rule of `ledger-verify`, one at a time; a test has to notice each.
# Arguments go to cargo-mutants, for example `-f 'ledger-verify/src/log/*.rs'` for one module.
set -eu
cd "$(dirname "$0")/.."

if ! cargo mutants --version >/dev/null 2>&1; then
    echo "cargo-mutants is missing: cargo install cargo-mutants" >&2
    exit 1
fi
# The panic gate links a release for the device; it sees panics, not rules.
exec cargo mutants --config ledger-verify/mutants.toml --package ledger-verify --output build \
    "$@" -- -E 'not binary(panic_gate)'
