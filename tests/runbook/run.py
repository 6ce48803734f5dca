#!/usr/bin/env python3
"""Runs every shell command of docs/operations.md, restores first: with the AWS CLI, against DynamoDB Local
and moto, and against a running server for `curl` and `upblit check`. Also the commands of docs/leaked-keys.md, and those
of docs/deploy.md that remove a deployment.

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
OPERATIONS = ROOT / "docs" / "operations.md"
LEAKED_KEYS = ROOT / "docs" / "leaked-keys.md"
DEPLOY = ROOT / "docs" / "deploy.md"
REMOVE = "Remove the deployment"

# Names of keys.
USED, SPARE, IN_AN_ALERT = "used", "spare", "in an alert"

INTERPRETER = install.python(HERE)
if os.environ.get("UPBLIT_RUNBOOK") != INTERPRETER:
    os.execve(INTERPRETER, [INTERPRETER, __file__], {**os.environ, "UPBLIT_RUNBOOK": INTERPRETER})

from tables import TABLES, copy_tables, erase, items, snapshot  # noqa: E402
from walkthrough import Api, Server, Session, Step, free_port, someone_signs_in, traces  # noqa: E402
from world import World  # noqa: E402


def sections(manual: Path) -> dict[str, list[str]]:
    """The shell blocks of a manual by heading, and the `aws` commands of its tables."""
    found: dict[str, list[str]] = {}
    heading, block = "", None
    for line in manual.read_text().splitlines():
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
    by_owner, with_the_key, by_operator = blocks
    world.run(by_owner.replace("L000000000000000000", world.key_id(SPARE)))
    keys = world.session.get(f"/apikey?ApplicationId={world.application}").expect(200).json["keys"]
    assert world.key_id(SPARE) not in {key["id"] for key in keys if key["status"] == "active"}, keys
    assert f"key {world.key_id(SPARE)}: revoked\n" in world.run(with_the_key, stdin=f"KEY={world.keys[SPARE]}\n")
    assert world.state_of_key(SPARE) == "revoked"
    world.run(by_operator.replace("L000000000000000000", world.key_id(USED)))
    assert world.state_of_key(USED) == "disabled"
    unknown = world.bash(by_operator.replace("L000000000000000000", "L" + "0" * 18))
    assert "ConditionalCheckFailed" in unknown.stderr, "an unknown key was created"


def revokes_the_keys_of_alerts(world: World, blocks: list[str]) -> None:
    world.env["SECRETS"] = f"ghp_16C7e42F292c6912E7710c838347Ae178B4a\n{world.keys[IN_AN_ALERT]}"
    printed = world.run(blocks[0])
    assert printed == f"key {world.key_id(IN_AN_ALERT)}: revoked\n1 keys found\n", printed
    assert world.state_of_key(IN_AN_ALERT) == "revoked"


def revokes_a_key_by_hand(world: World, blocks: list[str]) -> None:
    by_operator, by_owner = blocks
    assert "was revoked before" in world.run(by_operator, stdin=world.keys[IN_AN_ALERT])
    by_owner = by_owner.replace("https://api.example.com", world.api)
    world.run(by_owner.replace("L000000000000000000", world.key_id(IN_AN_ALERT)))


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


def removes_the_deployment(world: World, blocks: list[str]) -> None:
    """Also what is left of a first deployment that failed."""
    stack, tables = blocks
    assert sorted(world.run(stack).split()) == sorted(TABLES.values())
    assert world.recorded("sam delete --stack-name upblit")
    assert sorted(world.dynamodb.list_tables()["TableNames"]) == sorted(TABLES.values())
    world.run(f"{stack}\n{tables}")
    assert world.dynamodb.list_tables()["TableNames"] == []


# Of the page about leaked keys.
LEAK_DRILLS: dict[str, Callable[[World, list[str]], None]] = {
    "Let GitHub find keys in your organization": revokes_the_keys_of_alerts,
    "Revoke a key by hand": revokes_a_key_by_hand,
}

# Of the operations manual, in the order of execution. A heading with commands and without a drill fails.
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
    found, of_leaks = sections(OPERATIONS), sections(LEAKED_KEYS)
    with Step("every command of the manuals has a drill"):
        assert found.keys() == DRILLS.keys(), found.keys() ^ DRILLS.keys()
        assert of_leaks.keys() == LEAK_DRILLS.keys(), of_leaks.keys() ^ LEAK_DRILLS.keys()
    # The drill that deletes the user comes last.
    drills = {**LEAK_DRILLS, **DRILLS}
    blocks = {**of_leaks, **found}
    with tempfile.TemporaryDirectory(prefix="upblit-runbook-") as directory:
        with Server(str(BINARY), Path(directory)) as server:
            api = Api(server.url)
            session = someone_signs_in(api)
            application, keys = uses_the_product(api, session)
            with World(Path(directory), BINARY, free_port(), server.url, found["Operations"][0]) as world:
                world.session, world.application, world.keys = session, application, keys
                with Step("the tables are copied to DynamoDB Local"):
                    copy_tables(
                        world.client("dynamodb", server.engine.host.geturl(), server.engine.access_key), world.dynamodb
                    )
                    snapshot(world.dynamodb, world.snapshots)
                restores_first = sorted(drills, key=lambda heading: heading != "Restore a table")
                for heading in restores_first:
                    with Step(heading):
                        world.forget()
                        drills[heading](world, blocks[heading])
                with Step(REMOVE):
                    world.forget()
                    removes_the_deployment(world, sections(DEPLOY)[REMOVE])
    print(f"{Step.passed} steps passed")


def uses_the_product(api: Api, session: Session) -> tuple[str, dict[str, str]]:
    """Returns an application that has telemetry, and its keys."""
    application = session.creates_an_application("Runbook")
    keys = {name: session.mints_a_key(application, name) for name in (USED, SPARE, IN_AN_ALERT)}
    with Step("telemetry is stored"):
        api.ingest(keys[USED], "traces", traces(3)).accepts(3)
        deadline = time.monotonic() + 10
        while not session.get(f"/telemetry/traces?applicationId={application}").expect(200).json["traces"]:
            assert time.monotonic() < deadline, "no trace is listed"
            time.sleep(0.2)
    return application, keys


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{error.stdout or ''}\n{error.stderr or ''}")
