"""A proxy between a program and the server. It records all POST requests, and can simulate outages."""

import http.client
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Exchange:
    """A request and its response. `headers` also has the media type of the response, as `response-type`."""

    at: float
    path: str
    headers: dict
    body: bytes
    status: int
    response: bytes = b""
    is_delivered: bool = True


class Relay:
    """A proxy that listens on a free port while its context is active."""

    def __init__(self, server_url: str):
        self.exchanges: list = []
        self._upstream = urlsplit(server_url).netloc
        self._refuse_seconds = self._refuse_until = None
        self._drops: set = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Relay":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def refuse_for(self, seconds: float) -> "Relay":
        """Makes the proxy respond 503 with `Retry-After: 1`, for some seconds from the first request on."""
        self._refuse_seconds = seconds
        return self

    def drop_first_response(self, *paths: str) -> "Relay":
        """Makes the proxy forward the first request to each path, but close the connection without a response."""
        self._drops = set(paths)
        return self

    def _forward(self, path: str, headers: dict, body: bytes) -> Exchange:
        now = time.monotonic()
        if self._is_refusing(now):
            return Exchange(now, path, headers, body, 503)
        connection = http.client.HTTPConnection(self._upstream, timeout=30)
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response_body = response.read()
        connection.close()
        headers |= {"response-type": response.headers["content-type"] or ""}
        with self._lock:
            is_delivered = path not in self._drops
            self._drops.discard(path)
        return Exchange(now, path, headers, body, response.status, response_body, is_delivered)

    def _is_refusing(self, now: float) -> bool:
        with self._lock:
            if self._refuse_seconds is not None and self._refuse_until is None:
                self._refuse_until = now + self._refuse_seconds
        return self._refuse_until is not None and now < self._refuse_until

    def _handler(relay) -> type:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                passed = ("content-type", "content-encoding", "x-api-key")
                headers = {name: self.headers[name] for name in passed if name in self.headers}
                exchange = relay._forward(self.path, headers, self._body())
                relay.exchanges.append(exchange)
                if not exchange.is_delivered:
                    self.close_connection = True
                    return
                self.send_response(exchange.status)
                if exchange.status == 503:
                    self.send_header("retry-after", "1")
                self.send_header("content-type", exchange.headers.get("response-type", "text/plain"))
                self.send_header("content-length", str(len(exchange.response)))
                self.end_headers()
                self.wfile.write(exchange.response)

            def _body(self) -> bytes:
                if "content-length" in self.headers:
                    return self.rfile.read(int(self.headers["content-length"]))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, *_) -> None:
                pass

        return Handler
