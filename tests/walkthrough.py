#!/usr/bin/env python3
"""Tests Upblit from the outside, as a browser, a dashboard and an SDK use it.

    cargo build
    python3 tests/walkthrough.py                 # starts target/debug/upblit itself

    cargo run -- --db-only                       # and cargo lambda watch beside it
    python3 tests/walkthrough.py --base-url http://127.0.0.1:9000

Requires only Python's standard library. If it starts the server itself, it also kills and restarts
the server, and checks that its output contains no secrets.
"""

import argparse
import base64
import contextlib
import gzip
import hashlib
import hmac
import html
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

GRACE_SECONDS = 2  # REFRESH_GRACE of the server that is started here; the default would take minutes
KEY_CACHE_SECONDS = 10  # Time within which a revoked key is rejected, see README.md
DESCRIPTORS = 256  # Files and connections that the server may open
MIB = 1024 * 1024
JWT_HEADER = {"alg": "HS256", "typ": "JWT"}


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="upblit-walkthrough-") as directory:
        if options.base_url:
            api = Api(options.base_url, options.grace_seconds)
            walk(api, server=None, engine=options.engine_url and Engine(options.engine_url, options.engine_key))
            logs = options.log
        else:
            server = Server(options.binary, Path(directory))
            with server:
                api = Api(server.url)
                walk(api, server, server.engine)
                the_process_stops_on_request(server)
                start_errors_are_one_line(server)
            other_sites_and_idle_clients_get_nothing(Server(options.binary, Path(directory)))
            api.secrets.add(server.jwt_secret())
            no_secret_is_stored(api, server)
            logs = [*options.log, server.log]
        no_secret_is_logged(api, logs)
    print(f"walkthrough: {Step.passed} passed, 0 failed")


# --- The walkthrough, in the order of a new user's steps ---


def walk(api: "Api", server: "Server | None", engine: "Engine | None") -> None:
    started = time.time()
    with Step("GET /health responds"):
        api.get("/health").expect(200)

    session = someone_signs_in(api)
    sign_ins_that_must_fail(api)
    access_tokens_that_must_fail(api, session, server)
    application = session.creates_an_application("Walkthrough")
    key = session.mints_a_key(application, "in use")

    revoked = session.mints_a_key(application, "soon revoked")
    an_sdk_sends(api, revoked, traces(1), accepted=1)
    with Step("DELETE /apikey/{id} revokes a key"):
        listed = session.get(f"/apikey?ApplicationId={application}").expect(200).json["keys"]
        assert not any(secret in json.dumps(listed) for secret in (key, revoked))
        key_id = next(one["id"] for one in listed if one["name"] == "soon revoked")
        session.call("DELETE", f"/apikey/{key_id}").expect(204)
        revoked_at = time.monotonic()
    stored = 1

    stored += batches_of_all_forms_are_accepted(api, key)
    one_bad_event_costs_one_event(api, key)
    stored += 99
    bodies_that_must_fail(api, key, server)
    keys_that_must_fail(api, key)

    batches = [traces(100) for _ in range(20)]
    with Step("POST /ingest/traces accepts 2,000 spans in 20 batches"):
        for batch in batches:
            api.ingest(key, "traces", batch).accepts(100)
    stored += 2000
    if server:
        with Step("kill -9 right after the response, then restart with the same data"):
            server.kill()
            server.start()
            engine = server.engine
        with Step("the same access token works after the restart"):
            session.get("/me").expect(200)
    if engine:
        with Step("all acknowledged events are stored"):
            before = telemetry_of(engine, application)
            assert events_in(before) == stored, f"{events_in(before)} stored, {stored} acknowledged"
    with Step("all acknowledged events are found through the read API"):
        sent = {one["traceId"] for batch in batches for one in json.loads(batch)["traces"]}
        found = traces_found(session, application)
        assert sent <= found.keys(), f"{len(sent - found.keys())} of 2,000 spans lost"
        assert all(found[one]["spanCount"] == 1 for one in sent)
        counted = metrics_of(session, application)
        assert counted["count"] >= len(found), counted
    with Step("the same batch is acknowledged again, plain and gzip"):
        api.ingest(key, "traces", batch).accepts(100)
        api.ingest(key, "traces", batch, encoding="gzip").accepts(100)
    with Step("repeated batches do not change query results"):
        assert traces_found(session, application) == found
        assert metrics_of(session, application) == counted
    if engine:
        with Step("repeated batches are stored once"):
            assert telemetry_of(engine, application) == before

    refresh_tokens_rotate(api, session)
    a_stolen_refresh_token_ends_the_session(api)
    signing_out_ends_the_session(api, session, application)

    with Step(f"the revoked key is rejected within {KEY_CACHE_SECONDS} s"):
        deadline = revoked_at + KEY_CACHE_SECONDS + 1
        while (answer := api.ingest(revoked, "traces", traces(1))).status == 200:
            assert time.monotonic() < deadline, "the key is still accepted"
            time.sleep(0.5)
        answer.expect_problem(401, "key-revoked")
    print(f"     ({time.time() - started:.1f} s)")


