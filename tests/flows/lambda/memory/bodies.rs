//! Bodies that take the most memory or CPU time for their size, and ordinary ones to compare with.

mod json;
mod ordinary;
mod protobuf;
mod scrubbing;

use shared::telemetry::inflate::MAX_INFLATED_BYTES;

/// A body and where it is sent.
pub struct Body {
    pub name: &'static str,
    pub kind: Kind,
    pub content: fn() -> Vec<u8>,
    /// Whether a debug build decodes it within seconds.
    pub is_quick: bool,
}

/// Route and encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    NativeTraces,
    NativeLogs,
    JsonTraces,
    JsonLogs,
    ProtobufTraces,
    ProtobufLogs,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        NativeTraces,
        NativeLogs,
        JsonTraces,
        JsonLogs,
        ProtobufTraces,
        ProtobufLogs,
    ];
}

pub use ordinary::{collector_batch, ordinary, ordinary_large};

use Kind::*;
use json::{
    array, attributes, each_span, fill, json_span, json_spans, list, one_span, one_span_of, spans,
    wide,
};
use protobuf::{any, field, fill_within, link, message, nested, of_one_span, of_spans, pair, span};

const fn body(name: &'static str, kind: Kind, content: fn() -> Vec<u8>) -> Body {
    Body {
        name,
        kind,
        content,
        is_quick: false,
    }
}

/// A body that a debug build decodes within seconds.
const fn quick(name: &'static str, kind: Kind, content: fn() -> Vec<u8>) -> Body {
    Body {
        is_quick: true,
        ..body(name, kind, content)
    }
}

/// All bodies but the ordinary ones.
pub fn bodies() -> impl Iterator<Item = &'static Body> {
    BODIES.iter().chain(scrubbing::BODIES)
}

