"""A user's program without any OpenTelemetry code: `opentelemetry-instrument` adds it.
Run by tests/clients/run.py.

    shop.py NUMBER      sends NUMBER checkouts to a server in this process, which requests another of its own routes
"""

import logging
import sys
from threading import Thread

import requests
from flask import Flask
from werkzeug.serving import make_server

app = Flask("shop")


@app.get("/checkout")
def checkout() -> str:
    requests.get(f"{url}/stock/7", timeout=5).raise_for_status()
    app.logger.warning("the stock is low")
    return "placed"


@app.get("/stock/<item>")
def stock(item: str) -> str:
    return item


logging.getLogger("werkzeug").disabled = True
server = make_server("127.0.0.1", 0, app, threaded=True)
url = f"http://127.0.0.1:{server.port}"
Thread(target=server.serve_forever, daemon=True).start()
for _ in range(int(sys.argv[1])):
    requests.get(f"{url}/checkout", timeout=5).raise_for_status()
server.shutdown()
