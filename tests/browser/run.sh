#!/usr/bin/env bash
# Tests the dashboard in a real browser, against target/debug/upblit.
#
#   tests/browser/run.sh                  all specs
#   tests/browser/run.sh specs/session*   some specs
#   tests/browser/run.sh --firefox        the same in Firefox; patterns of specs may follow
#   tests/browser/run.sh --screenshots    writes docs/screenshots/*.png
#
# Installs missing tools: Node.js, Chromium, Firefox and fonts from Debian, packages from npm.
# The variables CHROMIUM, FIREFOX and UPBLIT select other binaries, CONCURRENCY the number of specs at a
# time, and UPBLIT_STACKS servers other than upblit (support/server.js).
set -euo pipefail
cd "$(dirname "$0")"

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

install() {
    echo "installing $*" >&2
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

first_of() {
    local name
    for name in "$@"; do
        if type -P "$name"; then return; fi
    done
    return 1
}

find_chromium() {
    first_of ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome-stable google-chrome
}

find_firefox() {
    first_of ${FIREFOX:+"$FIREFOX"} firefox-esr firefox
}

command -v npm >/dev/null || install nodejs npm
if [[ ${1:-} == --firefox ]]; then
    shift
    find_firefox >/dev/null || install firefox-esr
    FIREFOX=$(find_firefox)
    export FIREFOX
else
    # The specs take it for the browser if it is set.
    unset FIREFOX
    find_chromium >/dev/null || install chromium
    CHROMIUM=$(find_chromium)
    export CHROMIUM
fi
UPBLIT=${UPBLIT:-$(cd ../.. && pwd)/target/debug/upblit}
export UPBLIT

if [[ ! -x $UPBLIT ]]; then
    echo "$UPBLIT does not exist: run cargo build first, or set UPBLIT" >&2
    exit 1
fi
# Run `npm ci` only after a change, because it reinstalls everything.
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --no-audit --no-fund --silent
    cp package-lock.json node_modules/.installed
fi

if [[ ${1:-} == --screenshots ]]; then
    fc-list | grep -q Inter || install fontconfig fonts-inter fonts-jetbrains-mono
    exec node screenshots.js
fi
# Patterns are relative to this folder, so they are expanded here.
# shellcheck disable=SC2206
specs=($@)
((${#specs[@]})) || specs=(specs/*.test.js)
# Sequential by default, because each spec starts a server and a browser.
exec node --test --test-concurrency="${CONCURRENCY:-1}" --test-reporter=spec "${specs[@]}"
