//! The network between an instance and the engine. Every call takes a random time, and may fail on
//! either way.

use std::fmt;
use std::io;
use std::time::Duration;

use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::{Value, json};
use shared::base::clock::Clock;

use crate::chance::Chance;
use crate::engine::{self, Answer};
use crate::trace::Trace;

/// The fake network. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) engine: dynoxide::Database,
    pub(crate) chance: Chance,
    pub(crate) trace: Trace,
    /// Calls that fail, of a thousand.
    pub(crate) faults: u64,
    /// Name of the instance, for the trace.
    pub(crate) instance: String,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Served,
    /// Does not reach the engine: the connection breaks.
    RequestLost,
    /// Is carried out, and the connection breaks before the response.
    AnswerLost,
    /// Is carried out, and the response never comes.
    Hangs,
    /// Is carried out, late: after the caller has given up.
    Late,
    /// Refused for lack of capacity.
    Throttled,
    /// Refused with a server error.
    Broken,
    /// A transaction is cancelled because of another one; other writes are refused for it.
    Conflict,
    /// Keys of a batch are left unprocessed.
    Unprocessed,
}

const FATES: [Fate; 8] = [
    Fate::RequestLost,
    Fate::AnswerLost,
    Fate::Hangs,
    Fate::Late,
    Fate::Throttled,
    Fate::Broken,
    Fate::Conflict,
    Fate::Unprocessed,
];

/// Queries that others may write into, in percent.
const TORN: u64 = 20;

/// Longer than any caller waits for a call.
const FOR_EVER: Duration = Duration::from_secs(3_600);

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.instance)
    }
}

impl HttpClient for Network {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let network = self.clone();
        HttpConnectorFuture::new(async move { network.carry(&request).await })
    }
}

impl Network {
    async fn carry(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let body = std::str::from_utf8(body).expect("requests are JSON");
        let fate = if self.chance.between(1, 1_000) <= self.faults {
            *self.chance.pick(&FATES)
        } else {
            Fate::Served
        };
        self.chance.sleep(1, 12).await;
        if fate == Fate::Late {
            self.chance.sleep(500, 4_000).await;
        }
        let answer = match operation {
            "Query" if fate == Fate::Served && self.chance.percent(TORN) => {
                Some(self.torn_query(body).await)
            }
            _ => self.meet(fate, operation, body),
        };
        let line = format!("{} {operation} {fate:?}", self.instance);
        let status = answer.as_ref().map_or(0, |(status, _)| *status);
        let text = answer.as_ref().map_or("", |(_, body)| body);
        self.trace
            .add(&format!("{line} {status}"), &format!("{body}{text}"));
        self.chance.sleep(1, 12).await;
        match fate {
            Fate::RequestLost | Fate::AnswerLost => Err(ConnectorError::io(
                io::Error::other("the connection broke").into(),
            )),
            Fate::Hangs => {
                tokio::time::sleep(FOR_EVER).await;
                Err(ConnectorError::timeout(
                    io::Error::other("no response").into(),
                ))
            }
            _ => Ok(response(answer.expect("only lost requests have no answer"))),
        }
    }

    /// A query that others write into: DynamoDB reads item after item, and isolates none of it.
    async fn torn_query(&self, body: &str) -> Answer {
        let mut asked: Value = serde_json::from_str(body).expect("requests are JSON");
        let limit = asked["Limit"].as_u64().unwrap_or(u64::MAX);
        let first = self.chance.between(1, 3).min(limit);
        asked["Limit"] = first.into();
        let (status, head) = engine::respond(&self.engine, "Query", &asked.to_string());
        let head: Value = serde_json::from_str(&head).expect("answers are JSON");
        if status != 200 || head["LastEvaluatedKey"].is_null() || first == limit {
            return (status, head.to_string());
        }
        self.chance.sleep(1, 200).await;
        asked["ExclusiveStartKey"] = head["LastEvaluatedKey"].clone();
        asked["Limit"] = (limit - first).min(1_000_000).into();
        let (status, tail) = engine::respond(&self.engine, "Query", &asked.to_string());
        let mut whole: Value = serde_json::from_str(&tail).expect("answers are JSON");
        if let Some(items) = whole["Items"].as_array_mut() {
            let first = head["Items"].as_array().into_iter().flatten().cloned();
            items.splice(0..0, first);
            let count = items.len();
            whole["Count"] = count.into();
            whole["ScannedCount"] = count.into();
        }
        (status, whole.to_string())
    }

    /// What the engine answers; `None` if the request does not reach it.
    fn meet(&self, fate: Fate, operation: &str, body: &str) -> Option<Answer> {
        match fate {
            Fate::RequestLost => None,
            Fate::Throttled => Some(refused(400, "ProvisionedThroughputExceededException")),
            Fate::Broken => Some(refused(500, "InternalServerError")),
            Fate::Conflict if operation == "TransactWriteItems" => Some(cancelled(body)),
            Fate::Conflict if is_write(operation) => {
                Some(refused(400, "TransactionConflictException"))
            }
            Fate::Unprocessed if operation == "BatchGetItem" => Some(unprocessed(
                body,
                &json!({ "Responses": {} }),
                "UnprocessedKeys",
            )),
            Fate::Unprocessed if operation == "BatchWriteItem" => {
                Some(unprocessed(body, &json!({}), "UnprocessedItems"))
            }
            _ => Some(engine::respond(&self.engine, operation, body)),
        }
    }
}

fn is_write(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem")
}

fn refused(status: u16, code: &str) -> Answer {
    let error = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}") });
    (status, error.to_string())
}

/// A transaction that is cancelled for its last write.
fn cancelled(body: &str) -> Answer {
    let asked: Value = serde_json::from_str(body).expect("requests are JSON");
    let writes = asked["TransactItems"].as_array().map_or(0, Vec::len);
    let mut reasons = vec![json!({ "Code": "None" }); writes];
    if let Some(last) = reasons.last_mut() {
        *last = json!({ "Code": "TransactionConflict", "Message": "another transaction" });
    }
    let error = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    (400, error.to_string())
}

/// Everything that was asked for stays unprocessed.
fn unprocessed(body: &str, done: &Value, rest: &str) -> Answer {
    let asked: Value = serde_json::from_str(body).expect("requests are JSON");
    let mut answer = done.clone();
    answer[rest] = asked["RequestItems"].clone();
    (200, answer.to_string())
}

/// The response with the date of the database, which has the true time.
fn response((status, body): Answer) -> HttpResponse {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Clock::system().now());
    let status = status.try_into().expect("a status");
    let mut response = HttpResponse::new(status, body.into());
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    headers.insert("date", date.expect("a time of this century"));
    response
}
