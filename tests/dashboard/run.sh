#!/usr/bin/env bash
# Checks the dashboard without a browser: types, and unit tests of its pure modules.
#
#   tests/dashboard/run.sh                    types, then all unit tests in each time zone
#   tests/dashboard/run.sh unit/format*       some unit tests, in this machine's time zone
#
# Installs what is missing: Node.js from Debian, packages from npm.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/install.sh
node_js
cd tests/dashboard
if (($#)); then
    # Patterns are expanded here, in the folder they are relative to.
    # shellcheck disable=SC2068
    exec node --test --test-reporter=spec $@
fi

./types.sh --check
node_modules/.bin/tsc --project ../../dashboard/jsconfig.json

# Clocks that change by an hour, by half an hour and never, ahead of UTC and behind.
for zone in UTC Europe/Berlin America/New_York Australia/Lord_Howe Asia/Kolkata; do
    echo "Unit tests in $zone"
    TZ=$zone node --test --test-reporter=dot unit/*.test.js
done
