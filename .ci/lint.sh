#!/usr/bin/env bash
# Formatters and linters for JavaScript, CSS, Python, shell and GitHub's workflows.
#
#   .ci/lint.sh          checks
#   .ci/lint.sh --fix    formats and applies safe fixes, then checks
#
# Settings: biome.json, ruff.toml, .shellcheckrc, .editorconfig.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/install.sh

export PIP_DISABLE_PIP_VERSION_CHECK=1
export PATH="$PWD/target/venv-lint/bin:$PWD/.ci/node_modules/.bin:$PATH"
venv venv-lint .ci/requirements-lint.txt
node_modules .ci

mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
if [[ ${1:-} == --fix ]]; then
    biome check --write || true
    ruff check --fix --exit-zero --quiet
    ruff format --quiet
    shfmt --write "${scripts[@]}"
fi

biome ci --error-on-warnings
ruff check
ruff format --check
shellcheck "${scripts[@]}"
shfmt --diff "${scripts[@]}"
actionlint
# Offline, because zizmor otherwise queries GitHub for each action.
zizmor --offline --quiet .github

# Every step must run in a workflow, by name or because another step needs it.
listed=$(.ci/run --list)
mapfile -t forgotten < <(comm -23 <(awk '{ print $1 }' <<<"$listed" | sort) <(
    {
        sed -n 's/.* needs: \([a-z ]*\).*/\1/p' <<<"$listed"
        sed -n 's/.* steps: \([a-z ]*\).*/\1/p; s/.*run: .ci\/run //p' .github/workflows/*.yml
    } | tr -s ' ' '\n' | sort -u
))
if ((${#forgotten[@]})); then
    echo "steps without a workflow: ${forgotten[*]}" >&2
    exit 1
fi
