"""`aws dynamodb restore-table-to-point-in-time`, which DynamoDB Local does not have: copies a table of the
database of snapshots under the new name."""

import argparse
import os

import boto3
from tables import copy

parser = argparse.ArgumentParser()
parser.add_argument("command", nargs=2)
parser.add_argument("--source-table-name", required=True)
parser.add_argument("--target-table-name", required=True)
parser.add_argument("--restore-date-time", required=True)
options = parser.parse_args()

live = boto3.client("dynamodb")
snapshots = boto3.client("dynamodb", aws_access_key_id=os.environ["SNAPSHOTS"], aws_secret_access_key="secret")
copy(snapshots, options.source_table_name, live, options.target_table_name)
