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

# as_root COMMAND…: by sudo when we are not root; without sudo it says what to do
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "this needs root: install sudo, or run as root: $*" >&2
        return 1
    fi
}

# quietly COMMAND…: its output only when it fails
quietly() {
    local output
    if ! output=$("$@" 2>&1); then
        printf '%s\n' "$output" | tail -n 30 >&2
        return 1
    fi
}

# install_packages NAME…
install_packages() {
    local missing
    # shellcheck disable=SC2046 # names have no spaces
    missing=$(echo $(missing_packages "$@"))
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "this needs Debian 12 (apt-get) or these packages' equivalents, installed: $missing" >&2
        return 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "missing packages: $missing" >&2
        echo "run as root, or install sudo, or as root: apt-get install $missing" >&2
        return 1
    fi
    as_root true || return 1 # asks for a password while its prompt can be seen
    echo "installing: $missing"
    # shellcheck disable=SC2086
    if ! quietly as_root apt-get update -qq ||
        ! quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; then
        echo "apt-get could not install: $missing" >&2
        echo "put its sources or the network right (tried on Debian 12) and run this again" >&2
        return 1
    fi
}

# fetch_package NAME DIR: unpacks Debian's package below DIR, without installing it: no service is started or disturbed
fetch_package() {
    local name=$1 dir=$2/$1 new=$2/$1.new
    [ -d "$dir/usr" ] && return 0
    echo "fetching Debian's $name"
    rm -rf "$dir" "$new"
    mkdir -p "$new"
    if ! (cd "$new" && apt-get download -qq "$name" >/dev/null 2>&1); then
        quietly as_root apt-get update -qq || return 1
        (cd "$new" && quietly apt-get download -qq "$name") || {
            echo "apt-get could not download Debian's $name" >&2
            return 1
        }
    fi
    dpkg-deb -x "$new/$name"_*.deb "$new" || return 1
    rm -f "$new/$name"_*.deb
    mv "$new" "$dir" # whole or not at all
}

# fetch_prometheus DIR: the program is DIR/prometheus/usr/bin/prometheus
fetch_prometheus() {
    fetch_package prometheus "$1"
}

# fetch_alertmanager DIR: the program is DIR/prometheus-alertmanager/usr/alertmanager, to be run in that folder: Debian's reads
# its default template from /usr/share, where nothing is installed, so in this copy the path is relative
fetch_alertmanager() {
    local usr=$1/prometheus-alertmanager/usr
    fetch_package prometheus-alertmanager "$1" || return 1
    [ -x "$usr/alertmanager" ] && return 0
    LC_ALL=C sed 's|/usr/share/prometheus|././/share/prometheus|g' "$usr/bin/prometheus-alertmanager" >"$usr/alertmanager.$$" &&
        chmod 755 "$usr/alertmanager.$$" && mv "$usr/alertmanager.$$" "$usr/alertmanager"
}
