//! Listens in on the SDK: which DynamoDB operations were sent, retries included,
//! and how much came back.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use serde_json::Value;

/// The operations since the last look.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    operations: Arc<Mutex<Vec<String>>>,
    read: Arc<Mutex<Read>>,
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