const BODIES: &[Body] = &[
    body("one span of tiny objects", NativeTraces, || {
        one_span("\"x\":[", r#"{"":0},"#, "0]")
    }),
    quick("spans of tiny objects", NativeTraces, || {
        spans(&list(r#"{"":0},"#))
    }),
    body("spans of empty lists", NativeTraces, || spans(&list("[],"))),
    body("spans of nested lists", NativeTraces, || {
        spans(&list(&format!("{}{},", "[".repeat(100), "]".repeat(100))))
    }),
    quick("spans of nested objects", NativeTraces, || {
        spans(&list(&format!(
            "{}0{},",
            r#"{"":"#.repeat(100),
            "}".repeat(100)
        )))
    }),
    body("spans of short texts", NativeTraces, || {
        spans(&list("\"a\","))
    }),
    body("spans of many attributes", NativeTraces, || {
        spans(&attributes())
    }),
    body("one span of many attributes", NativeTraces, || {
        one_span_of(wide(MAX_INFLATED_BYTES - 100))
    }),
    body("spans of few attributes", NativeTraces, || {
        spans(r#""a":"b","c":1"#)
    }),
    quick("the smallest spans", NativeTraces, || {
        array("traces", r#"{"traceId":"a","spanId":"b"}"#)
    }),
    quick("spans of nothing", NativeTraces, || array("traces", "{}")),
    quick("one long text", NativeTraces, || {
        one_span("\"x\":\"", "a", "\"")
    }),
    body("one long text of escapes", NativeTraces, || {
        one_span("\"x\":\"", "\\n", "\"")
    }),
    quick("one long text of lone surrogates", NativeTraces, || {
        one_span("\"x\":\"", "\\ud800", "\"")
    }),
    quick("one long text of invalid characters", NativeTraces, || {
        let mut body = one_span("\"x\":\"", "~", "\"");
        body.iter_mut()
            .filter(|byte| **byte == b'~')
            .for_each(|byte| *byte = 0xff);
        body
    }),
    quick("texts of 64 KiB", NativeTraces, || {
        spans(&format!("\"x\":\"{}\"", "a".repeat(64 << 10)))
    }),
    body("one long name", NativeTraces, || {
        one_span("\"", "a", "\":1")
    }),
    body("white space", NativeTraces, || {
        fill(br#"{"traces":["#, b" ", b"]}")
    }),
    body(
        "spans with attributes of different names",
        NativeTraces,
        || {
            each_span(|index| {
                let names = (0..60).map(|place| format!("\"{index:x}.{place}\":0"));
                names.collect::<Vec<_>>().join(",")
            })
        },
    ),
    body("spans of different names and traces", NativeTraces, || {
        each_span(|index| {
            format!(
                r#""requestMethod":"{index:x}","requestURL":"{index:x}","service.name":"{index:x}""#
            )
        })
    }),
    body("spans with large versions", NativeTraces, || {
        each_span(|index| format!(r#""a":{index},{}"#, list("[],")))
    }),
    body("spans of long numbers", NativeTraces, || {
        spans(&list("0.30000000000000000000000000000000000001e-7,"))
    }),
    body("log records of different words", NativeLogs, || {
        let words = (0..10_000).map(|index| format!("{index:x}"));
        let words = words.collect::<Vec<_>>().join(" ");
        array("logs", &format!(r#"{{"level":"i","message":"{words}"}}"#))
    }),
    body("one deep list", NativeTraces, || {
        one_span("\"x\":", "[", "")
    }),
    body(
        "log records with tiny objects as message",
        NativeLogs,
        || {
            array(
                "logs",
                &format!(
                    r#"{{"level":"info","message":[{}0]}}"#,
                    r#"{"":0},"#.repeat(30_000)
                ),
            )
        },
    ),
    quick("the smallest log records", NativeLogs, || {
        array("logs", r#"{"level":"i","message":"m"}"#)
    }),
    quick("resources of nothing, JSON", JsonTraces, || {
        array("resourceSpans", "{}")
    }),
    body("scopes of nothing, JSON", JsonTraces, || {
        fill(br#"{"resourceSpans":[{"scopeSpans":["#, b"{},", b"{}]}]}")
    }),
    body("spans of nothing, JSON", JsonTraces, || {
        fill(
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":["#,
            b"{},",
            b"{}]}]}]}",
        )
    }),
    body("attributes of nothing, JSON", JsonTraces, || {
        json_span("attributes", "{}")
    }),
    body("events of nothing, JSON", JsonTraces, || {
        json_span("events", "{}")
    }),
    body("links, JSON", JsonTraces, || {
        json_span(
            "links",
            r#"{"traceId":"01010101010101010101010101010101","spanId":"0101010101010101"}"#,
        )
    }),
    body("spans with events of nothing, JSON", JsonTraces, || {
        json_spans("events", "{}")
    }),
    body("spans with attributes of nothing, JSON", JsonTraces, || {
        json_spans(
            "attributes",
            r#"{"value":{"arrayValue":{"values":[{},{},{}]}}}"#,
        )
    }),
    body("resources, JSON", JsonTraces, || {
        array(
            "resourceSpans",
            &format!(
                r#"{{"resource":{{"attributes":[{}{{}}]}},"scopeSpans":[{{"spans":[{{}}]}}]}}"#,
                r#"{"value":{"kvlistValue":{"values":[{"value":{"intValue":1}}]}}},"#.repeat(900)
            ),
        )
    }),
    body("log bodies, JSON", JsonLogs, || {
        array(
            "resourceLogs",
            &format!(
                r#"{{"scopeLogs":[{{"logRecords":[{{"body":{{"arrayValue":{{"values":[{}{{}}]}}}}}}]}}]}}"#,
                r#"{"kvlistValue":{"values":[{"value":{"intValue":1}}]}},"#.repeat(4000)
            ),
        )
    }),
    quick("spans of nothing", ProtobufTraces, || {
        message(&[1, 2], &[2], b"")
    }),
    quick("spans of ids", ProtobufTraces, || {
        message(&[1, 2], &[2], &span())
    }),
    quick("scopes of nothing", ProtobufTraces, || {
        message(&[1], &[2], b"")
    }),
    quick("resources of nothing", ProtobufTraces, || {
        message(&[], &[1], b"")
    }),
    quick("resources of one span", ProtobufTraces, || {
        message(&[], &[1], &field(2, &field(2, &span())))
    }),
    quick("scopes of one span", ProtobufTraces, || {
        message(&[1], &[2], &field(2, &span()))
    }),
    body(
        "one span with attributes of nothing",
        ProtobufTraces,
        || of_one_span(9, b""),
    ),
    body("one span with attributes", ProtobufTraces, || {
        of_one_span(9, &pair(b"", &any(5, &field(1, b""))))
    }),
    body("one span with events of nothing", ProtobufTraces, || {
        of_one_span(11, b"")
    }),
    quick("one span with links", ProtobufTraces, || {
        of_one_span(13, &link())
    }),
    body(
        "one span with one attribute of many values",
        ProtobufTraces,
        || fill_within(&[1, 2, 2], &span(), 9, &[2, 5], &field(1, b"")),
    ),
    body(
        "one span with one attribute of many pairs",
        ProtobufTraces,
        || {
            fill_within(
                &[1, 2, 2],
                &span(),
                9,
                &[2, 6],
                &field(1, &field(2, &any(6, b""))),
            )
        },
    ),
    body("spans with attributes of nothing", ProtobufTraces, || {
        of_spans(9, b"")
    }),
    body("spans with attributes", ProtobufTraces, || {
        of_spans(9, &pair(b"", &any(6, &field(1, &pair(b"", &any(3, b""))))))
    }),
    body("spans with lists", ProtobufTraces, || {
        of_spans(9, &pair(b"a", &any(5, &field(1, b"").repeat(100))))
    }),
    body("spans with events of nothing", ProtobufTraces, || {
        of_spans(11, b"")
    }),
    body("spans with events", ProtobufTraces, || {
        of_spans(11, &field(3, &pair(b"a", &any(1, b"b"))))
    }),
    body("spans with links", ProtobufTraces, || of_spans(13, &link())),
    body("spans with nested lists", ProtobufTraces, || {
        of_spans(9, &pair(b"a", &nested(5, 30)))
    }),
    body("spans with nested pairs", ProtobufTraces, || {
        of_spans(9, &pair(b"a", &nested(6, 30)))
    }),
    body("resources with pairs", ProtobufTraces, || {
        message(
            &[],
            &[1],
            &[
                field(
                    1,
                    &field(1, &pair(b"", &any(6, &field(1, &pair(b"", b""))))).repeat(2500),
                ),
                field(2, &field(2, &span())),
            ]
            .concat(),
        )
    }),
    quick("scopes on one large resource", ProtobufTraces, || {
        let resource = field(1, &field(1, &pair(b"a", &any(1, &vec![b'x'; 60 << 10]))));
        let scopes = field(2, &field(2, &span())).repeat(600_000);
        field(1, &[resource, scopes].concat())
    }),
    body("log bodies of nothing", ProtobufLogs, || {
        message(
            &[1, 2],
            &[2],
            &field(5, &any(5, &field(1, b"").repeat(100_000))),
        )
    }),
    body("log records of nothing", ProtobufLogs, || {
        message(&[1, 2], &[2], b"")
    }),
    quick("log records", ProtobufLogs, || {
        message(&[1, 2], &[2], &field(5, &any(1, b"a")))
    }),
    body("log records with pairs", ProtobufLogs, || {
        message(
            &[1, 2],
            &[2],
            &field(6, &pair(b"", &any(6, &field(1, &pair(b"", &any(6, b"")))))).repeat(8_000),
        )
    }),
];
