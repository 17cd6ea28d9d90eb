#!/bin/sh
# Installs what Cairn needs and the machine lacks; where it cannot, prints the commands and fails.
# Does nothing, quickly, when everything is there. `tests` as argument asks for what only tests use, too,
# and does not fail for want of it.
set -eu

RUST_MIN=1.91
TARGET=aarch64-unknown-none

packages=
optional=

has() { command -v "$1" >/dev/null 2>&1; }

# need <command> <Debian package>
need() { has "$1" || packages="$packages $2"; }

# QEMU's own firmware search path; the package is only recommended by qemu-system-arm.
has_network_rom() {
    for folder in /usr/share/qemu /usr/lib/ipxe/qemu /usr/local/share/qemu /opt/homebrew/share/qemu; do
        [ -e "$folder/efi-virtio.rom" ] && return
    done
    return 1
}

find_packages() {
    # The second is only recommended by the first, and nothing links without it.
    need cc "gcc libc6-dev"
    need make make
    need git git
    need curl curl
    need gpg gnupg
    need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
    need qemu-system-aarch64 qemu-system-arm
    has_network_rom || packages="$packages ipxe-qemu"
    # Only `make bench` needs it, for its network namespace.
    has ip || optional="$optional iproute2"
    # Only comparisons with it need it.
    [ "$1" != tests ] || has openssl || optional="$optional openssl"
    # Only the test of the status page needs it.
    [ "$1" != tests ] || has chromium || optional="$optional chromium"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

may_install() {
    has apt-get && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of words
    as_root apt-get install -y -q --no-install-recommends $1 ||
        { as_root apt-get update -q && as_root apt-get install -y -q --no-install-recommends $1; }
}

install_packages() {
    [ -n "$packages$optional" ] || return 0
    if may_install; then
        echo "setup: installing$packages$optional" >&2
        apt_install "$packages$optional" >&2 && return 0
    fi
    if [ -n "$packages" ]; then
        echo "setup: this machine lacks:$packages. As root on Debian or Ubuntu:" >&2
        echo "    apt-get update && apt-get install -y --no-install-recommends$packages$optional" >&2
        return 1
    fi
    echo "setup: without$optional some tests and measurements are left out" >&2
}

# rust_at_least <version>
rust_at_least() {
    printf '%s\n%s\n' "$RUST_MIN" "$1" | sort -V -C
}

install_rust() {
    if ! has rustc || ! has cargo; then
        echo "setup: there is no Rust. With rustup (https://rustup.rs):" >&2
        echo "    curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y -t $TARGET" >&2
        return 1
    fi
    version=$(rustc --version | cut -d ' ' -f 2)
    if ! rust_at_least "$version"; then
        echo "setup: Rust $version is older than $RUST_MIN:" >&2
        echo "    rustup update stable && rustup default stable" >&2
        return 1
    fi
    [ -d "$(rustc --print sysroot)/lib/rustlib/$TARGET" ] && return 0
    if has rustup; then
        echo "setup: adding the Rust target $TARGET" >&2
        rustup target add "$TARGET" >&2 && return 0
    fi
    echo "setup: Rust lacks the target $TARGET:" >&2
    echo "    rustup target add $TARGET" >&2
    return 1
}

find_packages "${1:-}"
failed=0
install_packages || failed=1
install_rust || failed=1
exit $failed
