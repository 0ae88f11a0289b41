# Sourced by ./demo, ./check and test/fresh/run: what a Debian 12 machine needs, and how the tree is built.
# Everything comes from Debian's own packages.

# To build, to run, and for ./demo: its clocks stand on another day (libfaketime)
packages="meson ninja-build pkg-config gcc libc6-dev \
 libzmq3-dev libsqlite3-dev libssl-dev libconfig-dev libjson-c-dev libxml2-dev \
 libcurl4-openssl-dev libevent-dev zlib1g-dev \
 syslog-ng-core syslog-ng-scl python3 libfaketime"
# To test: unit tests, sanitizers of the compiler (part of gcc), namespaces for a small disk, formatting,
# what independent stand-ins are written in
test_packages="libcmocka-dev clang-format libasan8 libubsan1 libtsan2 iproute2 nftables e2fsprogs procps util-linux gnucobol3 python3-zeep"
# To build the Debian packages and to have them judged
deb_packages="build-essential debhelper dpkg-dev fakeroot lintian man-db"

say() { printf '%s\n' "$*" >&2; }

need_packages() { # installs what is missing of "$@"; asks for nothing
    missing=""
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
        *' installed') ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -n "$missing" ] || return 0
    say "installing:$missing"
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { say "not root and no sudo: please install$missing"; exit 1; }
        as_root="sudo"
    fi
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    # shellcheck disable=SC2086 # a list of words on purpose
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}

# promtool judges the figures in tests. The package is unpacked and not installed: installed it would start a server.
take_promtool() { # take_promtool BUILD_DIRECTORY
    if command -v promtool >/dev/null || [ -x "$1/tools/usr/bin/promtool" ]; then return 0; fi
    mkdir -p "$1/tools"
    if (cd "$1/tools" && apt-get -qq download prometheus >download.log 2>&1 && dpkg -x prometheus_*.deb .); then
        rm -f "$1"/tools/prometheus_*.deb
    else
        cat "$1/tools/download.log" >&2
        say "promtool could not be fetched: its tests are skipped"
    fi
}

build_tree() { # build_tree DIRECTORY [meson options]
    directory=$1
    shift
    if [ ! -f "$directory/build.ninja" ]; then
        /usr/bin/meson setup "$directory" "$@" >"$directory.log" 2>&1 || { cat "$directory.log" >&2; exit 1; }
        rm -f "$directory.log"
    else # what was missing when it was set up may be there by now (cmocka: ./demo does not need it, ./check does)
        /usr/bin/meson configure "$directory" --clearcache >/dev/null
        /usr/bin/meson setup --reconfigure "$directory" "$@" >"$directory/setup.log" 2>&1 ||
            { cat "$directory/setup.log" >&2; exit 1; }
    fi
    ninja -C "$directory" >"$directory/build.log" 2>&1 || { tail -40 "$directory/build.log" >&2; exit 1; }
}
