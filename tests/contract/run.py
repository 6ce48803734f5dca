#!/usr/bin/env python3
"""Checks a running server against openapi.json. Schemathesis generates valid and invalid requests from
the description, and checks every response against it.

    cargo build
    python3 tests/contract/run.py           # starts target/debug/upblit itself

Installs schemathesis, at an exact version, into target/contract-venv.
"""

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

# Generated requests for each operation and phase.
EXAMPLES = "15"
# The same in every run, so that results are reproducible.
SEED = "1"

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

# /logout would end the session that all requests use. /secret-scanning/github fetches keys from GitHub
# and returns 503 where it cannot be reached.
EXCLUDED = ("/logout", "/secret-scanning/github")


def main() -> None:
    with Step("schemathesis is installed"):
        schemathesis = Path(install.python(HERE)).with_name("schemathesis")
    with tempfile.TemporaryDirectory(prefix="upblit-contract-") as directory:
        with Server(str(BINARY), Path(directory)) as server:
            session = someone_signs_in(Api(server.url))
            with Step("every response matches the description"):
                explore(schemathesis, server.url, session, Path(directory))


def explore(schemathesis: Path, url: str, session: Session, directory: Path) -> None:
    application = session.call("POST", "/applications", {"name": "Contract"}).expect(201).json["id"]
    key = session.call("POST", f"/apikey?ApplicationId={application}").expect(200).json
    command = [schemathesis, "run", f"{url}/openapi.json", "--checks", CHECKS]
    command += ["--max-examples", EXAMPLES, "--seed", SEED]
    command += ["--header", f"Authorization: Bearer {session.access_token}", "--header", f"x-api-key: {key}"]
    command += [word for path in EXCLUDED for word in ("--exclude-path", path)]
    result = subprocess.run(
        command, check=False, cwd=directory, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    _, _, failures = result.stdout.partition("= FAILURES =")
    assert result.returncode == 0, failures or result.stdout + result.stderr
    print(next(line.strip() for line in result.stdout.splitlines() if "generated" in line))


if __name__ == "__main__":
    main()
