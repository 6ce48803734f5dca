#!/usr/bin/env python3
"""Checks a running server against openapi.json. Schemathesis generates valid and invalid requests from
the description, and checks every response against it.

    cargo build
    python3 tests/contract/run.py           # starts target/debug/upblit itself

Installs schemathesis, at an exact version, into target/contract-venv.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import install  # noqa: E402
from walkthrough import Api, Server, Session, Step, someone_signs_in  # noqa: E402

HERE = Path(__file__).resolve().parent
BINARY = HERE.parents[1] / "target" / "debug" / "upblit"

# /secret-scanning/github fetches keys from GitHub and returns 503 where it cannot be reached.
EXCLUDED = ["reportLeakedKeys"]

# Most of these end sessions, so they run after all others and with their own session.
ENDS_SESSIONS = ["refresh", "signOut", "listSessions", "endSession", "endSessions", "deleteAccount"]

# These take a token or a key, and refuse requests with both, so they get no key. They need a user of
# their own, because the number of applications per user is limited.
READS = ["listTraces", "getTrace", "listLogs", "getMetrics", "listFields", "getDifferences"]

# A user may make 300 changes in a minute, so each group of operations about members has its own user.
TEAM = {
    "mona": ["createApplication", "listMembers", "changeMember", "removeMember"],
    "lisa": ["createApplication", "createInvite", "listInvites", "withdrawInvite"],
    # The first two are linked to the others in openapi.json. Schemathesis requires the linked
    # operations.
    "grace": ["createApplication", "listMembers", "previewInvite", "acceptInvite"],
}
OF_TEAM = sorted({operation for group in TEAM.values() for operation in group} - {"createApplication"})


def main() -> None:
    options = arguments()
    with Step("schemathesis is installed"):
        schemathesis = Path(install.python(HERE)).with_name("schemathesis")
    with tempfile.TemporaryDirectory(prefix="upblit-contract-") as directory:
        with Server(str(BINARY), Path(directory)) as server:
            api = Api(server.url)
            command = [schemathesis, "--config-file", HERE / "schemathesis.toml"]
            command += ["run", f"{server.url}/openapi.json"]
            command += ["--max-examples", options.examples, "--seed", options.seed]
            with_key = [*command, "--header", f"x-api-key: {key_of_another_user(api)}"]
            with Step("every response matches the description"):
                others = EXCLUDED + READS + OF_TEAM + ENDS_SESSIONS
                explore(with_key, someone_signs_in(api), "--exclude-operation-id", others)
            with Step("every response about telemetry matches the description"):
                explore(command, someone_signs_in(api, "rita"), "--include-operation-id", ["createApplication", *READS])
            for user, operations in TEAM.items():
                with Step(f"every response of {operations[-1]} and its like matches the description"):
                    explore(command, someone_signs_in(api, user), "--include-operation-id", operations)
            with Step("every response matches the description while sessions end"):
                explore(command, someone_signs_in(api), "--include-operation-id", ENDS_SESSIONS)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", default="15", help="generated requests for each operation and phase")
    # The same in every run, so that results are reproducible.
    parser.add_argument("--seed", default="1")
    return parser.parse_args()


def key_of_another_user(api: Api) -> str:
    """A key that stays valid while the generated requests delete applications."""
    session = someone_signs_in(api, "hubot")
    return session.mints_a_key(session.creates_an_application("Contract"), "Contract")


def explore(command: list, session: Session, option: str, operations: list[str]) -> None:
    selected = [word for operation in operations for word in (option, operation)]
    token = ["--header", f"Authorization: Bearer {session.access_token}"]
    environment = {**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory(prefix="upblit-contract-") as directory:
        result = subprocess.run(
            [*command, *selected, *token],
            check=False,
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    assert result.returncode == 0, result.stdout + result.stderr
    print(next(line.strip() for line in result.stdout.splitlines() if " generated, " in line))


if __name__ == "__main__":
    main()
