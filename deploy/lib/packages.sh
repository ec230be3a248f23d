# Debian packages, installed only when missing; sourced by deploy/quickstart and tests/run.
# Needs root or sudo only if something is missing.

BUILD_PACKAGES="gcc g++ cmake ninja-build pkg-config libevent-dev libjson-c-dev libyaml-dev libcurl4-openssl-dev
    libssl-dev libre2-dev libsqlite3-dev uthash-dev libcrypt-dev"

# missing_packages NAME…: those of the names that are not installed
missing_packages() {
    local name
    for name in "$@"; do
        dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || echo "$name"
    done
}

# install_packages NAME…
install_packages() {
    local missing sudo=
    # shellcheck disable=SC2046 # names have no spaces
    missing=$(echo $(missing_packages "$@"))
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        command -v sudo >/dev/null || {
            echo "missing packages: $missing" >&2
            echo "run as root, or install sudo, or: apt-get install $missing" >&2
            return 1
        }
    fi
    echo "installing: $missing"
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive sh -c "
        apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing" >/dev/null
}

# fetch_package NAME DIR: unpacks Debian's package below DIR, without installing it: no service is started or disturbed
fetch_package() {
    local name=$1 dir=$2/$1 sudo=
    [ -d "$dir/usr" ] && return 0
    echo "fetching Debian's $name"
    mkdir -p "$dir"
    if ! (cd "$dir" && apt-get download -qq "$name" >/dev/null 2>&1); then
        [ "$(id -u)" -eq 0 ] || sudo=sudo
        $sudo apt-get update -qq >/dev/null
        (cd "$dir" && apt-get download -qq "$name" >/dev/null)
    fi
    dpkg-deb -x "$dir/$name"_*.deb "$dir"
    rm -f "$dir/$name"_*.deb
}

# fetch_prometheus DIR: the program is DIR/prometheus/usr/bin/prometheus
fetch_prometheus() {
    fetch_package prometheus "$1"
}
