# Builds a preset with its progress on the screen; sourced by deploy/quickstart and tests/run. Everything said is in build/PRESET.log.

# build_progress: of ninja's lines on stdin, where it is: in place on a terminal, else a line every 30 s
build_progress() {
    local line at shown=$SECONDS
    while IFS= read -r line; do
        case $line in
        '['*'] '*) at=${line%%]*}] ;;
        *) continue ;;
        esac
        if [ -t 1 ]; then
            printf '\r    %s ' "$at"
        elif [ $((SECONDS - shown)) -ge 30 ]; then
            shown=$SECONDS
            printf '    %s\n' "$at"
        fi
    done
    if [ -t 1 ]; then
        printf '\r\033[K'
    fi
}

# build_preset PRESET [TARGET…]: without targets all of them
build_preset() {
    local preset=$1 log=build/$1.log
    shift
    mkdir -p build
    if ! cmake --preset "$preset" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
    elif (
        set -o pipefail
        NINJA_STATUS='[%f/%t] ' cmake --build --preset "$preset" ${1:+--target "$@"} 2>&1 | tee -a "$log" | build_progress
    ); then
        return 0
    else # what failed and what it said, without the other targets
        sed '1,/^-- Build files have been written/d; /^\[[0-9]*\/[0-9]*\] /d' "$log" | tail -n 40 >&2
    fi
    echo "the build failed; all of its output: $log" >&2
    return 1
}
