//! Records the DynamoDB operations that the SDK sends, retries included: which function sends them, and
//! how much the responses contain.

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

/// The operations since they were last taken.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    operations: Arc<Mutex<Vec<String>>>,
    read: Arc<Mutex<Read>>,
    grants: Arc<Mutex<Option<BTreeSet<Grant>>>>,
}

/// A permission that a role needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub function: String,
    /// Name of the table, or `table/index/name`.
    pub resource: String,
    /// Name of the IAM action without `dynamodb:`.
    pub action: String,
}

/// What responses contain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Read {
    /// Items in the responses of queries and batch reads.
    pub items: usize,
    /// Bytes of all response bodies: JSON, with chunks in base64.
    pub bytes: usize,
}

impl Calls {
    /// Returns the operations in order, and clears them and the sizes.
    pub fn take(&self) -> Vec<String> {
        self.take_read();
        std::mem::take(&mut self.operations.lock().unwrap())
    }

    /// Returns what was read since this or [`Self::take`] was last called.
    pub fn take_read(&self) -> Read {
        std::mem::take(&mut self.read.lock().unwrap())
    }

    /// From now on records the permissions that each call needs. Reads every request body.
    pub fn record_grants(&self) {
        *self.grants.lock().unwrap() = Some(BTreeSet::new());
    }

    /// Permissions that the calls since [`Self::record_grants`] needed. Stops recording.
    pub fn grants(&self) -> BTreeSet<Grant> {
        self.grants.lock().unwrap().take().unwrap_or_default()
    }
}

/// A table or index that a request uses.
pub struct Access<'a> {
    /// Name of the table, or `table/index/name`.
    pub resource: String,
    /// Name of the IAM action without `dynamodb:`.
    pub action: String,
    /// The part of the request about it.
    pub part: &'a Value,
}

/// The tables or indexes that a request uses, with the IAM action on each. A transaction needs
/// the actions of its parts and none for itself.
pub fn accesses<'a>(operation: &str, body: &'a Value) -> Vec<Access<'a>> {
    let table = |part: &Value| part["TableName"].as_str().unwrap_or("(none)").to_owned();
    match operation {
        "TransactWriteItems" => {
            let writes = body["TransactItems"].as_array().into_iter().flatten();
            let parts = writes.flat_map(|write| write.as_object().unwrap());
            let access = |(kind, part): (&String, &'a Value)| Access {
                resource: table(part),
                action: match kind.as_str() {
                    "ConditionCheck" => "ConditionCheckItem".to_owned(),
                    kind => format!("{kind}Item"),
                },
                part,
            };
            parts.map(access).collect()
        }
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object().unwrap().iter();
            let access = |(table, part): (&String, &'a Value)| Access {
                resource: table.clone(),
                action: operation.to_owned(),
                part,
            };
            tables.map(access).collect()
        }
        _ => {
            let resource = match body["IndexName"].as_str() {
                Some(index) => format!("{}/index/{index}", table(body)),
                None => table(body),
            };
            vec![Access {
                resource,
                action: operation.to_owned(),
                part: body,
            }]
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
            let accesses = accesses(&operation, &body).into_iter();
            grants.extend(accesses.map(|access| Grant {
                function: function.to_owned(),
                resource: access.resource,
                action: access.action,
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
