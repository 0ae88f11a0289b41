# Sourced by test/fresh/run and test/packaging/run: a minimal Debian 12 root with this machine's own apt sources.

make_root() { # make_root DIRECTORY PACKAGES-SEPARATED-BY-COMMAS; needs root
    command -v mmdebstrap >/dev/null || apt-get install -y -qq --no-install-recommends mmdebstrap
    # This machine's own sources and settings, so that the same mirror is used. They may need https or a proxy.
    sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null || true)
    settings=""
    for file in /etc/apt/apt.conf.d/*; do
        case $(apt-config dump -c "$file" 2>/dev/null | grep -ci -e proxy -e https) in 0) ;; *) settings="$settings $file" ;; esac
    done
    printf '%s\n' "$sources" | mmdebstrap --quiet --variant=minbase --include="$2" bookworm "$1" - \
        >"$1.log" 2>&1 || { cat "$1.log" >&2; rm -f "$1.log"; exit 1; }
    rm -f "$1.log"
    for file in $settings; do cp "$file" "$1/etc/apt/apt.conf.d/"; done
    [ -d /etc/apt/auth.conf.d ] && cp -r /etc/apt/auth.conf.d "$1/etc/apt/"
    cp /etc/resolv.conf "$1/etc/resolv.conf"
}

in_root() { # in_root DIRECTORY SCRIPT: a mount and PID namespace of its own
    unshare --mount --pid --fork chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        sh -euc "$2"
}
