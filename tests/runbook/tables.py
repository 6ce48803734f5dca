"""The tables of a stack in DynamoDB Local."""

from typing import Any

# By the name in the outputs of the stack: the name that CloudFormation would generate.
TABLES = {
    name: f"upblit-{name}Table-1A2B3C"
    for name in ("Users", "RefreshTokens", "Applications", "ApiKeys", "Telemetry", "ShortLived")
}


def copy_tables(source: Any, target: Any) -> None:
    """Copies the six tables of a local engine, under the names of a stack."""
    local = {name.replace("-", ""): name for name in source.list_tables()["TableNames"]}
    for name, table in TABLES.items():
        copy(source, local[f"upblit{name.lower()}"], target, table)


def snapshot(source: Any, target: Any) -> None:
    """Copies the six tables into another database under the same names."""
    for table in TABLES.values():
        copy(source, table, target, table)


def copy(source: Any, name: str, target: Any, new_name: str) -> None:
    """Creates a table with the keys, indexes and items of another."""
    table = source.describe_table(TableName=name)["Table"]
    indexes = [
        {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
        for index in table.get("GlobalSecondaryIndexes", [])
    ]
    target.create_table(
        TableName=new_name,
        KeySchema=table["KeySchema"],
        AttributeDefinitions=table["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )
    for item in items(source, name):
        target.put_item(TableName=new_name, Item=item)


def items(client: Any, table: str) -> list[dict]:
    """All items, in an order of their own."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return sorted((item for page in pages for item in page["Items"]), key=repr_of)


def repr_of(item: dict) -> str:
    return repr(sorted(item.items()))


def erase(client: Any, table: str) -> None:
    """Deletes all items, as an accident would."""
    keys = [key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    for item in items(client, table):
        client.delete_item(TableName=table, Key={key: item[key] for key in keys})