# --- Sign-in ---


def someone_signs_in(api: "Api", login: str = "octocat") -> "Session":
    with Step(f"{login} signs in with GitHub"):
        browser = Browser(api)
        at_github = browser.starts_sign_in()
        query = parse_qs(urlsplit(at_github).query)
        assert query["code_challenge_method"] == ["S256"] and len(query["state"][0]) >= 22
        back = browser.follow(f"{at_github}&login={login}")
        arrival = urlsplit(browser.follow(back))
        assert arrival.path == "/oauth-success" and not arrival.query, arrival.geturl()
        tokens = {name: values[0] for name, values in parse_qs(arrival.fragment).items()}
        assert tokens.keys() == {"token", "refreshToken", "expiresIn"}, tokens.keys()
        api.secrets |= {tokens["token"], tokens["refreshToken"], parse_qs(urlsplit(back).query)["code"][0]}
        session = Session(api, tokens["token"], tokens["refreshToken"])
    with Step("GET /me returns the user"):
        me = session.get("/me").expect(200).json
        assert me["login"] == login and "@" in me["email"], me
    return session


def sign_ins_that_must_fail(api: "Api") -> None:
    with Step("two simultaneous sign-ins in one browser both succeed"):
        browser = Browser(api)
        tabs = [browser.starts_sign_in() for _ in range(2)]
        for tab in tabs:
            assert "/oauth-success#" in browser.follow(browser.follow(f"{tab}&login=hubot"))

    with Step("Cancel at GitHub leads to the login page"):
        browser = Browser(api)
        page = browser.open(browser.starts_sign_in()).expect(200).text
        cancel = next(link for link in re.findall(r'href="([^"]+)"', page) if "access_denied" in link)
        assert login_reason(browser.follow(html.unescape(cancel))) == "access_denied"

    with Step("a forged state and the state of another browser lead to the login page"):
        victim = Browser(api)
        thief = Browser(api)
        back = victim.follow(victim.starts_sign_in() + "&login=octocat")
        thief.starts_sign_in()
        assert login_reason(thief.follow(back)) == "invalid_state"
        state = parse_qs(urlsplit(back).query)["state"][0]
        assert login_reason(victim.follow(back.replace(state, changed(state)))) == "invalid_state"

    with Step("sign-in redirects to the frontend only"):
        for target in ("//evil.test", "https://evil.test", "/\\evil.test", "/a%0d%0aSet-Cookie:x"):
            answer = api.get(f"/oauth2/authorization/github?return_to={target}").expect(302)
            assert "evil" not in answer.headers["location"], answer.headers["location"]


