#!/usr/bin/env python3
"""Counts the instructions of operations on telemetry with Callgrind, and compares them with
baselines.json. Fails if a count differs by more than 5 %, and names the functions that changed most.

    python3 benches/instructions/check.py           # checks
    python3 benches/instructions/check.py --renew   # writes baselines.json

Needs Valgrind. Builds an optimized binary, which takes about a minute.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINARY = ROOT / "target" / "counted" / "instructions"
RESULTS = ROOT / "target" / "callgrind"
BASELINES = HERE / "baselines.json"

# Each is the first argument of the binary.
OPERATIONS = [
    "write spans",
    "write attributes",
    "write otlp",
    "write records",
    "read spans",
    "read records",
    "read trace",
    "read rows",
    "read summary",
    "filter summary",
]

# Repetitions in two runs. The difference between their counts excludes startup and what is made once.
FEW, MANY = 2, 12

# Counts vary by less than 1 % between runs, because hash maps have random seeds. The rest allows for
# other versions of the C compiler and libraries.
ROOM = 0.05

# Functions below this share of an operation are not in baselines.json.
SMALLEST_SHARE = 0.01

# A function in the output of callgrind_annotate: instructions, percentage, file, name, object.
LINE = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+[^:]*:(.+?)(?: \[[^\]]*\])?$")


def run(operation: str, times: int) -> Counter:
    """Runs an operation. Returns the instructions of each function, excluding those of its callees."""
    output = RESULTS / f"{operation.replace(' ', '-')}.{times}"
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}"]
    subprocess.run([*valgrind, BINARY, operation, str(times)], check=True)
    annotate = ["callgrind_annotate", "--auto=no", "--threshold=100", output]
    lines = subprocess.run(annotate, check=True, capture_output=True, text=True).stdout.splitlines()
    functions = Counter()
    for line in lines:
        if (found := LINE.match(line)) and not line.endswith("PROGRAM TOTALS"):
            name = "without a name" if found[2].startswith("0x") else found[2]
            functions[name] += int(found[1].replace(",", ""))
    return functions


def count(operation: str) -> dict:
    """Returns the instructions of one operation, in total and by function."""
    few, many = run(operation, FEW), run(operation, MANY)
    many.subtract(few)
    each = {name: round(taken / (MANY - FEW)) for name, taken in many.items()}
    total = sum(each.values())
    largest = sorted(each.items(), key=lambda function: -function[1])
    return {"total": total, "functions": {name: taken for name, taken in largest if taken >= total * SMALLEST_SHARE}}


def compare(operation: str, now: dict, before: dict) -> bool:
    """Prints one line and, beyond ROOM, the functions that changed most. Returns whether it is within ROOM."""
    change = now["total"] / before["total"] - 1 if before["total"] else 1.0
    print(f"{operation:17} {now['total']:12,} {before['total']:12,} {change:+8.1%}")
    if abs(change) <= ROOM:
        return True
    difference = Counter(now["functions"])
    difference.subtract(before["functions"])
    grown = sorted(difference.items(), key=lambda function: -function[1] if change > 0 else function[1])
    for name, more in grown[:5]:
        print(f"{'':17} {more:+12,} {name}")
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renew", action="store_true", help="write baselines.json")
    renew = parser.parse_args().renew
    subprocess.run(["cargo", "build", "--quiet", "--profile=counted", "--package=instructions"], cwd=ROOT, check=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        counted = dict(zip(OPERATIONS, pool.map(count, OPERATIONS), strict=True))
    if renew:
        BASELINES.write_text(json.dumps(counted, indent=2) + "\n")
        return 0
    baselines = json.loads(BASELINES.read_text())
    print(f"{'operation':17} {'now':>12} {'baseline':>12} {'change':>8}")
    missing = {"total": 0, "functions": {}}
    fits = [compare(operation, now, baselines.get(operation, missing)) for operation, now in counted.items()]
    if all(fits):
        return 0
    print("Instructions differ by more than 5 %. If that is intended: python3 benches/instructions/check.py --renew")
    return 1


if __name__ == "__main__":
    sys.exit(main())
