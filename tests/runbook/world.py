"""Everything that the commands of the manual talk to."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from tables import TABLES, items
from walkthrough import Session

HERE = Path(__file__).resolve().parent
REGION = "eu-central-1"

# DynamoDB Local has a database for each access key id.
LIVE, SNAPSHOTS = "RUNBOOK", "SNAPSHOTS"


class World:
    """An account with a deployed stack: moto, DynamoDB Local, and `PATH` with the stand-ins in bin/."""

    session: Session
    application: str
    keys: dict[str, str]

    def __init__(self, directory: Path, binary: Path, port: int, api: str, preamble: str):
        self.log = directory / "commands"
        self.moto_log = directory / "moto.log"
        self.port, self.api, self.preamble = port, api, preamble
        self.moto_url = f"http://127.0.0.1:{port}"
        self.dynamodb_url = os.environ["UPBLIT_TEST_DYNAMODB"]
        self.dynamodb = self.client("dynamodb", self.dynamodb_url, LIVE)
        self.snapshots = self.client("dynamodb", self.dynamodb_url, SNAPSHOTS)
        tools = Path(sys.executable).parent
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "PATH": f"{HERE / 'bin'}:{tools}:{os.environ['PATH']}",
            "AWS_CLI": str(tools / "aws"),
            "AWS_ENDPOINT_URL": self.moto_url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.dynamodb_url,
            "AWS_ACCESS_KEY_ID": LIVE,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_PAGER": "",
            "UPBLIT": str(binary),
            "RECORD": str(self.log),
            "SNAPSHOTS": SNAPSHOTS,
        }

    def __enter__(self) -> "World":
        server = [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self.moto_log.open("wb") as log:
            self.moto = subprocess.Popen(server, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while "Running on" not in self.moto_log.read_text():
            assert self.moto.poll() is None and time.monotonic() < deadline, self.moto_log.read_text()
            time.sleep(0.1)
        self.secrets = self.client("secretsmanager", self.moto_url, LIVE)
        self.topics = self.client("sns", self.moto_url, LIVE)
        self.deploy()
        return self

    def __exit__(self, *_) -> None:
        self.moto.terminate()
        self.moto.wait()

    def client(self, service: str, url: str, access_key: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key="secret",
        )

    def deploy(self) -> None:
        """Creates a stack that has the outputs of template.yaml."""
        self.secret_arn = self.secrets.create_secret(Name="jwt", SecretString="the first signing secret")["ARN"]
        values = {
            "ApiUrl": self.api,
            "ApiLogGroup": "/upblit/upblit/api",
            "JwtSecretArn": self.secret_arn,
            "AlarmTopicArn": self.topics.create_topic(Name="alarms")["TopicArn"],
            **{f"{name}TableName": table for name, table in TABLES.items()},
        }
        described = (HERE.parents[1] / "template.yaml").read_text().partition("\nOutputs:\n")[2]
        assert all(f"\n  {name}:\n" in f"\n{described}" for name in values), "an output is not in the template"
        # Manuals read their names from the stack. The tables themselves are in DynamoDB Local.
        keys = {
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        template = {
            "Resources": {
                f"{name}Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": table, **keys}}
                for name, table in TABLES.items()
            },
            "Outputs": {name: {"Value": value} for name, value in values.items()},
        }
        stacks = self.client("cloudformation", self.moto_url, LIVE)
        stacks.create_stack(StackName="upblit", TemplateBody=json.dumps(template))

    def bash(self, commands: str, stdin: str = "") -> subprocess.CompletedProcess:
        """Runs commands as the manual says, after those at its beginning."""
        script = f"{self.preamble}\n{commands}"
        env = {**self.env, "TOKEN": self.session.access_token}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            check=False,
            env=env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def run(self, commands: str, stdin: str = "") -> str:
        """Runs commands that must succeed, and returns what they print."""
        done = self.bash(commands, stdin)
        assert done.returncode == 0, f"{commands}\n{done.returncode}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def upblit(self, *arguments: str) -> subprocess.CompletedProcess:
        command = [self.env["UPBLIT"], *arguments]
        return subprocess.run(command, check=False, env=self.env, capture_output=True, text=True, timeout=60)

    def key_id(self, name: str) -> str:
        """The id of a key: what follows its prefix, without the secret."""
        return self.keys[name].removeprefix("upblit_live_")[:19]

    def state_of_key(self, name: str) -> str:
        """The state of a key in DynamoDB Local."""
        sort_key = self.key_id(name)[11:]
        [key] = [key for key in items(self.dynamodb, TABLES["ApiKeys"]) if key["key_id"]["S"] == sort_key]
        return key["state"]["S"]

    def forget(self) -> None:
        """Clears the record of commands."""
        self.log.write_text("")

    def recorded(self, command: str) -> int:
        """Number of calls that begin with this command."""
        return sum(line.startswith(command) for line in self.log.read_text().splitlines())

    def secret(self, stage: str) -> "str | None":
        """The signing secret at a stage."""
        try:
            return self.secrets.get_secret_value(SecretId=self.secret_arn, VersionStage=stage)["SecretString"]
        except self.secrets.exceptions.ResourceNotFoundException:
            return None

    def versions(self) -> list[list[str]]:
        """The stages of each version of the signing secret."""
        versions = self.secrets.list_secret_version_ids(SecretId=self.secret_arn, IncludeDeprecated=True)["Versions"]
        return [version["VersionStages"] for version in versions]

    def subscriptions(self) -> list[str]:
        return [subscription["Endpoint"] for subscription in self.topics.list_subscriptions()["Subscriptions"]]
