#!/bin/sh
# Gets the official Microkit SDK.
#
#   ci/sdk.sh         make sdk: downloads, verifies and unpacks it unless it is there
#   ci/sdk.sh auto    prints the SDK's folder, or nothing; tries one download a day
#
# MICROKIT_SDK=<folder>   use this SDK, download nothing
# MICROKIT_KEY=<file>     the release key, instead of asking a key server
# MICROKIT_URL=<base>     where the release lies, e.g. a mirror
# MICROKIT_KEY_URLS=<..>  where to ask for the key
# CAIRN_CACHE=<folder>    instead of ~/.cache/cairn
# OFFLINE=1               never download in auto mode
#
# What is downloaded counts only when its detached signature was made by the pinned key, so neither
# the mirror nor the key server is trusted.
set -eu

VERSION=2.3.0
FINGERPRINT=FE91486443B0F4EB9ECC36524D868A34EDF3FDCA
URL=${MICROKIT_URL:-https://github.com/seL4/microkit/releases/download/$VERSION}
# The second one also serves keys whose owner has not confirmed an address.
KEY_URLS=${MICROKIT_KEY_URLS:-"https://keys.openpgp.org/vks/v1/by-fingerprint/$FINGERPRINT
https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x$FINGERPRINT"}

cache=${CAIRN_CACHE:-$HOME/.cache/cairn}
sdk=$cache/microkit-sdk-$VERSION
failed=$cache/microkit-sdk-$VERSION.failed
mode=${1:-explicit}

say() { echo "sdk: $*" >&2; }

fail() {
    say "$*"
    mkdir -p "$cache" 2>/dev/null && : >"$failed" || true
    exit 1
}

# The host's name in the release's file names.
host() {
    case "$(uname -sm)" in
    "Linux x86_64") echo linux-x86-64 ;;
    "Linux aarch64") echo linux-aarch64 ;;
    "Darwin x86_64") echo macos-x86-64 ;;
    "Darwin arm64") echo macos-aarch64 ;;
    *) fail "there is no SDK for $(uname -sm)" ;;
    esac
}

# A stalled transfer ends like an unreachable server.
get() {
    curl --fail --silent --show-error --location --connect-timeout 5 \
        --speed-limit 1024 --speed-time 20 --output "$2" "$1"
}

import_key() {
    if [ -n "${MICROKIT_KEY:-}" ]; then
        gpg --batch --quiet --import "$MICROKIT_KEY" 2>/dev/null ||
            fail "MICROKIT_KEY=$MICROKIT_KEY holds no OpenPGP key"
        return
    fi
    for key_url in $KEY_URLS; do
        if get "$key_url" "$work/key" && gpg --batch --quiet --import "$work/key" 2>/dev/null; then
            return
        fi
    done
    fail "no key server gave the release key; put it into a file and set MICROKIT_KEY"
}

# The signature must be good and made by the pinned key or one of its subkeys.
verify() {
    status=$(gpg --batch --status-fd 1 --verify "$1.asc" "$1" 2>/dev/null) ||
        fail "the signature of ${1##*/} is BAD or not made by the release key; nothing was installed"
    echo "$status" | awk -v pinned="$FINGERPRINT" '
        $2 == "REVKEYSIG" { revoked = 1 }
        $2 == "VALIDSIG" && ($3 == pinned || $NF == pinned) { valid = 1 }
        END { exit !(valid && !revoked) }' ||
        fail "the signature of ${1##*/} is not by the pinned key $FINGERPRINT; nothing was installed"
}

download() {
    for tool in curl gpg tar; do
        command -v $tool >/dev/null || fail "needs $tool; ci/setup.sh installs it"
    done
    host=$(host)
    name=microkit-sdk-$VERSION-$host.tar.gz
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/download.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    mkdir -m 700 "$work/gnupg"
    export GNUPGHOME="$work/gnupg"

    say "downloading $URL/$name"
    get "$URL/$name.asc" "$work/$name.asc" || fail "cannot download $name.asc; see above"
    get "$URL/$name" "$work/$name" || fail "cannot download $name; see above"
    import_key
    verify "$work/$name"
    tar -xzf "$work/$name" -C "$work" || fail "cannot unpack $name"
    [ -x "$work/microkit-sdk-$VERSION/bin/microkit" ] || fail "$name holds no bin/microkit"
    rm -rf "$sdk"
    mv "$work/microkit-sdk-$VERSION" "$sdk"
    rm -f "$failed"
    say "verified, unpacked to $sdk"
}

if [ -n "${MICROKIT_SDK:-}" ]; then
    if [ ! -x "$MICROKIT_SDK/bin/microkit" ]; then
        say "MICROKIT_SDK=$MICROKIT_SDK holds no bin/microkit"
        exit 1
    fi
    # Capability slots and kernel labels differ between versions: another one boots into faults.
    if [ "$(cat "$MICROKIT_SDK/VERSION" 2>/dev/null)" != "$VERSION" ]; then
        say "MICROKIT_SDK=$MICROKIT_SDK is not version $VERSION"
        exit 1
    fi
    sdk=$MICROKIT_SDK
elif [ ! -x "$sdk/bin/microkit" ]; then
    if [ "$mode" = auto ]; then
        [ "${OFFLINE:-}" != 1 ] || exit 0
        [ -z "$(find "$failed" -mtime -1 2>/dev/null)" ] || exit 0
        # In a process of its own: there a failure ends the download, here it means to go on without.
        sh "$0" || exit 0
    else
        download
    fi
elif [ "$mode" != auto ]; then
    say "already there: $sdk"
fi
if [ "$mode" = auto ]; then
    echo "$sdk"
fi
