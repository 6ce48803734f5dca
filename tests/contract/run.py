#!/usr/bin/env python3
"""What openapi.json says, against a running server: schemathesis makes up requests that
follow the description and some that do not, and holds every answer against it.

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

# Of each operation and phase; the same ones in every run.
EXAMPLES, SEED = "15", "1"

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"

# The first would end the session that all others use. The second asks GitHub for its keys,
# which is 503 where there is no GitHub.
LEFT_OUT = ("/logout", "/secret-scanning/github")


def main() -> None:
    with Step("schemathesis is installed"):
        schemathesis = Path(install.python(HERE)).with_name("schemathesis")
    with tempfile.TemporaryDirectory(prefix="upblit-contract-") as directory:
        with Server(str(BINARY), Path(directory)) as server:
            session = someone_signs_in(Api(server.url))
            with Step("every answer is as the description says"):
                explore(schemathesis, server.url, session, Path(directory))


def explore(schemathesis: Path, url: str, session: Session, directory: Path) -> None:
    application = session.call("POST", "/applications", {"name": "Contract"}).expect(201).json["id"]
    key = session.call("POST", f"/apikey?ApplicationId={application}").expect(200).json
    command = [schemathesis, "run", f"{url}/openapi.json", "--checks", CHECKS]
    command += ["--max-examples", EXAMPLES, "--seed", SEED]
    command += ["--header", f"Authorization: Bearer {session.access_token}", "--header", f"x-api-key: {key}"]
    command += [word for path in LEFT_OUT for word in ("--exclude-path", path)]
    ended = subprocess.run(
        command, check=False, cwd=directory, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    _, _, failures = ended.stdout.partition("= FAILURES =")
    assert ended.returncode == 0, failures or ended.stdout + ended.stderr
    print(next(line.strip() for line in ended.stdout.splitlines() if "generated" in line))


if __name__ == "__main__":
    main()
