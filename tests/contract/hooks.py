"""What schemathesis needs in addition to openapi.json: the conditions on requests that JSON Schema cannot
express, and what a refusal looks like to a browser."""

import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import schemathesis
from schemathesis.core.parameters import ParameterLocation

# Values of `nextCursor` that the server returned.
cursors: set[str] = set()

# Shards of each application. They can only be raised.
shards: dict[str, int] = {}

# Values of `Idempotency-Key` in earlier requests. Each may be used for one request only.
idempotency_keys: set[str] = set()

LATER = "2999-01-01T00:00:00Z"
HOUR = timedelta(hours=1)
# Latest start of a window of an hour. In every time zone, the window ends before the year 10000.
LAST = datetime(9999, 12, 30, tzinfo=timezone.utc)

SIGN_IN = ("startSignIn", "finishSignIn")
REFUSED_SIGN_INS = ("invalid_request", "invalid_state")
# These take a token or a key, and refuse requests with both; run.py sends a token.
READS = ("listTraces", "getTrace", "listLogs", "getMetrics", "listFields", "getDifferences")
NATIVE_INGEST = ("ingestTraces", "ingestLogs")


def operation_of(case) -> str:
    return case.operation.definition.raw["operationId"]


def is_valid(case) -> bool:
    """Whether the request is meant to match the description."""
    return case.meta is not None and case.meta.generation.mode.is_positive


def header_of(response, name: str) -> str:
    return response.headers.get(name, [""])[0]


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    """Changes valid requests so that they meet conditions on several parameters, times and earlier responses."""
    if operation_of(case) in READS and case.headers:
        case.headers.pop("x-api-key", None)
    if not is_valid(case):
        return
    headers = case.headers or {}
    if key := headers.get("Idempotency-Key"):
        headers["Idempotency-Key"] = str(uuid.uuid4()) if key in idempotency_keys else key
        idempotency_keys.add(key)
    query, body = case.query or {}, case.body if isinstance(case.body, dict) else {}
    if query.get("cursor", "") not in cursors:
        query.pop("cursor", None)
    # Let `from` be an hour before `to`. Every `step` divides an hour into few enough buckets.
    if query.get("from"):
        begin = min(moment(query["from"]), LAST)
        query |= {"from": begin.isoformat(), "to": (begin + HOUR).isoformat()}
    elif query.get("to") and moment(query["to"]) > datetime.now(timezone.utc):
        query["from"] = (moment(query["to"]) - HOUR).isoformat()
    # Only metrics of traces can be grouped into rows.
    if query.get("by"):
        query.pop("signal", None)
    if body.get("expiresAt") and moment(body["expiresAt"]) < datetime.now(timezone.utc) + HOUR:
        body["expiresAt"] = LATER
    if body.get("githubLogin"):
        body["githubLogin"] = "octocat"
    if body.get("shards") and operation_of(case) == "changeApplication":
        body["shards"] = max(body["shards"], shards.get(case.path_parameters["id"], 1))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00"))


@schemathesis.hook
def after_call(context, case, response) -> None:
    """Collects what the conditions of later requests depend on."""
    if not header_of(response, "content-type").startswith("application/json"):
        return
    body = response.json()
    if isinstance(body, dict) and body.get("nextCursor"):
        cursors.add(body["nextCursor"])
    if isinstance(body, dict) and "shards" in body:
        shards[body["id"]] = body["shards"]


@schemathesis.check
def refused_sign_ins_end_on_the_login_page(ctx, response, case) -> None:
    """Browsers open these operations, so an invalid request is a redirect to the login page instead of
    a problem response."""
    location = urlsplit(header_of(response, "location"))
    if operation_of(case) in SIGN_IN and location.path == "/login" and not is_valid(case):
        reason = parse_qs(location.query)["reason"][0]
        assert reason in REFUSED_SIGN_INS, reason


@schemathesis.check
def a_code_that_was_not_issued_is_the_only_problem_of_a_valid_body(ctx, response, case) -> None:
    """400, as RFC 6749, section 5.2, requires."""
    if operation_of(case) == "redeemCode" and is_valid(case) and response.status_code == 400:
        assert response.json()["type"] == "urn:upblit:problem:invalid-code", response.text


@schemathesis.check
def invalid_events_are_rejected_one_by_one(ctx, response, case) -> None:
    """An invalid event is reported, and the other events of its batch are accepted."""
    body = case.meta and case.meta.components.get(ParameterLocation.BODY)
    is_invalid = body is not None and body.mode.is_negative
    if operation_of(case) in NATIVE_INGEST and is_invalid and response.status_code == 200:
        assert response.json()["rejected"] > 0, response.text
