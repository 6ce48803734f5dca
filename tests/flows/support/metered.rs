//! A backend whose DynamoDB calls all ask what they are billed.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use tokio::net::TcpListener;

use super::Backend;

/// Units since the last look.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Units>>);

/// What DynamoDB billed; transactions are not asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Units {
    pub put: f64,
    pub update: f64,
    /// `GetItem`, `BatchGetItem` and `Query`.
    pub read: f64,
}

/// A backend, and the meter of its calls.
pub async fn start() -> (Meter, Backend) {
    let engine = dynoxide::Database::memory().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, engine));
    let meter = Meter::default();
    let interceptor = meter.clone();
    let backend = Backend::over_with(&endpoint, &[], |config| config.interceptor(interceptor));
    (meter, backend.await)
}

impl Meter {
    /// The units since the last call of this.
    pub fn take(&self) -> Units {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

type Wish = Option<ReturnConsumedCapacity>;

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
        fn ask<T: Debug + Send + Sync + 'static>(
            context: &mut BeforeSerializationInterceptorContextMut<'_>,
            wish: fn(&mut T) -> &mut Wish,
        ) {
            if let Some(input) = context.input_mut().downcast_mut() {
                *wish(input) = Some(ReturnConsumedCapacity::Total);
            }
        }
        ask(context, |put: &mut PutItemInput| {
            &mut put.return_consumed_capacity
        });
        ask(context, |update: &mut UpdateItemInput| {
            &mut update.return_consumed_capacity
        });
        ask(context, |get: &mut GetItemInput| {
            &mut get.return_consumed_capacity
        });
        ask(context, |get: &mut BatchGetItemInput| {
            &mut get.return_consumed_capacity
        });
        ask(context, |query: &mut QueryInput| {
            &mut query.return_consumed_capacity
        });
        Ok(())
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

fn billed<'a>(consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) -> f64 {
    let units = consumed.into_iter().map(ConsumedCapacity::capacity_units);
    units.map(|units| units.expect("the engine tells")).sum()
}
