#!/bin/sh
# Lists every panic that the programs which must not panic still link; fails for one that
# ci/panic-allow.txt does not name. `--shrink` takes out of that list what is not linked any more.
set -eu
cd "$(dirname "$0")/.."

target=aarch64-unknown-none
# Where `make` builds the programs of CONFIG=release, so that nothing is built twice.
folder=$PWD/build/cargo/release
programs="crypto integrity ledger supervisor"

set -- --allow ci/panic-allow.txt "$@"
packages=
for program in $programs; do
    packages="$packages --package $program"
    set -- "$@" "$folder/$target/release/$program"
done
# shellcheck disable=SC2086 # a list of words
CARGO_TARGET_DIR=$folder CAIRN_CONFIG=release \
    cargo build --quiet --release --target $target --features pd $packages
cargo run --quiet --package cairn -- panics "$@"