def access_tokens_that_must_fail(api: "Api", session: "Session", server: "Server | None") -> None:
    header, payload, signature = session.access_token.split(".")
    claims = json.loads(unbase64(payload))
    now = int(time.time())

    with Step("without a token: 401 with WWW-Authenticate"):
        answer = api.get("/me").expect_problem(401, "invalid-access-token")
        assert answer.headers["www-authenticate"].startswith("Bearer"), answer.headers

    none = tobase64(b'{"alg":"none","typ":"JWT"}')
    refused = {
        "a changed signature": f"{header}.{payload}.{changed(signature)}",
        "changed claims": f"{header}.{tobase64(json.dumps({**claims, 'sub': '1'}).encode())}.{signature}",
        "alg none": f"{none}.{payload}.",
        "alg none, signature kept": f"{none}.{payload}.{signature}",
        "a refresh token": session.refresh_token,
        "a token of 100 KB": "x" * 100_000,
    }
    if server:
        # Signed with the right secret, so that only the claim is wrong.
        sign = server.sign_jwt
        refused |= {
            "expired": sign({**claims, "iat": now - 1000, "nbf": now - 1000, "exp": now - 10}),
            "not valid yet": sign({**claims, "nbf": now + 60}),
            "another audience": sign({**claims, "aud": "someone-else"}),
            "no audience": sign({name: claims[name] for name in claims if name != "aud"}),
            "another issuer": sign({**claims, "iss": "someone-else"}),
            "HS512": sign(claims, header={"alg": "HS512", "typ": "JWT"}, digest=hashlib.sha512),
        }
    for what, token in refused.items():
        with Step(f"access token rejected: {what}"):
            api.secrets.add(token)
            bearer = {"authorization": f"Bearer {token}"}
            if len(token) > 10_000:
                # A proxy in front of the API may have its own limit and status.
                assert api.call("GET", "/me", bearer).status in (400, 401, 431)
            else:
                api.call("GET", "/me", bearer).expect_problem(401, "invalid-access-token")


# --- Refresh and logout ---


def refresh_tokens_rotate(api: "Api", session: "Session") -> None:
    with Step("POST /refresh twice, each time with the newest token and after the grace period"):
        first = session.refresh_token
        second = session.rotates()
        third = session.rotates()
        assert len({first, second, third}) == 3
    with Step("older tokens get the newest one within the grace period"):
        assert api.refresh(first).expect(200).json["refreshToken"] == third
        assert api.refresh(second).expect(200).json["refreshToken"] == third
        session.get("/me").expect(200)
    with Step("refresh token rejected: forged, truncated, malformed"):
        for token in (changed(third), third[:-4], "hello"):
            api.refresh(token).expect_problem(401, "invalid-refresh-token")
    with Step("POST /refresh with an invalid body returns 400 and keeps the session"):
        for body in (b"", b"{", b"[]", b"null", b'{"refreshToken":1}', b"{}"):
            api.call("POST", "/refresh", JSON, body).expect(400)
        api.refresh(third).expect(200)
        session.refresh_token = api.refresh(third).expect(200).json["refreshToken"]


def a_stolen_refresh_token_ends_the_session(api: "Api") -> None:
    session = someone_signs_in(api, "mallorys-victim")
    with Step("reuse of a refresh token after three rotations ends its session"):
        stolen = session.refresh_token
        for _ in range(3):
            session.rotates()
        api.refresh(stolen).expect_problem(401, "invalid-refresh-token")
        api.refresh(session.refresh_token).expect_problem(401, "invalid-refresh-token")


def signing_out_ends_the_session(api: "Api", session: "Session", application: str) -> None:
    with Step("GET /sessions lists the current session"):
        assert sum(one["current"] for one in session.get("/sessions").expect(200).json["sessions"]) == 1
    with Step("POST /logout returns 204, also if repeated"):
        for _ in range(2):
            api.json("POST", "/logout", {"refreshToken": session.refresh_token}).expect(204)
    with Step("after logout, refresh is rejected"):
        api.refresh(session.refresh_token).expect_problem(401, "invalid-refresh-token")
    with Step("after logout, the access token cannot create a key"):
        session.call("POST", f"/apikey?ApplicationId={application}").expect_problem(401, "invalid-access-token")


# --- Telemetry ---


def traces_found(session: "Session", application: str) -> dict:
    """Reads all traces of the last hour, page by page. Returns the rows by trace id."""
    found, cursor = {}, ""
    while True:
        page = session.get(f"/telemetry/traces?applicationId={application}&limit=200{cursor}").expect(200).json
        found |= {row["traceId"]: row for row in page["traces"]}
        if not page["nextCursor"]:
            return found
        cursor = f"&cursor={page['nextCursor']}"


