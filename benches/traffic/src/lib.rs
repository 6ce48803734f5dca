//! The standard telemetry for tests and benchmarks. It resembles that of a shop with a few services: ids
//! as long as OpenTelemetry's, varying URLs, some failures. It is the same in every run.

mod otlp;
mod prompts;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use upblit_base::clock::rfc3339;

/// The fields of an event.
type Fields = Map<String, Value>;

/// An endless sequence of traces. A batch may end in the middle of a trace.
#[derive(Debug, Clone)]
pub struct Traffic {
    dice: Dice,
    at: Timestamp,
    between_spans: SignedDuration,
    has_attributes: bool,
    has_prompts: bool,
    started: Vec<Fields>,
}

impl Traffic {
    /// Creates traffic that starts at `start`, with `spans` spans per five seconds, the interval at
    /// which OpenTelemetry's SDKs send.
    pub fn of(spans: u32, start: Timestamp) -> Self {
        Self {
            dice: Dice(42),
            at: start,
            between_spans: SignedDuration::from_micros(5_000_000 / i64::from(spans)),
            has_attributes: false,
            has_prompts: false,
            started: Vec::new(),
        }
    }

    /// Adds 20 or 22 attributes to each span, named by OpenTelemetry's semantic conventions.
    pub fn with_attributes(self) -> Self {
        Self {
            has_attributes: true,
            ..self
        }
    }

    /// Adds the attributes of [`with_attributes`](Self::with_attributes), and a language model's prompt
    /// of 20 KiB to every third span of a trace.
    pub fn with_prompts(self) -> Self {
        Self {
            has_prompts: true,
            ..self.with_attributes()
        }
    }

    /// Returns the next batch of spans, in Upblit's own JSON.
    pub fn spans(&mut self, count: usize) -> Value {
        let spans: Vec<Value> = self.next_spans(count).map(Value::Object).collect();
        json!({ "traces": spans })
    }

    /// Returns the next batch of spans, in OTLP's protobuf, from one resource. Spans have the attributes
    /// of [`with_attributes`](Self::with_attributes) even if it was not called.
    pub fn otlp_spans(&mut self, count: usize) -> Vec<u8> {
        self.has_attributes = true;
        otlp::request(self.next_spans(count))
    }

    fn next_spans(&mut self, count: usize) -> impl Iterator<Item = Fields> {
        while self.started.len() < count {
            let trace = self.trace();
            self.started.extend(trace);
        }
        self.started.drain(..count)
    }

    /// Returns the next batch of log records, eight for each trace. None of these traces has spans.
    pub fn records(&mut self, count: usize) -> Value {
        let mut trace = self.dice.hex(32);
        let records = (0..count).map(|number| {
            if number.is_multiple_of(8) {
                trace = self.dice.hex(32);
            }
            self.at += self.between_spans;
            self.record(&trace)
        });
        json!({ "logs": records.collect::<Vec<_>>() })
    }

    /// Returns the spans of one request to the shop, with the calls between its services: 4 to 18.
    fn trace(&mut self) -> Vec<Fields> {
        let trace_id = self.dice.hex(32);
        let length = 4 + self.dice.below(15);
        let mut ids: Vec<String> = Vec::new();
        let spans = (0..length).map(|number| {
            let parent = (number > 0).then(|| {
                let latest = self.dice.below(3.min(ids.len()));
                ids[ids.len() - 1 - latest].clone()
            });
            ids.push(self.dice.hex(16));
            self.at += self.between_spans;
            let mut span = self.span(number);
            span.extend(fields(json!({
                "traceId": trace_id, "spanId": ids[number], "parentSpanId": parent,
            })));
            span
        });
        spans.collect()
    }

    fn span(&mut self, number: usize) -> Fields {
        let operation = self.dice.below(OPERATIONS.len());
        let (method, path) = OPERATIONS[operation];
        let (host, port) = if number == 0 {
            ("shop.example.com", 443)
        } else {
            self.dice.of(&HOSTS)
        };
        let path = path.replace("{id}", &format!("{}", 100_000 + self.dice.below(900_000)));
        let scheme = if port == 443 { "https" } else { "http" };
        let status = match self.dice.below(50) {
            0 => 500,
            1 => 404,
            _ => 200,
        };
        let mut span = fields(json!({
            "timestamp": rfc3339(self.at), "requestMethod": method,
            "requestURL": format!("{scheme}://{host}:{port}{path}"), "responseStatus": status,
            "durationMs": self.duration(),
        }));
        if self.has_attributes {
            span.extend(self.attributes(host, port, operation));
        }
        if self.has_prompts && number.is_multiple_of(3) {
            let prompt = prompts::prompt(&mut self.dice);
            span.insert("gen_ai.input.messages".to_owned(), prompt.into());
        }
        span
    }

