#!/usr/bin/env python3
"""Runs real OpenTelemetry SDKs against a server, and checks that everything they send can be read.

    cargo build
    python3 tests/clients/run.py            # starts target/debug/upblit itself

The programs python/emit.py and js/emit.mjs are configured only by OTEL_ variables, like those of a
user; python/shop.py and js/shop.cjs contain no OpenTelemetry code and are instrumented automatically.
The script requires only Python's standard library, and installs pinned versions of the SDKs
into target/clients-venv and js/node_modules.
"""

import argparse
import base64
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import install  # noqa: E402
from relay import Relay  # noqa: E402
from walkthrough import Api, Server, Session, Step, someone_signs_in, traces_found  # noqa: E402

HERE = Path(__file__).resolve().parent
OUTAGE_SECONDS = 3
CHECKOUTS = 40
JS_REGISTER = "js/node_modules/@opentelemetry/auto-instrumentations-node/build/src/register.js"


@dataclass
class Sdk:
    """An SDK in one of its configurations."""

    name: str
    command: list
    settings: dict = field(default_factory=dict)

    @property
    def is_js(self) -> bool:
        return self.name.startswith("js")

    @property
    def is_json(self) -> bool:
        return self.settings.get("OTEL_EXPORTER_OTLP_PROTOCOL") == "http/json"


def main() -> None:
    options = arguments()
    with Step("the SDKs are installed"):
        python, node = install.python(HERE), install.node(HERE / "js")
        sdks = every_sdk(python, node)
    started = time.time()
    with tempfile.TemporaryDirectory(prefix="upblit-clients-") as directory:
        with Server(options.binary, Path(directory)) as server:
            session = someone_signs_in(Api(server.url))
            for sdk in sdks:
                everything_is_found(sdk, server.url, Project(session, sdk.name))
            for sdk in (sdk for sdk in sdks if "gzip" in sdk.name):
                an_outage_costs_nothing(sdk, server.url, Project(session, sdk.name))
                a_lost_response_duplicates_nothing(sdk, server.url, Project(session, sdk.name))
                a_rejected_span_costs_no_other(sdk, server.url, Project(session, sdk.name))
                a_wrong_key_is_logged(sdk, server.url)
            metrics_are_no_error(sdks[0], server.url, Project(session, "metrics"))
            for sdk in automatic(python, node):
                nothing_is_lost_with_default_settings(sdk, server.url, Project(session, sdk.name))
    print(f"clients: {Step.passed} passed, 0 failed ({time.time() - started:.0f} s)")


def every_sdk(python: str, node: str) -> list:
    in_python = [python, str(HERE / "python/emit.py")]
    in_js = [node, str(HERE / "js/emit.mjs")]
    sdks = [
        Sdk(f"python sdk, protobuf, {compression}", in_python, {"OTEL_EXPORTER_OTLP_COMPRESSION": compression})
        for compression in ("none", "gzip", "deflate")
    ]
    for protocol in ("json", "protobuf"):
        for compression in ("none", "gzip"):
            settings = {
                "OTEL_EXPORTER_OTLP_PROTOCOL": f"http/{protocol}",
                "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
            }
            sdks.append(Sdk(f"js sdk, {protocol}, {compression}", in_js, settings))
    return sdks


def automatic(python: str, node: str) -> list:
    """Programs that are instrumented automatically, with default settings but for Python's protocol, gRPC."""
    tool = Path(python).with_name("opentelemetry-instrument")
    return [
        Sdk(
            "opentelemetry-instrument",
            [str(tool), python, str(HERE / "python/shop.py")],
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        ),
        Sdk(
            "js automatic instrumentation",
            [node, "--require", str(HERE / JS_REGISTER), str(HERE / "js/shop.cjs")],
            # At the level of warnings, the SDK would log that metrics are rejected.
            {"OTEL_LOG_LEVEL": "error"},
        ),
    ]


# --- Checks of each SDK ---


