#!/bin/sh
# Stands for the image's own package manager while an EE is built. ansible-builder's scripts call
# dnf's words: `install -y ...`, `clean all`. Versions that a lock fixes are in versions.txt beside.
set -eu
here=$(dirname "$0")
wanted=""
for manager in "@PACKAGE_MANAGER@" /usr/bin/microdnf /usr/bin/dnf /usr/bin/yum /usr/bin/apt-get; do
    if [ -x "$manager" ]; then wanted=$manager; break; fi
done
verb=${1:-}
[ $# -eq 0 ] || shift
if [ -z "$wanted" ]; then
    # Called after every build, whether anything was installed or not.
    [ "$verb" != clean ] || exit 0
    packages=""
    for argument; do
        case "$argument" in -*) ;; *) packages="$packages $argument" ;; esac
    done
    echo "ERROR: no package manager to install$packages" >&2
    exit 1
fi

pinned() { # name -> name with its locked version
    line=$(grep -m1 "^$1 " "$here/versions.txt" 2>/dev/null || true)
    if [ -n "$line" ]; then echo "$1$2${line#* }"; else echo "$1"; fi
}

locked() { # separator, then arguments: flags stay, names get their versions
    separator=$1
    shift
    for argument; do
        case "$argument" in
        -*) echo "$argument" ;;
        *) pinned "$argument" "$separator" ;;
        esac
    done
}

case "$(basename "$wanted")" in
apt | apt-get)
    export DEBIAN_FRONTEND=noninteractive
    case "$verb" in
    install | update | upgrade)
        apt-get -q -o APT::Update::Error-Mode=any update
        [ "$verb" != update ] || exit 0
        # shellcheck disable=SC2046 # one word each
        exec apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends "$verb" $(locked = "$@")
        ;;
    clean)
        apt-get clean
        rm -rf /var/lib/apt/lists/* /var/log/apt/* /var/log/dpkg.log /var/cache/ldconfig/aux-cache
        ;;
    *) exec apt-get "$verb" "$@" ;;
    esac
    ;;
*)
    options=""
    case "$(basename "$wanted")" in
    # As ansible-builder's scripts do where they see it by its own name.
    microdnf) options="--nodocs --setopt=install_weak_deps=0" ;;
    dnf | yum) [ ! -f "$here/ca.pem" ] || options="--setopt=sslcacert=$here/ca.pem" ;;
    esac
    case "$verb" in
    install | update | upgrade)
        # shellcheck disable=SC2046,SC2086
        exec "$wanted" "$verb" $options $(locked - "$@")
        ;;
    *) exec "$wanted" "$verb" "$@" ;;
    esac
    ;;
esac
