#!/bin/sh
# What CI runs, and what `make check` runs before a change is sent: format, lints for host and target,
# documentation, dependencies, then every test.
set -eu
cd "$(dirname "$0")/.."

ci/setup.sh
target=aarch64-unknown-none

say() { printf '\n=== %s\n' "$*"; }

say "format"
cargo fmt --all --check

say "lints: host"
cargo clippy --quiet --workspace --all-targets -- -D warnings

# Programs of PDs, and the model kernel; the features exist only for the target.
say "lints: $target"
packages=
for manifest in pds/*/Cargo.toml tests/on-target/*/Cargo.toml sdk/test-harness/Cargo.toml; do
    if grep -q '^pd = ' "$manifest"; then
        packages="$packages --package $(sed -n 's/^name = "\(.*\)"/\1/p' "$manifest" | head -n 1)"
    fi
done
for config in debug release benchmark; do
    # shellcheck disable=SC2086 # a list of words
    CAIRN_CONFIG=$config cargo clippy --quiet --target $target --features pd $packages -- -D warnings
done
cargo clippy --quiet --target $target --package model --features kernel -- -D warnings

say "panics"
ci/panic-gate.sh

say "documentation"
make docs

say "dependencies"
if cargo deny --version >/dev/null 2>&1; then
    # It wants the crates of every platform, and a build has brought those of two.
    cargo fetch --quiet --locked
    cargo deny --offline check bans licenses sources
    if [ -d "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" ]; then
        cargo deny --offline check advisories
    else
        echo "advisories: NOT checked, their database is not on this machine (cargo deny fetch)"
    fi
else
    echo "cargo-deny is not installed: advisories NOT checked; licences are checked by the test tidy"
fi

say "tests"
make test
