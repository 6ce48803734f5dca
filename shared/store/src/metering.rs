//! Reports the requests to DynamoDB, and the units that they consume, to the request log.

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};

/// What requests to DynamoDB are reported to. Functions, because the request log and this crate do not
/// know each other.
#[derive(Debug, Clone, Copy)]
pub struct Observer {
    /// Called for each request sent, including retries.
    pub on_call: fn(),
    /// Returns whether the units of the next operation are needed.
    pub needs_units: fn() -> bool,
    /// Called with the units that a successful operation consumed, if they were needed.
    pub on_units: fn(Units),
}

/// Units that DynamoDB bills, in halves. Those of operations that query telemetry; others count
/// none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub written: f64,
}

impl Observer {
    /// Observes calls alone.
    pub fn of_calls(on_call: fn()) -> Self {
        Self {
            on_call,
            needs_units: || false,
            on_units: |_| {},
        }
    }
}

/// Requests the consumed capacity if the operation has one of these types.
macro_rules! request_capacity {
    ($context:expr, $($input:ty),+) => {
        $(if let Some(input) = $context.input_mut().downcast_mut::<$input>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        })+
    };
}

impl Intercept for Observer {
    fn name(&self) -> &'static str {
        "Observer"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if (self.needs_units)() {
            request_capacity!(
                context,
                BatchGetItemInput,
                BatchWriteItemInput,
                GetItemInput,
                PutItemInput,
                QueryInput,
                UpdateItemInput
            );
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        (self.on_call)();
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Ok(output), true) = (context.output_or_error(), (self.needs_units)()) {
            let read = if let Some(output) = output.downcast_ref::<QueryOutput>() {
                consumed(output.consumed_capacity())
            } else if let Some(output) = output.downcast_ref::<BatchGetItemOutput>() {
                consumed(output.consumed_capacity())
            } else if let Some(output) = output.downcast_ref::<GetItemOutput>() {
                consumed(output.consumed_capacity())
            } else {
                0.0
            };
            let written = if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
                consumed(output.consumed_capacity())
            } else if let Some(output) = output.downcast_ref::<PutItemOutput>() {
                consumed(output.consumed_capacity())
            } else if let Some(output) = output.downcast_ref::<BatchWriteItemOutput>() {
                consumed(output.consumed_capacity())
            } else {
                0.0
            };
            (self.on_units)(Units { read, written });
        }
        Ok(())
    }
}

fn consumed<'a>(capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) -> f64 {
    let units = capacity
        .into_iter()
        .filter_map(ConsumedCapacity::capacity_units);
    units.sum()
}
