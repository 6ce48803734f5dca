#!/usr/bin/env bash
# Deploys what `sam build` has built to a stack that exists, verifies it with `upblit check`, and then
# watches the alarms of the stack. If the verification fails, or an alarm goes off, it deploys the
# previous template again.
#
#   STACK=upblit .github/deploy/deploy.sh
#
# Settings:
#   STACK                the stack
#   AWS_EXECUTION_ROLE   role for CloudFormation (without: the role of the caller)
#   UPBLIT_CHECK_KEY     API key for the round trip of `upblit check`, with the scopes
#                        ingest:traces and telemetry:read (without: no round trip)
#   WATCH_MINUTES        how long alarms are watched (default: 5)
#   UPBLIT               command of Upblit (default: built from this checkout)
#
# Exit codes: 0 deployed; 1 not deployed, the stack is as before; 2 the stack is not as before.
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${STACK:?the name of the stack}"
watch_minutes=${WATCH_MINUTES:-5}
seconds_between_looks=${SECONDS_BETWEEN_LOOKS:-30}
read -ra upblit <<<"${UPBLIT:-cargo run --quiet --bin upblit --}"
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT

say() {
    printf '%s\n' "$*" >&2
}

output() {
    aws cloudformation describe-stacks --stack-name "$STACK" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

# Parameters keep the values that the stack has.
deploy() {
    local role=()
    if [[ -n ${AWS_EXECUTION_ROLE:-} ]]; then role=(--role-arn "$AWS_EXECUTION_ROLE"); fi
    sam deploy --template-file "$1" --stack-name "$STACK" --capabilities CAPABILITY_IAM --resolve-s3 \
        --no-confirm-changeset --no-fail-on-empty-changeset "${role[@]}"
}

verify() {
    local api
    api=$(output ApiUrl) || return
    "${upblit[@]}" check "$api"
}

# The names of the stack's alarms that are going off, one on each line.
alarms() {
    local names
    names=$(aws cloudformation list-stack-resources --stack-name "$STACK" --output text \
        --query "StackResourceSummaries[?ResourceType=='AWS::CloudWatch::Alarm'].[PhysicalResourceId]") ||
        return
    readarray -t names <<<"$names"
    aws cloudwatch describe-alarms --alarm-names "${names[@]}" --state-value ALARM --output text \
        --query 'MetricAlarms[].[AlarmName]' | sort
}

# Fails as soon as an alarm goes off that did not before the deployment, or alarms cannot be read.
watch() {
    local end=$((SECONDS + watch_minutes * 60)) new
    while :; do
        alarms >"$files/after" || return
        new=$(comm -13 "$files/before" "$files/after")
        if [[ -n $new ]]; then
            say "alarm: ${new//$'\n'/, }"
            return 1
        fi
        if ((SECONDS >= end)); then return 0; fi
        sleep "$seconds_between_looks"
    done
}

restore() {
    say "restoring the previous deployment: $1"
    if deploy "$files/previous.yaml" && verify; then
        say "the stack is as before"
        exit 1
    fi
    say "THE STACK IS NOT AS BEFORE: see docs/operations.md, Roll back"
    exit 2
}

aws cloudformation get-template --stack-name "$STACK" --template-stage Original --output text \
    --query TemplateBody >"$files/previous.yaml"
alarms >"$files/before"
# If this fails, CloudFormation itself restores what was there.
deploy .aws-sam/build/template.yaml
verify || restore "the check has failed"
watch || restore "alarms"
say "deployed"
