#!/usr/bin/env bash
# Generates dashboard/types/openapi.d.ts, the types of the API, from openapi.json.
#
#   tests/dashboard/types.sh            writes the file
#   tests/dashboard/types.sh --check    fails if it is out of date
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/install.sh
node_js
node_modules tests/dashboard

types=dashboard/types/openapi.d.ts
fresh=tests/dashboard/node_modules/.openapi.d.ts
tests/dashboard/node_modules/.bin/openapi-typescript openapi.json --output "$fresh" \
    --root-types --root-types-no-schema-prefix >/dev/null

if [[ ${1:-} != --check ]]; then
    cp "$fresh" "$types"
elif ! cmp -s "$fresh" "$types"; then
    echo "$types is out of date: run tests/dashboard/types.sh" >&2
    exit 1
fi