def everything_is_found(sdk: Sdk, url: str, project: "Project") -> None:
    with Step(f"{sdk.name}: the program logs no errors"):
        _, errors = run(sdk, url, project.key, "story")
        assert not errors, errors
    with Step(f"{sdk.name}: every trace is listed with its name, service, kind, status and error flag"):
        traces = project.traces()
        listed = {name: (row["kind"], row["status"], row["isError"]) for name, row in traces.items()}
        equal(listed, {"nightly import": ("internal", None, False), "POST /checkout": ("server", 502, True)})
        checkout = traces["POST /checkout"]
        equal({row["service"] for row in traces.values()}, {"checkout ☕"})
        equal((checkout["spanCount"], checkout["errorCount"], checkout["hasRoot"]), (7, 2, True))
    detail, nightly = project.trace(checkout), project.trace(traces["nightly import"])
    spans = {span["name"]: span for span in detail["spans"]}
    every_span_is_right(sdk, detail, spans, nightly["spans"][0])
    every_log_is_right(sdk, project.logs(), detail, spans)
    with Step(f"{sdk.name}: 8 spans are counted, 2 of them failed, 1 of 3 requests"):
        total = project.total()
        equal((total["count"], total["errors"]), (8, 2))
        equal((total["requests"]["count"], total["requests"]["errors"]), (3, 1))


def every_span_is_right(sdk: Sdk, detail: dict, spans: dict, nightly: dict) -> None:
    with Step(f"{sdk.name}: every span is found under its parent, with its kind and error flag"):
        equal(sorted(tree(detail["spans"])), sorted(CHECKOUT))
        starts = [span["startTime"] for span in detail["spans"] if span["depth"] == 1]
        assert starts == sorted(starts), f"siblings are not in the order they started: {starts}"
        equal((detail["services"], detail["spanCount"], detail["errorCount"]), (["checkout ☕"], 7, 2))
        assert 15 <= spans["SELECT stock"]["durationMs"] < 5_000, spans["SELECT stock"]
    with Step(f"{sdk.name}: every span is found with its attributes"):
        price = spans["price the basket"]["attributes"]
        equal(shown(price), shown(expected_attributes(sdk)))
    with Step(f"{sdk.name}: HTTP attributes are shown as a request"):
        root = spans["POST /checkout"]
        equal((root["method"], root["url"], root["status"]), ("POST", "/checkout", 502))
        equal(root["statusMessage"], "payment failed")
    with Step(f"{sdk.name}: events are found, including the exception"):
        [discount] = spans["price the basket"]["events"]
        equal((discount["name"], discount["attributes"]), ("discount", {"percent": 12.5, "code": "SOMMER☀"}))
        [exception] = spans["charge card 💳"]["events"]
        equal(exception["name"], "exception")
        equal(exception["attributes"]["exception.message"], "insufficient funds")
        assert "emit." in exception["attributes"]["exception.stacktrace"], exception
        assert "insufficient funds" in spans["charge card 💳"]["statusMessage"], spans["charge card 💳"]
    with Step(f"{sdk.name}: links are found"):
        [link] = spans["send receipt"]["links"]
        equal((link["spanId"], link["attributes"]), (nightly["spanId"], {"why": "prices"}))
        assert len(link["traceId"]) == 32 and link["traceId"] != detail["traceId"], link
    with Step(f"{sdk.name}: every span has its resource and scope"):
        for span in detail["spans"]:
            resource = span["resource"]
            equal((span["service"], resource["team"]), ("checkout ☕", "Küche, hinten"))
            equal(resource["telemetry.sdk.language"], "nodejs" if sdk.is_js else "python")
            equal((span["scope"]["name"], span["scope"]["version"]), ("shop", "1.2.3"))


def every_log_is_right(sdk: Sdk, logs: list, detail: dict, spans: dict) -> None:
    with Step(f"{sdk.name}: every log is found with its level, text, attributes, trace and span"):
        by_level = {log["level"]: log for log in logs}
        equal(sorted(log["level"] for log in logs), ["error", "info", "warn"])
        equal((by_level["info"]["message"], by_level["info"]["attributes"]), ("a basket for ключ 42", {"items": 3}))
        equal((by_level["error"]["message"], by_level["error"]["attributes"]), ("card declined", NESTED))
        equal(json.loads(by_level["warn"]["message"]), {"left": [1, "two"]})
        equal({log["service"] for log in logs}, {"checkout ☕"})
        ids = {log["level"]: (log["traceId"], log["spanId"]) for log in logs}
        within = {name: (detail["traceId"], spans[name]["spanId"]) for name in ("POST /checkout", "ask the bank")}
        equal(ids, {"info": within["POST /checkout"], "error": within["ask the bank"], "warn": (None, None)})
        equal(sorted(log["level"] for log in detail["logs"]), ["error", "info"])