def metrics_of(session: "Session", application: str) -> dict:
    return session.get(f"/telemetry/metrics?applicationId={application}").expect(200).json["total"]


# --- Ingest ---


def an_sdk_sends(api: "Api", key: str, batch: bytes, accepted: int) -> None:
    with Step(f"POST /ingest/traces accepts {accepted}"):
        api.ingest(key, "traces", batch).accepts(accepted)


def batches_of_all_forms_are_accepted(api: "Api", key: str) -> int:
    """Returns how many events were acknowledged."""
    with Step("spans with nanoseconds, UTC offsets, nulls and missing fields"):
        now = datetime.now(timezone.utc)
        in_delhi = now.astimezone(timezone(timedelta(hours=5, minutes=30)))
        spans = [
            span(timestamp=now.strftime("%Y-%m-%dT%H:%M:%S.123456789Z"), parentSpanId=None),
            span(timestamp=in_delhi.isoformat(), durationMs=None, parentSpanId=""),
            span(durationMs=0.25, requestURL="/search?q=%F0%9F%90%99", somethingElse={"kept": True}),
        ]
        del spans[2]["parentSpanId"]
        no_envelope_time = json.dumps({"traces": spans}).encode()
        api.ingest(key, "traces", no_envelope_time).accepts(3)
    with Step("an invalid batch timestamp, and a content type with charset"):
        batch = json.dumps({"timestamp": "yesterday", "traces": [span()]}).encode()
        headers = {"content-type": "application/json; charset=utf-8"}
        api.ingest(key, "traces", batch, headers=headers).accepts(1)
    with Step("an empty batch"):
        api.ingest(key, "traces", traces(0)).accepts(0)
    with Step("gzip and deflate"):
        api.ingest(key, "traces", traces(10), encoding="gzip").accepts(10)
        api.ingest(key, "traces", traces(10), encoding="deflate").accepts(10)
    with Step("logs"):
        sent_at = rfc3339()
        logs = [
            {
                "traceId": None,
                "level": "INFO",
                "type": "app",
                "message": "started",
                "timestamp": sent_at,
                "clientTimestamp": sent_at,
            },
            {"traceId": "t1", "level": "error", "message": "line\nbreak \x1b[31m", "clientTimestamp": sent_at},
        ]
        batch = json.dumps({"timestamp": sent_at, "logs": logs}).encode()
        api.ingest(key, "logs", batch).accepts(2)
    return 3 + 1 + 0 + 10 + 10 + 2


def one_bad_event_costs_one_event(api: "Api", key: str) -> None:
    with Step("one invalid event of a hundred: 99 accepted, one reported"):
        spans = [span() for _ in range(100)]
        spans[41]["responseStatus"] = "two hundred"
        answer = api.ingest(key, "traces", json.dumps({"traces": spans}).encode())
        answer.accepts(99, rejected=1)
        [error] = answer.json["errors"]
        assert error["index"] == 41 and error["pointer"] == "/traces/41/responseStatus", error


def bodies_that_must_fail(api: "Api", key: str, server: "Server | None") -> None:
    with Step("invalid batches: 400"):
        for body in (b"", b"not json", b"[]", b'{"traces":{}}', b'{"logs":[]}', traces(1)[:-2]):
            api.ingest(key, "traces", body).expect_problem(400, "malformed-request")
    with Step("a content type that is not JSON: 415"):
        api.ingest(key, "traces", traces(1), headers={"content-type": "application/xml"}).expect(415)
    with Step("invalid gzip, and an unsupported encoding: 400, 415"):
        api.ingest(key, "traces", b"\x1f\x8bnothing of the kind", encoding="gzip", packed=True).expect(400)
        api.ingest(key, "traces", traces(1), headers={"content-encoding": "br"}).expect(415)
    with Step("a body of 7 MiB: 413"):
        body = b'{"traces":[' + b" " * (7 * MIB) + b"]}"
        refused = api.ingest(key, "traces", body)
        # In AWS, it is larger than an event may be, so API Gateway refuses it before the function.
        if refused.json != {"message": "Request Entity Too Large"}:
            refused.expect_problem(413, "too-large")
        refused.expect(413)
    with Step("a gzip bomb, 80 KiB that decompress to 80 MiB: 413"):
        before = server.peak_memory() if server else None
        bomb = gzip.compress(b'{"traces":[' + b" " * (80 * MIB))
        assert len(bomb) < 100 * 1024
        api.ingest(key, "traces", bomb, encoding="gzip", packed=True).expect_problem(413, "too-large")
        if before is not None:
            growth = server.peak_memory() - before
            # At most 64 MiB are decompressed. The rest is for what surrounds them.
            assert growth < 96 * MIB, f"memory grew by {growth / MIB:.0f} MiB"


