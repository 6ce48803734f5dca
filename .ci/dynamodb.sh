#!/usr/bin/env bash
# Runs the flow tests against DynamoDB Local, which Amazon wrote, as a second opinion on the embedded
# engine (docs/decisions/0088-a-second-engine.md).
#
#   .ci/dynamodb.sh                 all tests except those in .ci/dynamodb-skips.txt
#   .ci/dynamodb.sh sessions::      some tests
#   .ci/dynamodb.sh --run COMMAND   another command, with the address in UPBLIT_TEST_DYNAMODB
#
# Installs Java from Debian if it is missing. DynamoDB Local comes from npm into target/; its licence
# allows use, but no copy in this repository.
set -euo pipefail
cd "$(dirname "$0")/.."
. .ci/install.sh

package=amplify-dynamodb-simulator
version=2.9.30
sha256=3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9
folder=target/dynamodb-local-$version

fetch() {
    [[ ! -e $folder/emulator/DynamoDBLocal.jar ]] || return 0
    node_js
    local packed=target/$package-$version.tgz
    npm pack --silent --pack-destination target "$package@$version" >/dev/null
    sha256sum --check --quiet <<<"$sha256  $packed"
    rm -rf "$folder.new"
    mkdir -p "$folder.new"
    tar -xzf "$packed" -C "$folder.new" --strip-components 1 package/emulator
    rm "$packed"
    mv "$folder.new" "$folder"
}

command -v java >/dev/null || debian default-jre-headless
fetch
[[ ${1:-} == --run ]] || cargo test -p tests --test flows --no-run

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
log=$PWD/target/dynamodb-local.log
(cd "$folder/emulator" && exec java -Xmx2g -Djava.library.path=DynamoDBLocal_lib -jar DynamoDBLocal.jar \
    -inMemory -disableTelemetry -port "$port" >"$log" 2>&1) &
engine=$!
trap 'kill "$engine" 2>/dev/null || true; wait "$engine" 2>/dev/null || true' EXIT

export UPBLIT_TEST_DYNAMODB=http://127.0.0.1:$port
for _ in {1..150}; do
    # It answers requests without a signature with 400.
    if curl -s --noproxy '*' -o /dev/null "$UPBLIT_TEST_DYNAMODB"; then break; fi
    kill -0 "$engine" 2>/dev/null || {
        cat "$log" >&2
        exit 1
    }
    sleep 0.2
done

if [[ ${1:-} == --run ]]; then
    "${@:2}"
    exit
fi

skips=()
while read -r name _; do
    [[ -z $name || $name == '#' ]] || skips+=(--skip "$name")
done <.ci/dynamodb-skips.txt
cargo test -p tests --test flows -- "${skips[@]}" "$@"
