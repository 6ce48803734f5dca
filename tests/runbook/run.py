#!/usr/bin/env python3
"""Runs every shell command of docs/operations.md, restores first: with the AWS CLI, against DynamoDB Local
and moto, and against a running server for `curl` and `upblit check`.

    .ci/run runbook

Commands that neither of the two can do are validated by the AWS CLI and not sent; see bin/aws. `sam`, `git`
and `pip` are only recorded, and `sleep` does not wait.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import install  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINARY = ROOT / "target" / "debug" / "upblit"
MANUAL = ROOT / "docs" / "operations.md"

INTERPRETER = install.python(HERE)
if os.environ.get("UPBLIT_RUNBOOK") != INTERPRETER:
    os.execve(INTERPRETER, [INTERPRETER, __file__], {**os.environ, "UPBLIT_RUNBOOK": INTERPRETER})

from tables import TABLES, copy_tables, erase, items, snapshot  # noqa: E402
from walkthrough import Api, Server, Session, Step, free_port, someone_signs_in, traces  # noqa: E402
from world import World  # noqa: E402


def sections() -> dict[str, list[str]]:
    """The shell blocks of the manual by heading, and the `aws` commands of its tables."""
    found: dict[str, list[str]] = {}
    heading, block = "", None
    for line in MANUAL.read_text().splitlines():
        commands = []
        if block is None and line.startswith("#"):
            heading = line.lstrip("# ")
        elif block is None and line == "```sh":
            block = []
        elif block is None:
            commands = re.findall(r"`(aws [^`]*)`", line)
        elif line == "```":
            commands, block = ["\n".join(block) + "\n"], None
        else:
            block.append(line)
        if commands:
            found.setdefault(heading, []).extend(commands)
    return found


def restores(world: World, blocks: list[str]) -> None:
    """Each table that may be restored loses its items, and gets them back."""
    copy_back, repair = "\n".join(blocks[:2]), blocks[2]
    for name in ("Users", "Applications", "ApiKeys", "Telemetry"):
        with Step(f"{name} is restored"):
            table = TABLES[name]
            before = items(world.dynamodb, table)
            assert before, f"{table} is empty from the start"
            erase(world.dynamodb, table)
            lost = world.upblit("admin", "check", "--stack", "upblit")
            assert name == "Telemetry" or lost.returncode == 1, f"nothing is missing: {lost.stdout}"
            printed = world.run(copy_back.replace("UsersTableName", f"{name}TableName"))
            assert f"{len(before)} items" in printed, printed
            assert items(world.dynamodb, table) == before
            assert sorted(world.dynamodb.list_tables()["TableNames"]) == sorted(TABLES.values())
            world.run(repair)
            checked = world.upblit("admin", "check", "--stack", "upblit")
            assert checked.returncode == 0, checked.stdout
    with Step("an older copy of the settings is repaired"):
        key = {
            name: value for name, value in items(world.dynamodb, TABLES["ApiKeys"])[0].items() if name.endswith("_id")
        }
        world.dynamodb.update_item(
            TableName=TABLES["ApiKeys"],
            Key=key,
            UpdateExpression="SET retention_days = :days",
            ExpressionAttributeValues={":days": {"N": "7"}},
        )
        dry, done = repair.splitlines()
        planned = world.run(dry)
        assert planned.strip(), "nothing to repair"
        assert world.run(dry) == planned, "a dry run changed something"
        world.run(done)
        assert world.upblit("admin", "check", "--stack", "upblit").returncode == 0


def rotates_the_signing_key(world: World, blocks: list[str]) -> None:
    old = world.secret("AWSCURRENT")
    world.run(blocks[0])
    assert world.secret("AWSPREVIOUS") == old
    assert len(world.secret("AWSCURRENT")) == 64 and world.secret("AWSCURRENT") != old
    assert world.secret("AWSPENDING") is None
    assert world.recorded("sleep 360") == 2


def replaces_a_leaked_secret(world: World, blocks: list[str]) -> None:
    leaked = {world.secret("AWSCURRENT"), world.secret("AWSPREVIOUS")}
    world.run(blocks[0])
    now = {world.secret("AWSCURRENT"), world.secret("AWSPREVIOUS")}
    assert len(now) == 2 and not now & leaked, world.versions()


def revokes_a_key(world: World, blocks: list[str]) -> None:
    by_owner, by_operator = blocks
    world.run(by_owner.replace("L000000000000000000", world.spare_key_id))
    keys = world.session.get(f"/apikey?ApplicationId={world.application}").expect(200).json["keys"]
    assert world.spare_key_id not in {key["id"] for key in keys if key["status"] == "active"}, keys
    world.run(by_operator.replace("L000000000000000000", world.key_id))
    [key] = [key for key in items(world.dynamodb, TABLES["ApiKeys"]) if key["key_id"]["S"] == world.key_id[11:]]
    assert key["state"] == {"S": "disabled"}, key
    unknown = world.bash(by_operator.replace("L000000000000000000", "L" + "0" * 18))
    assert "ConditionalCheckFailed" in unknown.stderr, "an unknown key was created"


def raises_shards(world: World, blocks: list[str]) -> None:
    world.run(blocks[0].replace("L0000000000", world.application))
    assert world.session.get(f"/applications/{world.application}").expect(200).json["shards"] == 4


def manages_users(world: World, blocks: list[str]) -> None:
    user = world.session.get("/me").expect(200).json["id"]
    # Without `delete`, which is refused here because it would leave an application without an owner.
    commands = blocks[0].replace("583231", user).strip().splitlines()
    *others, delete = commands
    printed = world.run("\n".join(others))
    assert user in printed and "octocat" in printed, printed
    refused = world.bash(delete)
    assert refused.returncode == 1 and world.application in refused.stdout, refused.stdout
    world.run(delete + " --applications=delete")
    assert not [item for item in items(world.dynamodb, TABLES["Users"]) if item["user_id"]["S"] == user]


def records(*expected: str) -> Callable[[World, list[str]], None]:
    """Runs the blocks, of which these commands must have been called."""

    def run(world: World, blocks: list[str]) -> None:
        for block in blocks:
            world.run(block, stdin="new-client-secret\n")
        for command in expected:
            assert world.recorded(command), f"{command} was not called"

    return run


def subscribes(world: World, blocks: list[str]) -> None:
    for block in blocks:
        world.run(block)
    assert world.subscriptions() == ["https://example.com/hook"]
    assert world.recorded("aws logs tail") == sum(block.count("aws logs tail") for block in blocks)
    assert world.recorded("aws service-quotas request-service-quota-increase")


def checks_the_deployment(world: World, blocks: list[str]) -> None:
    assert "ok" in world.run(blocks[0])


def checks_the_tables(world: World, blocks: list[str]) -> None:
    world.run(blocks[0])


# In the order of execution. A heading with commands and without a drill fails.
DRILLS: dict[str, Callable[[World, list[str]], None]] = {
    "Restore a table": restores,
    "Operations": records("aws cloudformation describe-stacks"),
    "Upgrade": records("git pull --ff-only", "sam build", "sam deploy"),
    "Roll back": records(
        "git switch --detach TAG_OR_COMMIT", "sam build --beta-features", "aws cloudformation cancel-update-stack"
    ),
    "Check a deployment": checks_the_deployment,
    "Alarms": subscribes,
    # moto loses track of the current version once its stage has been moved by hand.
    "After a leak": replaces_a_leaked_secret,
    "Rotate the signing key": rotates_the_signing_key,
    "Change the GitHub client secret": records("sam deploy --parameter-overrides GitHubClientSecret=new-client-secret"),
    "Revoke a leaked key": revokes_a_key,
    "Raise the shards of an application": raises_shards,
    "Check the tables": checks_the_tables,
    "Manage users": manages_users,
}


def main() -> None:
    found = sections()
    with Step("every command of the manual has a drill"):
        assert found.keys() == DRILLS.keys(), found.keys() ^ DRILLS.keys()
    with tempfile.TemporaryDirectory(prefix="upblit-runbook-") as directory:
        with Server(str(BINARY), Path(directory)) as server:
            api = Api(server.url)
            session = someone_signs_in(api)
            application, key, spare = uses_the_product(api, session)
            with World(Path(directory), BINARY, free_port(), server.url, found["Operations"][0]) as world:
                world.session, world.application = session, application
                world.key_id, world.spare_key_id = key, spare
                with Step("the tables are copied to DynamoDB Local"):
                    copy_tables(
                        world.client("dynamodb", server.engine.host.geturl(), server.engine.access_key), world.dynamodb
                    )
                    snapshot(world.dynamodb, world.snapshots)
                for heading, drill in DRILLS.items():
                    with Step(heading):
                        world.forget()
                        drill(world, found[heading])
    print(f"{Step.passed} steps passed")


def uses_the_product(api: Api, session: Session) -> tuple[str, str, str]:
    """Returns an application that has telemetry, and the ids of two of its keys."""
    application = session.creates_an_application("Runbook")
    keys = [session.mints_a_key(application, name) for name in ("used", "spare")]
    with Step("telemetry is stored"):
        api.ingest(keys[0], "traces", traces(3)).accepts(3)
        deadline = time.monotonic() + 10
        while not session.get(f"/telemetry/traces?applicationId={application}").expect(200).json["traces"]:
            assert time.monotonic() < deadline, "no trace is listed"
            time.sleep(0.2)
    prefix = len("upblit_live_")
    first, second = (key[prefix : prefix + 19] for key in keys)
    return application, first, second


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{error.stdout or ''}\n{error.stderr or ''}")