    /// A duration in milliseconds, to the microsecond: mostly short, sometimes long.
    fn duration(&mut self) -> f64 {
        let scale = self.dice.of(&[2_000, 8_000, 30_000, 400_000]);
        self.dice.below(scale) as f64 / 1_000.0
    }

    fn attributes(&mut self, host: &str, port: u16, operation: usize) -> Fields {
        let (service, instance) = self.dice.of(&SERVICES);
        let mut attributes = fields(json!({
            "service.name": service, "service.version": "2026.11.4",
            "service.namespace": "shop", "service.instance.id": instance,
            "deployment.environment.name": "production", "cloud.region": "eu-central-1",
            "host.name": format!("ip-10-0-{}.eu-central-1.compute.internal", &instance[..2]),
            "telemetry.sdk.language": "nodejs", "telemetry.sdk.version": "2.2.0",
            "otel.scope.name": "@opentelemetry/instrumentation-http",
            "http.route": OPERATIONS[operation].1, "server.address": host, "server.port": port,
            "network.protocol.version": "1.1",
            "network.peer.address": format!("10.0.{}.{}", self.dice.below(4), self.dice.below(250)),
            "network.peer.port": 32_768 + self.dice.below(28_000),
            "http.response.body.size": self.dice.below(20_000),
            "user_agent.original": self.dice.of(&USER_AGENTS),
            "enduser.id": format!("customer-{}", self.dice.below(50_000)),
            "thread.id": self.dice.below(16),
        }));
        if self.dice.below(3) == 0 {
            let query = self.dice.of(&QUERIES);
            attributes.extend(fields(json!({
                "db.system.name": "postgresql", "db.query.text": query,
            })));
        }
        attributes
    }

    fn record(&mut self, trace: &str) -> Value {
        let (level, message) = self.dice.of(&MESSAGES);
        let order = 100_000 + self.dice.below(900_000);
        let message = message
            .replace("{order}", &order.to_string())
            .replace("{ms}", &format!("{:.1}", self.duration()));
        let at = rfc3339(self.at);
        json!({
            "timestamp": at, "level": level, "type": "app", "message": message,
            "traceId": trace, "clientTimestamp": at,
        })
    }
}

const OPERATIONS: [(&str, &str); 8] = [
    ("GET", "/v1/carts/{id}/items?include=price,stock"),
    ("POST", "/v1/carts/{id}/items"),
    ("GET", "/v1/products/{id}"),
    ("GET", "/v1/products?category={id}&page=2&sort=price"),
    ("POST", "/v2/payments/{id}/authorize"),
    ("PUT", "/v1/orders/{id}/address"),
    ("GET", "/v1/customers/{id}/recommendations"),
    ("DELETE", "/v1/sessions/{id}"),
];

const HOSTS: [(&str, u16); 5] = [
    ("carts.internal", 8080),
    ("catalog.internal", 8080),
    ("payments.internal", 8443),
    ("api.shipping-partner.com", 443),
    ("search.internal", 9200),
];

const SERVICES: [(&str, &str); 4] = [
    ("shop-frontend", "42d1f3a8-5b60-4e0e-9d1c-5d7c3e0a11f4"),
    ("cart", "17aa03c5-0f47-47e9-8f3c-3cf0c4a8be02"),
    ("catalog", "93b6d0be-8a0c-4c0c-bb7e-0d4c5b2f6a91"),
    ("payment", "60f2ce1b-2f55-4d6f-a3a5-c8b1f0c6d7e3"),
];

const USER_AGENTS: [&str; 3] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
];

const QUERIES: [&str; 3] = [
    "SELECT id, product_id, quantity, price FROM cart_items WHERE cart_id = $1 ORDER BY added_at",
    "INSERT INTO orders (id, customer_id, total, currency, state) VALUES ($1, $2, $3, $4, 'new')",
    "UPDATE stock SET reserved = reserved + $1 WHERE product_id = $2 AND on_hand - reserved >= $1",
];

const MESSAGES: [(&str, &str); 6] = [
    ("info", "order {order} was placed, paid in {ms} ms"),
    (
        "info",
        "cart {order} was priced with 3 discounts in {ms} ms",
    ),
    (
        "debug",
        "cache miss for product {order}, loaded from the catalog in {ms} ms",
    ),
    (
        "warn",
        "payment of order {order} took {ms} ms, longer than the 200 ms it may take",
    ),
    ("info", "mail about order {order} was handed to the queue"),
    (
        "error",
        "order {order}: the shipping partner answered 503 after {ms} ms, will try again in 30 s",
    ),
];

/// The fields of a JSON object.
fn fields(object: Value) -> Fields {
    match object {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// A reproducible sequence of random numbers (SplitMix64).
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn hex(&mut self, digits: usize) -> String {
        let text = format!("{:016x}{:016x}", self.next(), self.next());
        text[..digits].to_owned()
    }
}
