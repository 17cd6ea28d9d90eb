#!/bin/sh
# Runs the unit tests of what is shared with other PDs, and of the ledger's verifier, under Miri, which
# finds undefined behaviour. Needs a nightly toolchain with Miri. The last package takes long, for its
# signatures: without Nexus (`--skip nexus`) half an hour, no test more than two minutes. Arguments go to
# each `cargo miri test`; `cbor`, for example, runs the tests so named.
set -eu
cd "$(dirname "$0")/.."

if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "Miri is missing: rustup toolchain install nightly --component miri,rust-src" >&2
    exit 1
fi
export CARGO_TARGET_DIR="$PWD/build/miri"
# proptest asks for the time and the folder.
export MIRIFLAGS="${MIRIFLAGS:-} -Zmiri-disable-isolation"
export PROPTEST_CASES="${PROPTEST_CASES:-8}"
for package in sel4-externally-shared sel4-shared-ring-buffer ledger-verify; do
    echo "--- $package"
    cargo +nightly miri test --quiet --package $package --all-features --lib -- "$@"
done
