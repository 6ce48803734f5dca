#!/usr/bin/env bash
# Checks the dashboard without a browser: types, and unit tests of modules without DOM access.
#
#   tests/dashboard/run.sh                    types, then all unit tests in each time zone
#   tests/dashboard/run.sh unit/format*       some unit tests, in this machine's time zone
#
# Installs missing tools: Node.js from Debian, packages from npm.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/install.sh
node_js
cd tests/dashboard
if (($#)); then
    # Patterns are relative to this folder, so they are expanded here.
    # shellcheck disable=SC2068
    exec node --test --test-reporter=spec $@
fi

./types.sh --check
node_modules/.bin/tsc --project ../../dashboard/jsconfig.json

# Zones ahead of and behind UTC, whose clocks change by an hour, by half an hour, or never.
for zone in UTC Europe/Berlin America/New_York Australia/Lord_Howe Asia/Kolkata; do
    echo "Unit tests in $zone"
    TZ=$zone node --test --test-reporter=dot unit/*.test.js
done
