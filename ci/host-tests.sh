#!/bin/sh
# Every test that needs no target: unit, property and documentation tests, and the ring's weak-memory
# models. Whole-system tests need an image and run after it is built.
set -eu

began=$(date +%s)

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --exclude cairn-tests --no-fail-fast --status-level slow \
        --final-status-level fail --show-progress none
    cargo test --quiet --workspace --exclude cairn-tests --doc
else
    cargo test --quiet --workspace --exclude cairn-tests --no-fail-fast
fi

# The workspace turns ML-DSA on, and so hides what a verifier without it refuses.
echo "--- ledger-verify without ML-DSA"
cargo test --quiet --package ledger-verify --lib

# Off by default, because what is behind it is unmaintained.
echo "--- crypto with Kyber-768"
cargo test --quiet --package crypto --features kyber768 --lib

# loom replaces the atomics, so it needs a build of its own.
echo "--- ring models under loom"
RUSTFLAGS="${RUSTFLAGS:-} --cfg loom" CARGO_TARGET_DIR=build/cargo/host/loom \
    cargo test --quiet --release --package sel4-shared-ring-buffer --lib loom

# For `make bench`.
mkdir -p build
echo $(($(date +%s) - began)) >build/host-tests.seconds