def keys_that_must_fail(api: "Api", key: str) -> None:
    unsigned = f"upblit_live_{'L' + '0' * 10}{'0' * 8}{'0' * 32}"
    refused = {
        "none": None,
        "one wrong character": changed(key),
        "cut short": key[:-1],
        "something else": "hello",
        "well-formed, of an application that does not exist": unsigned + crc32_base62(unsigned),
        "twice, with a comma": f"{key},{key}",
    }
    for what, text in refused.items():
        with Step(f"API key rejected: {what}"):
            api.ingest(text, "traces", traces(1)).expect_problem(401, "invalid-api-key")
    with Step("API key rejected in the query"):
        api.call("POST", f"/ingest/traces?x-api-key={key}", JSON, traces(1)).expect(401)


# --- The process itself ---


def the_process_stops_on_request(server: "Server") -> None:
    with Step("a second process on the same port exits with a one-line error"):
        fails_with_one_line(server.run("--port", server.port, "--memory"), f"port {server.port}")
    with Step("a second process on the same data exits with a one-line error"):
        fails_with_one_line(server.run("--port", free_port(), "--data-dir", server.data_dir), "in use")
    with Step("Ctrl-C stops the process with exit code 0 within 5 s"):
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=5) == 0


def other_sites_and_idle_clients_get_nothing(server: "Server") -> None:
    """Needs a server of its own, because the idle connections take all that it may open."""
    with server:
        api = Api(server.url)
        stranger = {"Origin": "https://evil.test"}
        with Step("a page of another site reads nothing from the database"):
            tables = server.engine.call("ListTables", {}, stranger).expect(200)
            assert not [name for name in tables.headers if name.lower().startswith("access-control-")]
            for headers in [{"authorization": ""}, {"host": "evil.test"}, {"host": "host.docker.internal"}]:
                answer = server.engine.call("ListTables", {}, {**stranger, **headers})
                assert answer.status in (400, 421), answer
                assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
            other = Engine(server.engine.host.geturl(), "local")
            assert "UnrecognizedClientException" in str(other.call("ListTables", {}).expect(400))
        with Step("a name of another site is not answered (DNS rebinding)"):
            for path in ["/", "/me", "/sessions", "/github/login", "/health"]:
                assert api.call("GET", path, {"Host": "evil.test"}).status == 421, path
            batch = {"Host": "host.docker.internal", "x-api-key": "upblit_live_x"}
            assert api.call("POST", "/ingest/traces", batch, b"{}").status == 401
        with Step(f"GET /health responds beside 300 idle connections at {DESCRIPTORS} descriptors"):
            idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
            for _ in range(20):
                api.get("/health").expect(200)
            session = someone_signs_in(api, "idle")
            session.get("/applications").expect(200)
            for connection in idle:
                connection.close()


def start_errors_are_one_line(server: "Server") -> None:
    with Step("an unusable data directory is a one-line error"):
        fails_with_one_line(server.run("--port", free_port(), "--data-dir", f"{os.devnull}/x"), "cannot use")
    with Step("an invalid setting is a one-line error with its name, without its value"):
        result = server.run("--port", free_port(), "--memory", JWT_SECRET="hunter2")
        fails_with_one_line(result, "JWT_SECRET")
        assert "hunter2" not in result.stderr


def fails_with_one_line(result: subprocess.CompletedProcess, naming: str) -> None:
    assert result.returncode not in (0, None), result
    assert len(result.stderr.splitlines()) == 1 and naming in result.stderr, result.stderr