def an_outage_costs_nothing(sdk: Sdk, url: str, project: "Project") -> None:
    with Step(f"{sdk.name}: through {OUTAGE_SECONDS} s of 503, no span is lost or duplicated"):
        with Relay(url).refuse_for(OUTAGE_SECONDS) as relay:
            printed, _ = run(
                sdk, relay.url, project.key, "steady", str(OUTAGE_SECONDS + 1), OTEL_BSP_SCHEDULE_DELAY="500"
            )
        refused = [exchange for exchange in relay.exchanges if exchange.status == 503]
        assert len(refused) >= 2, f"{len(refused)} requests met the outage"
        ticks_are_found_once(int(printed), project)
    waits = [later.at - earlier.at for earlier, later in itertools.pairwise(refused)]
    print(f"     (refused {len(refused)} times, retried after {', '.join(f'{wait:.1f}' for wait in waits)} s)")


def a_lost_response_duplicates_nothing(sdk: Sdk, url: str, project: "Project") -> None:
    with Step(f"{sdk.name}: after a lost response, the same bytes are sent again and stored once"):
        with Relay(url).drop_first_response("/v1/traces") as relay:
            printed, _ = run(sdk, relay.url, project.key, "steady", "1")
        first, again = relay.exchanges[:2]
        equal((first.status, first.is_delivered, again.status, again.is_delivered), (200, False, 200, True))
        assert first.body == again.body, "the SDK sent other bytes"
        ticks_are_found_once(int(printed), project)
    print(f"     (retried after {again.at - first.at:.1f} s)")


def a_rejected_span_costs_no_other(sdk: Sdk, url: str, project: "Project") -> None:
    with Step(f"{sdk.name}: a span from ten days ago is rejected, the others are stored"):
        with Relay(url) as relay:
            _, errors = run(sdk, relay.url, project.key, "old")
        [exchange] = relay.exchanges
        equal((exchange.status, rejected_spans(exchange)), (200, 1))
        equal(project.traces().keys(), {"today", "today too"})
    if sdk.is_js:
        with Step(f"{sdk.name}: the program logs the rejection"):
            assert "Partial Success" in errors and "rejectedSpans" in errors, errors
    else:
        with Step(f"{sdk.name}: this SDK does not log the rejection"):
            assert not errors, f"the SDK now logs it: change this check\n{errors}"


def a_wrong_key_is_logged(sdk: Sdk, url: str) -> None:
    with Step(f"{sdk.name}: the program logs a wrong key"):
        _, errors = run(sdk, url, "upblit_live_wrong", "old")
        assert "401" in errors and "Unauthorized" in errors, errors


def metrics_are_no_error(sdk: Sdk, url: str, project: "Project") -> None:
    with Step(f"{sdk.name}: metrics are rejected, and the program logs no errors"):
        with Relay(url) as relay:
            _, errors = run(sdk, relay.url, project.key, "metrics")
        assert not errors, errors
        equal([(exchange.path, exchange.status) for exchange in relay.exchanges], [("/v1/metrics", 200)])
        equal(rejected_spans(relay.exchanges[0]), 1)


def nothing_is_lost_with_default_settings(sdk: Sdk, url: str, project: "Project") -> None:
    with Step(f"{sdk.name}: of {CHECKOUTS} checkouts every span and log record is found, and no error is logged"):
        with Relay(url) as relay:
            _, errors = run(sdk, relay.url, project.key, str(CHECKOUTS))
        # Ignore the warnings of Node.js about the instrumentation's search for the metadata of a cloud.
        lines = [line for line in errors.splitlines() if "Warning" not in line and "--trace-warnings" not in line]
        assert not lines, errors
        equal({exchange.status for exchange in relay.exchanges}, {200})
        rows = traces_found(project.session, project.id).values()
        equal((len(rows), {row["spanCount"] for row in rows}), (CHECKOUTS, {4}))
        equal(project.total()["count"], 4 * CHECKOUTS)
        # The program in Node.js has no logger that the instrumentation could listen to.
        equal(len(project.logs()), 0 if sdk.is_js else CHECKOUTS)


def ticks_are_found_once(number: int, project: "Project") -> None:
    found = project.traces()
    lost = {f"tick {n}" for n in range(1, number + 1)} ^ found.keys()
    assert not lost, f"{len(lost)} of {number} traces are lost, or not of this program: {sorted(lost)[:5]}"
    equal({row["spanCount"] for row in found.values()}, {2})
    equal(project.total()["count"], 2 * number)


# --- What the programs send ---

