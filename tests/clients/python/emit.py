"""A user's program with the OpenTelemetry Python SDK, configured only
by OTEL_ variables. Run by tests/clients/run.py.

    emit.py story              a failed checkout with every feature of spans
    emit.py steady SECONDS     small traces at a steady rate, for some seconds
    emit.py old                three spans, one of them from ten days ago
    emit.py metrics            a counter, which is rejected
"""

import sys
import time

from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

EVERY_TYPE = {
    "text": 'Grüße 🐙, "quoted" \\ and\nmore',
    "empty": "",
    "yes": True,
    "count": -42,
    "largest": 2**63 - 1,
    "ratio": 0.1,
    "nan": float("nan"),
    "infinity": float("-inf"),
    "texts": ["a", "ü"],
    "numbers": [1, 2, 3],
    "flags": [True, False],
    "none of them": [],
    "nothing": None,
    "bytes": b"\x00\xff",
    "map": {"nested": {"deep": [1, "two", True, None]}},
}
NESTED = {name: EVERY_TYPE[name] for name in ("bytes", "map")}


def main() -> None:
    # Both providers send the remaining telemetry when the program exits.
    traces = TracerProvider()
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    logs = LoggerProvider()
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    _logs.set_logger_provider(logs)

    what, *rest = sys.argv[1:]
    tracer = trace.get_tracer("shop", "1.2.3")
    logger = _logs.get_logger("shop", "1.2.3")
    {"story": story, "steady": steady, "old": old, "metrics": count}[what](tracer, logger, *rest)


def count(_tracer, _logger) -> None:
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
    metrics.get_meter("shop", "1.2.3").create_counter("orders").add(7)


def story(tracer, logger) -> None:
    with tracer.start_as_current_span("nightly import") as nightly:
        pass
    request = {"http.request.method": "POST", "url.path": "/checkout", "http.response.status_code": 502}
    with tracer.start_as_current_span("POST /checkout", kind=SpanKind.SERVER, attributes=request) as root:
        log(logger, SeverityNumber.INFO, "a basket for ключ 42", {"items": 3})
        with tracer.start_as_current_span("price the basket", attributes=EVERY_TYPE) as price:
            price.add_event("discount", {"percent": 12.5, "code": "SOMMER☀"})
            price.set_status(StatusCode.OK)
        with tracer.start_as_current_span("SELECT stock", kind=SpanKind.CLIENT):
            time.sleep(0.02)
        try:
            with tracer.start_as_current_span("charge card 💳", kind=SpanKind.CLIENT):
                with tracer.start_as_current_span("ask the bank"):
                    log(logger, SeverityNumber.ERROR, "card declined", NESTED)
                raise ValueError("insufficient funds")
        except ValueError:
            root.set_status(Status(StatusCode.ERROR, "payment failed"))
        link = Link(nightly.get_span_context(), {"why": "prices"})
        with tracer.start_as_current_span("send receipt", kind=SpanKind.PRODUCER, links=[link]):
            with tracer.start_as_current_span("deliver receipt", kind=SpanKind.CONSUMER):
                pass
    log(logger, SeverityNumber.WARN, {"left": [1, "two"]}, {})


def steady(tracer, _logger, seconds: str) -> None:
    number = 0
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        number += 1
        with tracer.start_as_current_span(f"tick {number}"), tracer.start_as_current_span("tock"):
            time.sleep(0.02)
    print(number)


def old(tracer, _logger) -> None:
    now = time.time_ns()
    for name, age_days in [("today", 0), ("ten days ago", 10), ("today too", 0)]:
        start = now - age_days * 86_400_000_000_000
        tracer.start_span(name, start_time=start).end(start + 5_000_000)


def log(logger, severity: SeverityNumber, body, attributes: dict) -> None:
    logger.emit(
        severity_number=severity,
        severity_text=severity.name,
        body=body,
        attributes=attributes,
        timestamp=time.time_ns(),
    )


if __name__ == "__main__":
    main()