# --- Secrets must not leak ---


def no_secret_is_logged(api: "Api", logs: list) -> None:
    for log in logs:
        with Step(f"the output contains none of {len(api.secrets)} secrets ({log.name})"):
            text = log.read_text(errors="replace")
            leaked = [secret[:12] + "…" for secret in api.secrets if secret in text]
            assert text and not leaked, leaked


def no_secret_is_stored(api: "Api", server: "Server") -> None:
    with Step("the database contains no secrets"):
        for file in server.data_dir.glob("upblit.db*"):
            stored = file.read_bytes()
            leaked = [secret[:12] + "…" for secret in api.secrets if secret.encode() in stored]
            assert not leaked, (file.name, leaked)


# --- Helpers ---

JSON = {"content-type": "application/json"}


class Step:
    """A check, reported in one line. A failure stops the run."""

    passed = 0

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, *_) -> None:
        Step.passed += kind is None
        print(f"  ok {self.name}" if kind is None else f"FAIL {self.name}", flush=True)


class Answer:
    """A response with its body."""

    def __init__(self, request: str, response: http.client.HTTPResponse):
        self.request, self.status = request, response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.cookies = response.headers.get_all("set-cookie") or []
        self.text = response.read().decode(errors="replace")

    def __str__(self) -> str:
        return f"{self.request} returned {self.status}: {self.text[:400]}"

    @property
    def json(self):
        return json.loads(self.text)

    def expect(self, status: int) -> "Answer":
        assert self.status == status, f"expected {status}, but {self}"
        return self

    def expect_problem(self, status: int, slug: str) -> "Answer":
        self.expect(status)
        assert self.headers["content-type"] == "application/problem+json", self.headers
        assert self.json["type"].endswith(f":{slug}") and self.json["status"] == status, self
        assert self.json["requestId"] and self.headers["cache-control"] == "no-store", self
        return self

    def accepts(self, accepted: int, rejected: int = 0) -> None:
        self.expect(200)
        counts = (self.json["accepted"], self.json["rejected"])
        assert counts == (accepted, rejected), self


class Api:
    """A client for the API. It follows no redirects, and records every secret it sees."""

    def __init__(self, url: str, grace_seconds: int = GRACE_SECONDS):
        self.url, self.grace_seconds = url.rstrip("/"), grace_seconds
        self.secrets: set = set()

    def call(self, method: str, path: str, headers: Mapping = {}, body: bytes = b"") -> Answer:
        url = urlsplit(urljoin(self.url, path))
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
        target = url.path + (f"?{url.query}" if url.query else "")
        # The server may respond and close the connection before the request was sent completely.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, target, body or None, {"content-length": str(len(body)), **headers})
        answer = Answer(f"{method} {url.path}", connection.getresponse())
        connection.close()
        leaked = [secret[:12] + "…" for secret in self.secrets if answer.status >= 400 and secret in answer.text]
        assert not leaked, f"{answer.request}: the error contains a secret: {leaked}"
        return answer

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def json(self, method: str, path: str, value, headers: Mapping = {}) -> Answer:
        return self.call(method, path, {**JSON, **headers}, json.dumps(value).encode())

    def refresh(self, refresh_token: str) -> Answer:
        answer = self.json("POST", "/refresh", {"refreshToken": refresh_token})
        if answer.status == 200:
            assert answer.json["token"] == answer.json["accessToken"]
            assert answer.json["tokenType"] == "Bearer" and answer.json["expiresIn"] > 0
            self.secrets |= {answer.json["token"], answer.json["refreshToken"]}
        return answer

    def ingest(
        self,
        key: "str | None",
        signal: str,
        batch: bytes,
        encoding: "str | None" = None,
        packed: bool = False,
        headers: dict = JSON,
    ) -> Answer:
        if encoding:
            # Not application/json, which an HTTP API and cargo lambda watch treat as text.
            headers = {"content-type": "application/octet-stream", "content-encoding": encoding}
            if not packed:
                batch = gzip.compress(batch) if encoding == "gzip" else zlib.compress(batch)
        if key is not None:
            headers = {**headers, "x-api-key": key}
        return self.call("POST", f"/ingest/{signal}", headers, batch)