# Each span of the story: its parent, name, kind, depth, error flag.
CHECKOUT = [
    ("", "POST /checkout", "server", 0, True),
    ("POST /checkout", "price the basket", "internal", 1, False),
    ("POST /checkout", "SELECT stock", "client", 1, False),
    ("POST /checkout", "charge card 💳", "client", 1, True),
    ("charge card 💳", "ask the bank", "internal", 2, False),
    ("POST /checkout", "send receipt", "producer", 1, False),
    ("send receipt", "deliver receipt", "consumer", 2, False),
]

NESTED = {
    "bytes": base64.b64encode(b"\x00\xff").decode(),
    "map": {"nested": {"deep": [1, "two", True, None]}},
}


def expected_attributes(sdk: Sdk) -> dict:
    """Expected attributes of the span "price the basket". "nothing" has no value, so it is missing."""
    attributes = {
        "text": 'Grüße 🐙, "quoted" \\ and\nmore',
        "empty": "",
        "yes": True,
        "count": -42,
        "ratio": 0.1,
        "texts": ["a", "ü"],
        "numbers": [1, 2, 3],
        "flags": [True, False],
        "none of them": [],
    }
    # JSON has no NaN and no infinity. The JavaScript SDK writes null.
    if not sdk.is_json:
        attributes |= {"nan": "NaN", "infinity": "-Infinity"}
    if sdk.is_js:
        return {**attributes, "half a character": "\ufffd", "largest": 2**53 - 1, "larger": 1e300}
    return {**attributes, **NESTED, "largest": 2**63 - 1}


def tree(spans: list) -> list:
    names = {span["spanId"]: span["name"] for span in spans}
    return [
        (names.get(span["parentSpanId"], ""), span["name"], span["kind"], span["depth"], span["isError"])
        for span in spans
    ]


def rejected_spans(exchange) -> int:
    """Number of rejected spans, or of rejected data points of metrics, in an export response."""
    if exchange.headers["content-type"] == "application/json":
        return int(json.loads(exchange.response)["partialSuccess"]["rejectedSpans"])
    # Field 1 of the response is a message, whose field 1 is a varint.
    assert exchange.response[0] == 0x0A and exchange.response[2] == 0x08, exchange.response
    return exchange.response[3]


# --- Helpers ---


class Project:
    """A new application with an API key. Methods read its telemetry back."""

    def __init__(self, session: Session, name: str):
        self.session = session
        self.id = session.call("POST", "/applications", {"name": name}).expect(201).json["id"]
        self.key = session.call("POST", f"/apikey?ApplicationId={self.id}").expect(200).json

    def traces(self) -> dict:
        rows = traces_found(self.session, self.id).values()
        assert len({row["name"] for row in rows}) == len(rows), [row["name"] for row in rows]
        return {row["name"]: row for row in rows}

    def trace(self, row: dict) -> dict:
        return self._get(f"traces/{row['traceId']}", f"&at={row['startTime']}")

    def logs(self) -> list:
        page = self._get("logs")
        assert page["nextCursor"] is None, page
        return page["logs"]

    def total(self) -> dict:
        return self._get("metrics")["total"]

    def _get(self, path: str, query: str = "") -> dict:
        return self.session.get(f"/telemetry/{path}?applicationId={self.id}{query}").expect(200).json


def run(sdk: Sdk, url: str, key: str, *words: str, **settings: str) -> tuple:
    """Runs a program, which must exit with 0. Returns its standard output and standard error."""
    settings = {
        "PATH": os.environ["PATH"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={key}",
        "OTEL_SERVICE_NAME": "checkout ☕",
        "OTEL_RESOURCE_ATTRIBUTES": "team=K%C3%BCche%2C%20hinten,service.version=7",
        # Without this variable the JavaScript SDK does not log errors.
        "OTEL_LOG_LEVEL": "warn",
        **sdk.settings,
        **settings,
    }
    result = subprocess.run(
        [*sdk.command, *words], check=False, env=settings, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, f"{sdk.name} exited with {result.returncode}: {result.stderr}"
    return result.stdout, result.stderr


def equal(found, expected) -> None:
    assert found == expected, f"\n  found    {found}\n  expected {expected}"


def shown(attributes: dict) -> dict:
    """Attributes sorted by name, each as JSON, so that 1, 1.0 and True differ."""
    return {name: json.dumps(value, sort_keys=True) for name, value in sorted(attributes.items())}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs real OpenTelemetry SDKs against a server.")
    parser.add_argument("--binary", default="target/debug/upblit", help="the local server to start")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        print(f"clients: failed: {failure}", file=sys.stderr)
        sys.exit(1)
