//! Listens in on the SDK: which DynamoDB operations were sent, retries included,
//! by which function, and how much came back.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use serde_json::Value;

tokio::task_local! {
    /// The function that serves the request of this task.
    pub static FUNCTION: &'static str;
}

/// The operations since the last look.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    operations: Arc<Mutex<Vec<String>>>,
    read: Arc<Mutex<Read>>,
    grants: Arc<Mutex<Option<BTreeSet<Grant>>>>,
}

/// What a role has to allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub function: String,
    /// Name of the table, or `table/index/name`.
    pub resource: String,
    /// As IAM calls it, without `dynamodb:`.
    pub action: String,
}

/// What queries and reads returned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    pub items: usize,
    /// Of the answers as they travelled: JSON, blobs in base64.
    pub bytes: usize,
}

impl Calls {
    /// The operations since the last call of this, in order.
    pub fn take(&self) -> Vec<String> {
        self.take_read();
        std::mem::take(&mut self.operations.lock().unwrap())
    }

    /// What was read since the last call of this or of [`Self::take`].
    pub fn take_read(&self) -> Read {
        std::mem::take(&mut self.read.lock().unwrap())
    }

    /// From now on notes what each call takes; it means reading every request's body.
    pub fn note_grants(&self) {
        *self.grants.lock().unwrap() = Some(BTreeSet::new());
    }

    /// What the calls since [`Self::note_grants`] took.
    pub fn grants(&self) -> BTreeSet<Grant> {
        self.grants.lock().unwrap().take().unwrap_or_default()
    }
}

/// The tables or indexes that a request touches, and how: a transaction is
/// allowed by what its parts are called alone.
fn touched(operation: &str, body: &Value) -> Vec<(String, String)> {
    let table = |part: &Value| part["TableName"].as_str().unwrap_or("(none)").to_owned();
    match operation {
        "TransactWriteItems" => {
            let writes = body["TransactItems"].as_array().into_iter().flatten();
            let parts = writes.flat_map(|write| write.as_object().unwrap());
            parts
                .map(|(kind, part)| match kind.as_str() {
                    "ConditionCheck" => (table(part), "ConditionCheckItem".to_owned()),
                    kind => (table(part), format!("{kind}Item")),
                })
                .collect()
        }
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().unwrap().keys();
            tables
                .map(|table| (table.clone(), operation.to_owned()))
                .collect()
        }
        _ => {
            let resource = match body["IndexName"].as_str() {
                Some(index) => format!("{}/index/{index}", table(body)),
                None => table(body),
            };
            vec![(resource, operation.to_owned())]
        }
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context
            .request()
            .headers()
            .get("x-amz-target")
            .unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        if let Some(grants) = &mut *self.grants.lock().unwrap() {
            let function = FUNCTION.try_with(|name| *name).unwrap_or("(none)");
            let body = context.request().body().bytes().unwrap_or_default();
            let body = serde_json::from_slice(body)?;
            let touched = touched(&operation, &body).into_iter();
            grants.extend(touched.map(|(resource, action)| Grant {
                function: function.to_owned(),
                resource,
                action,
            }));
        }
        self.operations.lock().unwrap().push(operation);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let of_tables = answer["Responses"].as_object();
        let items = of_tables.into_iter().flat_map(|tables| tables.values());
        let items = items.chain([&answer["Items"]]);
        let mut read = self.read.lock().unwrap();
        read.items += items
            .filter_map(Value::as_array)
            .map(Vec::len)
            .sum::<usize>();
        read.bytes += body.len();
        Ok(())
    }
}