class Browser:
    """A browser that keeps cookies and follows one redirect at a time."""

    def __init__(self, api: Api):
        self.api, self.cookies = api, {}

    def open(self, url: str) -> Answer:
        cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        answer = self.api.call("GET", url, cookies if self.cookies else {})
        for cookie in answer.cookies:
            name, value = cookie.split(";")[0].split("=", 1)
            assert "HttpOnly" in cookie and "SameSite=Lax" in cookie, cookie
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
                self.api.secrets.add(value)
        return answer

    def follow(self, url: str) -> str:
        return urljoin(url, self.open(url).expect(302).headers["location"])

    def starts_sign_in(self) -> str:
        return self.follow(f"{self.api.url}/oauth2/authorization/github")


class Session:
    """A signed-in dashboard."""

    def __init__(self, api: Api, access_token: str, refresh_token: str):
        self.api, self.access_token, self.refresh_token = api, access_token, refresh_token

    def call(self, method: str, path: str, value=None) -> Answer:
        bearer = {"authorization": f"Bearer {self.access_token}"}
        if value is None:
            return self.api.call(method, path, bearer)
        return self.api.json(method, path, value, bearer)

    def get(self, path: str) -> Answer:
        return self.call("GET", path)

    def refreshes(self) -> str:
        answer = self.api.refresh(self.refresh_token).expect(200).json
        self.access_token, self.refresh_token = answer["token"], answer["refreshToken"]
        return self.refresh_token

    def rotates(self) -> str:
        time.sleep(self.api.grace_seconds + 0.1)
        return self.refreshes()

    def creates_an_application(self, name: str) -> str:
        with Step("POST /applications creates an application"):
            application = self.call("POST", "/applications", {"name": name}).expect(201).json
            assert application["name"] == name and application["environment"] == "production"
            assert datetime.fromisoformat(application["createdAt"].replace("Z", "+00:00"))
            assert application in self.get("/applications").expect(200).json["applications"]
            return application["id"]

    def mints_a_key(self, application: str, name: str) -> str:
        with Step("POST /apikey creates a key and returns it as a JSON string"):
            answer = self.call("POST", f"/apikey?ApplicationId={application}", {"name": name}).expect(200)
            key = answer.json
            assert isinstance(key, str) and re.fullmatch(r"upblit_live_[0-9A-Za-z]{57}", key)
            assert key.endswith(crc32_base62(key[:-6])), "the checksum is wrong"
            self.api.secrets.add(key)
            assert answer.headers["cache-control"] == "no-store"
            return key


