# Sourced by the scripts beside it: what this machine lacks is installed, and said; what is right is
# left alone.

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
die() { printf 'gantry: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# apt_install PROGRAM=PACKAGE ...: installs the packages whose program is not there yet.
apt_install() {
    local missing=() pair
    for pair in "$@"; do
        case ${pair%%=*} in
            /*) [ -e "${pair%%=*}" ] || missing+=("${pair#*=}") ;;
            *) command -v "${pair%%=*}" >/dev/null 2>&1 || missing+=("${pair#*=}") ;;
        esac
    done
    [ ${#missing[@]} = 0 ] && return 0
    command -v apt-get >/dev/null || die "these are missing and this is no Debian or Ubuntu: ${missing[*]}"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null \
        || die "these are missing: ${missing[*]}. Run this as root, or install sudo."
    say "Installing from the distribution: ${missing[*]}"
    quietly as_root apt-get update -q
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
        --no-install-recommends "${missing[@]}"
}

# quietly COMMAND ...: its output is shown only if it fails.
quietly() {
    local output
    output=$("$@" 2>&1) || die "$* failed:
$output"
}

# The engine: podman with what it needs for rootful and rootless pods.
install_engine() {
    local netavark=()
    # Debian 12, Ubuntu 22.04 and newer; Debian's podman recommends it, we ask for it.
    if apt-cache show netavark >/dev/null 2>&1; then
        netavark=(/usr/lib/podman/netavark=netavark /usr/lib/podman/aardvark-dns=aardvark-dns)
    fi
    apt_install podman=podman runc=runc "${netavark[@]}" iptables=iptables \
        slirp4netns=slirp4netns newuidmap=uidmap fuse-overlayfs=fuse-overlayfs \
        mmdebstrap=mmdebstrap /etc/ssl/certs/ca-certificates.crt=ca-certificates
    # Debian 13 and newer: podman 5's networks are made with nft, which netavark does not ask for.
    case $(podman --version) in
        "podman version "[1-4].*) ;;
        *) apt_install /usr/sbin/nft=nftables ;;
    esac
}

# A Python of at least 3.11 that can make virtual environments.
find_python() {
    local candidate
    for candidate in python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 \
            && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$candidate
            "$candidate" -c 'import ensurepip, venv' 2>/dev/null && return 0
        fi
    done
    if [ -z "${PYTHON:-}" ]; then
        apt_install /usr/bin/python3=python3
        PYTHON=python3
    fi
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
        || die "Gantry needs Python 3.11 or newer; this machine has $("$PYTHON" --version)"
    if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "/nowhere=python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    fi
}

# make_venv DIRECTORY LOCKFILE: Gantry's own, installed anew only when the lock file has changed.
make_venv() {
    ! is_locked "$@" || return 0
    say "Installing the locked Python dependencies into $1"
    install_lock "$@"
    "$1/bin/python" -m pip install -qq --disable-pip-version-check --no-deps \
        --no-build-isolation -e "$ROOT" 2>/dev/null \
        || "$1/bin/python" -m pip install -qq --disable-pip-version-check --no-deps -e "$ROOT"
    mark_locked "$@"
}

# make_tools DIRECTORY LOCKFILE: programs that must not share Gantry's environment.
make_tools() {
    ! is_locked "$@" || return 0
    say "Installing the locked clients into $1"
    install_lock "$@"
    mark_locked "$@"
}

# unpack_collection DIRECTORY LOCKFILE: of the locked `ansible` the collection awx.awx and no other.
unpack_collection() {
    ! is_locked "$@" || return 0
    say "Unpacking the locked collection awx.awx into $1"
    local wheel
    wheel=$(mktemp -d)
    "$1/bin/python" -m pip download -qq --disable-pip-version-check --no-deps \
        --only-binary :all: --require-hashes -r "$2" -d "$wheel"
    "$1/bin/python" - "$wheel" "$1" <<'PYTHON'
import pathlib, sys, zipfile
[wheel] = pathlib.Path(sys.argv[1]).glob("*.whl")
with zipfile.ZipFile(wheel) as packed:
    wanted = [n for n in packed.namelist() if n.startswith("ansible_collections/awx/awx/")]
    packed.extractall(sys.argv[2], wanted)
PYTHON
    rm -rf "$wheel"
    mark_locked "$@"
}

is_locked() { cmp -s "$2" "$1/.installed-$(basename "$2")"; }
mark_locked() { cp "$2" "$1/.installed-$(basename "$2")"; }
install_lock() {
    find_python
    [ -x "$1/bin/python" ] || "$PYTHON" -m venv "$1"
    "$1/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes -r "$2"
}
