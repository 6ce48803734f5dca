//! A backend that requests the consumed capacity of every DynamoDB call. A call that cannot
//! report it fails, so that no cost is missed.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::create_table::CreateTableInput;
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::list_tables::ListTablesInput;
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::scan::ScanInput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::operation::update_time_to_live::UpdateTimeToLiveInput;
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};

use super::Backend;
use super::engine::Engine;

/// Counts the consumed units until they are taken.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Units>>);

/// Units that DynamoDB bills for the calls that succeeded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Units {
    pub put: f64,
    pub update: f64,
    /// `TransactWriteItems`: twice as much as the same writes outside.
    pub transaction: f64,
    /// `GetItem`, `BatchGetItem` and `Query`.
    pub read: f64,
}

/// Starts a backend, and returns it with the meter of its calls.
pub async fn start() -> (Meter, Backend) {
    let engine = Engine::start().await;
    let meter = Meter::default();
    let interceptor = meter.clone();
    let backend = Backend::over_with(&engine.url, &[], |config| {
        engine.configure(config).interceptor(interceptor)
    });
    (meter, backend.await)
}

impl Meter {
    /// Returns the units consumed since this was last called.
    pub fn take(&self) -> Units {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

type Input<'a, 'b> = &'a mut BeforeSerializationInterceptorContextMut<'b>;

/// Requests the consumed capacity if the call has one of these types; `false` otherwise.
macro_rules! asked {
    ($context:expr, $($input:ty),+) => {
        $(if let Some(input) = $context.input_mut().downcast_mut::<$input>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
            true
        } else)+ {
            false
        }
    };
}

/// Whether only tests make calls of this type: to create tables, or to read them whole.
fn is_of_the_test(context: Input) -> bool {
    let input = context.input();
    input.downcast_ref::<ListTablesInput>().is_some()
        || input.downcast_ref::<CreateTableInput>().is_some()
        || input.downcast_ref::<UpdateTimeToLiveInput>().is_some()
        || input.downcast_ref::<ScanInput>().is_some()
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_metered = asked!(
            context,
            BatchGetItemInput,
            GetItemInput,
            PutItemInput,
            QueryInput,
            TransactWriteItemsInput,
            UpdateItemInput
        );
        if is_metered || is_of_the_test(context) {
            return Ok(());
        }
        Err(format!("not metered: {:?}", context.input()).into())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else {
            return Ok(());
        };
        let mut units = self.0.lock().unwrap();
        if let Some(output) = output.downcast_ref::<PutItemOutput>() {
            units.put += billed(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
            units.update += billed(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
            units.transaction += billed(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<GetItemOutput>() {
            units.read += billed(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<BatchGetItemOutput>() {
            units.read += billed(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<QueryOutput>() {
            units.read += billed(output.consumed_capacity());
        }
        Ok(())
    }
}

/// # Panics
/// If the engine does not report the capacity.
fn billed<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) -> f64 {
    let units = consumed.into_iter().map(ConsumedCapacity::capacity_units);
    let units: Option<Vec<f64>> = units.collect();
    let units = units.filter(|units| !units.is_empty());
    units
        .expect("the engine reports the consumed capacity")
        .iter()
        .sum()
}