class Server:
    """The local server as a process, with its data directory and its output."""

    def __init__(self, binary: str, directory: Path):
        self.binary, self.data_dir, self.log = binary, directory / "data", directory / "output.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Server":
        with Step("upblit starts"):
            self.start()
        return self

    def __exit__(self, kind, *_) -> None:
        self.kill()
        if kind is not None:
            print(f"--- end of the server's output:\n{self.log.read_text(errors='replace')[-4000:]}")

    def start(self) -> None:
        printed = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            command = [self.binary, "--port", str(self.port), "--data-dir", str(self.data_dir)]
            # Nothing listens at that proxy: no connection on this machine may go through it.
            env = {**os.environ, "REFRESH_GRACE": f"{GRACE_SECONDS}s", "HTTP_PROXY": "http://127.0.0.1:9"}
            self.process = subprocess.Popen(
                command,
                env=env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=self.limit_descriptors,  # noqa: PLW1509
            )
        deadline = time.monotonic() + 20
        banner = None
        while not banner:
            assert self.process.poll() is None, f"the server exited: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, "the server printed no banner"
            time.sleep(0.05)
            text = self.log.read_bytes()[printed:].decode(errors="replace")
            banner = re.search(r"Database\s+(http://[\d.:]+)\s.*AWS_ACCESS_KEY_ID=(\w+)", text)
        self.engine = Engine(*banner.groups())

    @staticmethod
    def limit_descriptors() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def run(self, *options, **settings) -> subprocess.CompletedProcess:
        """Runs another process of the same program until it exits, for at most 20 s."""
        command = [self.binary, *map(str, options)]
        env = {**os.environ, "RUST_LOG": "error", **settings}
        return subprocess.run(command, check=False, env=env, capture_output=True, text=True, timeout=20)

    def peak_memory(self) -> "int | None":
        """Peak memory of the process in bytes; None except on Linux."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return None
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text()).group(1)) * 1024

    def jwt_secret(self) -> str:
        return (self.data_dir / "jwt-secret").read_text().strip()

    def sign_jwt(self, claims: dict, header: Mapping = JWT_HEADER, digest=hashlib.sha256) -> str:
        parts = (json.dumps(part, separators=(",", ":")).encode() for part in (header, claims))
        signed = ".".join(map(tobase64, parts))
        mac = hmac.new(self.jwt_secret().encode(), signed.encode(), digest).digest()
        return f"{signed}.{tobase64(mac)}"


class Engine:
    """The DynamoDB engine of the server."""

    def __init__(self, url: str, access_key: str):
        self.host, self.access_key = urlsplit(url), access_key

    def call(self, operation: str, value: dict, headers: Mapping = {}) -> "Answer":
        connection = http.client.HTTPConnection(self.host.hostname, self.host.port, timeout=20)
        # The engine requires a well-formed signature, but verifies only its access key id.
        credential = f"{self.access_key}/20260101/us-east-1/dynamodb/aws4_request"
        all_headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{operation}",
            "authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "x-amz-date": "20260101T000000Z",
            **headers,
        }
        connection.request("POST", "/", json.dumps(value), all_headers)
        return Answer(operation, connection.getresponse())


def telemetry_of(engine: Engine, application: str) -> dict:
    """The stored items of an application by key, read from the DynamoDB engine."""
    items, start = {}, None
    while True:
        query = {"TableName": "upblit-telemetry", "ConsistentRead": True}
        if start:
            query["ExclusiveStartKey"] = start
        page = engine.call("Scan", query).expect(200).json
        items |= {(item["pk"]["S"], item["sk"]["S"]): item for item in page["Items"]}
        start = page.get("LastEvaluatedKey")
        if not start:
            return {key: item for key, item in items.items() if key[0].startswith(application)}


def events_in(items: dict) -> int:
    """Sums the counts in the chunk summaries."""
    return sum(int(item["n"]["N"]) for item in items.values() if "summary" in item)


def traces(count: int) -> bytes:
    return json.dumps({"timestamp": rfc3339(), "traces": [span() for _ in range(count)]}).encode()


def span(**fields) -> dict:
    return {
        "timestamp": rfc3339(),
        "requestMethod": "GET",
        "requestURL": "/cart/42",
        "responseStatus": 200,
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "parentSpanId": None,
        "durationMs": 12.5,
        **fields,
    }


def rfc3339() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def login_reason(url: str) -> str:
    arrival = urlsplit(url)
    assert arrival.path == "/login" and not arrival.fragment, url
    query = parse_qs(arrival.query)
    assert query.keys() == {"reason"}, url
    return query["reason"][0]


def changed(text: str) -> str:
    """Returns the text with one character in the middle replaced by another."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]


def crc32_base62(text: str) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    rest, checksum = zlib.crc32(text.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        checksum = digits[digit] + checksum
    return checksum


def tobase64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Tests Upblit from the outside.")
    parser.add_argument("--binary", default="target/debug/upblit", help="the local server to start")
    parser.add_argument("--base-url", help="a running API; no server is started")
    parser.add_argument("--grace-seconds", type=int, default=45, help="with --base-url: its REFRESH_GRACE")
    parser.add_argument("--engine-url", help="with --base-url: its DynamoDB engine, to count stored events")
    parser.add_argument("--engine-key", help="with --engine-url: its access key id, as in lambda.env")
    parser.add_argument("--log", type=Path, action="append", default=[], help="a file that must not contain secrets")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except (AssertionError, OSError, subprocess.TimeoutExpired) as failure:
        print(f"walkthrough: failed: {failure}", file=sys.stderr)
        raise
