# scripts/prepare.sh - what ./demo and ./check share: the packages, then the build. Sourced, with `set -eu`.
#
# Debian's packages only. What is there already is skipped; what is missing is named before it is installed.

# To build and run; python3, sqlite3, dig and the rest serve the demo and the tests.
build_packages='gcc libc6-dev make autoconf automake pkg-config libldns-dev libevent-dev libmaxminddb-dev libsqlite3-dev
libcurl4-openssl-dev libssl-dev libjansson-dev libseccomp-dev libcmocka-dev python3'
run_packages='sqlite3 bind9-dnsutils tor-geoipdb procps curl openssl'
# BIND, Knot, NSD and unbound are what the scenarios compare with, transfer to and resolve through; they run as the tests' own
# children.
test_packages='universal-ctags ldnsutils knot-dnsutils mmdb-bin xz-utils bind9 knot nsd unbound python3-dnspython'

say() { printf '%s\n' "$*"; }

# installed PACKAGE
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Where an installation asks whether it may start a service (policy-rc.d(8)), and what it is told meanwhile: no.
policy=/usr/sbin/policy-rc.d
services_forbid() {
    [ ! -e $policy ] || return 0
    trap services_allow EXIT
    trap 'exit 130' INT TERM HUP
    forbidden=yes
    $as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy"
}
services_allow() {
    [ -z "${forbidden:-}" ] || $as_root rm -f $policy
    forbidden=
}

# install PACKAGE...: those of them that are not there; no service is started
install_packages() {
    missing=
    for package; do installed "$package" || missing="$missing $package"; done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        say "This needs Debian's packages$missing, and there is no apt-get here. Install their like and run it again." >&2
        return 1
    fi
    if [ "$(id -u)" = 0 ]; then as_root=; elif command -v sudo >/dev/null; then as_root=sudo; else
        say "This needs the packages$missing. Run as root: apt-get install$missing" >&2
        return 1
    fi
    say "Installing with apt-get:$missing"
    services_forbid
    for try in 1 2; do
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq -y --no-install-recommends \
            install $missing >/dev/null && { services_allow; return 0; }
        [ $try = 2 ] || { say "Refreshing the package lists."; $as_root apt-get -o DPkg::Lock::Timeout=300 -qq update; }
    done
    services_allow
    say "apt-get could not install$missing; see what it says above." >&2
    return 1
}

# build: in the source tree, so that the programs are where the README says
build() {
    [ -x configure ] && [ configure -nt configure.ac ] && [ Makefile.in -nt Makefile.am ] || {
        say 'autoreconf -fi'
        autoreconf -fi >build.log 2>&1 || { cat build.log >&2; return 1; }
    }
    [ -f Makefile ] && [ Makefile -nt configure ] || {
        say "./configure ${configure_flags:-}"
        ./configure -q ${configure_flags:-} >>build.log 2>&1 || { cat build.log >&2; return 1; }
    }
    say "make -j$(nproc)"
    make -s -j"$(nproc)" >>build.log 2>&1 || { tail -n 60 build.log >&2; return 1; }
}
