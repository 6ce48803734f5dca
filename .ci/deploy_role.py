"""Checks that the role of deployments covers each type of resource in template.yaml.

AWS states in the schema of each type what CloudFormation calls to read it. A type that was added
to the template, and not to the role, would fail the next deployment.
"""

import sys
from fnmatch import fnmatchcase

from cfnlint.decode.cfn_yaml import load
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER as SCHEMAS

# Values of secrets, and keys of KMS, which the template does not use.
NOT_ALLOWED = {"secretsmanager:getsecretvalue", "kms:decrypt"}

# What the SAM types become.
SAM = {
    "AWS::Serverless::Function": ["AWS::Lambda::Function", "AWS::Lambda::Permission"],
    "AWS::Serverless::HttpApi": ["AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"],
}


def allowed() -> list[str]:
    role = load(".github/deploy/role.yaml")["Resources"]["ExecutionRole"]
    policies = [policy["PolicyDocument"] for policy in role["Properties"]["Policies"]]
    statements = [statement for policy in policies for statement in policy["Statement"]]
    return [action.lower() for statement in statements for action in statement["Action"]]


def needed(resource_type: str) -> set[str]:
    # Some editions of the schemas have no handlers.
    handlers = SCHEMAS.get_resource_schema("eu-central-1", resource_type).schema.get("handlers", {})
    return {action.lower() for action in handlers.get("read", {}).get("permissions", [])}


def main() -> None:
    resources = load("template.yaml")["Resources"].values()
    types = {kind for resource in resources for kind in SAM.get(resource["Type"], [resource["Type"]])}
    patterns = allowed()
    missing = [
        f"{kind}: {action}"
        for kind in sorted(types)
        for action in sorted(needed(kind) - NOT_ALLOWED)
        if not any(fnmatchcase(action, pattern) for pattern in patterns)
    ]
    if missing:
        sys.exit("the role of deployments lacks\n" + "\n".join(missing))


if __name__ == "__main__":
    main()
