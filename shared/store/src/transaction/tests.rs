use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, ConditionCheck, Put, Update};

use super::*;

fn canceled(codes: &[&str]) -> SdkError<TransactWriteItemsError, ()> {
    let reasons = codes
        .iter()
        .map(|code| CancellationReason::builder().code(*code).build());
    canceled_for(reasons.collect())
}

fn canceled_for(reasons: Vec<CancellationReason>) -> SdkError<TransactWriteItemsError, ()> {
    let canceled = TransactionCanceledException::builder()
        .set_cancellation_reasons(Some(reasons))
        .build();
    let error = TransactWriteItemsError::TransactionCanceledException(canceled);
    SdkError::service_error(error, ())
}

fn check(table: &str) -> ConditionCheckBuilder {
    ConditionCheck::builder()
        .table_name(table)
        .key("pk", AttributeValue::S("p".to_owned()))
        .condition_expression("attribute_exists(pk)")
}

fn update(table: &str) -> UpdateBuilder {
    Update::builder()
        .table_name(table)
        .key("pk", AttributeValue::S("p".to_owned()))
        .update_expression("SET n = :n")
        .condition_expression("n < :n")
}

fn outcome(transaction: &Transaction, error: &SdkError<TransactWriteItemsError, ()>) -> Outcome {
    Outcome::Refused(refusal(error, &transaction.writes).unwrap())
}

#[test]
fn the_outcome_knows_each_write_by_its_slot() {
    let mut transaction = Transaction::default();
    let users = transaction.check(check("users"));
    let keys = transaction.update(update("keys"));
    let other = transaction.check(check("other"));
    let item = Item::from([("n".to_owned(), AttributeValue::N("7".to_owned()))]);
    let reasons = vec![
        CancellationReason::builder().code("None").build(),
        CancellationReason::builder()
            .code("ConditionalCheckFailed")
            .set_item(Some(item.clone()))
            .build(),
        CancellationReason::builder()
            .code("ConditionalCheckFailed")
            .build(),
    ];
    let refused = outcome(&transaction, &canceled_for(reasons));
    assert!(!refused.refused(users));
    assert!(refused.refused(keys));
    assert!(refused.refused(other));
    assert_eq!(refused.item(keys), Some(&item));
    assert_eq!(refused.item(other), None);
    assert!(!Outcome::Committed.refused(users));
}

#[test]
fn a_condition_that_must_hold_is_named_by_its_write_without_key_or_value() {
    let mut transaction = Transaction::default();
    transaction.check(check("users"));
    transaction.update(update("keys"));
    let refused = outcome(&transaction, &canceled(&["None", "ConditionalCheckFailed"]));
    assert_eq!(
        refused.must_commit().unwrap_err().to_string(),
        "a condition that must hold failed: update in keys if n < :n"
    );
    assert!(Outcome::Committed.must_commit().is_ok());
}

#[tokio::test]
async fn a_write_that_cannot_be_built_fails_the_commit_without_a_call() {
    struct Unwritable;
    impl Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no such form"))
        }
    }
    fn called() {
        panic!("a call was made");
    }
    let tables = crate::keys::TableNames::from_env(&upblit_base::environment::Env::default());
    let database = Database::local("http://127.0.0.1:9", tables, called);

    let mut without_table = Transaction::default();
    without_table.update(Update::builder());
    without_table.check(check("users"));
    let error = without_table.commit(&database).await.unwrap_err();
    assert!(
        matches!(error, StorageError::InvalidRequest(_)),
        "{error:?}"
    );

    let mut unwritable = Transaction::default();
    unwritable.put_row(Put::builder().table_name("users"), Unwritable);
    let error = unwritable.commit(&database).await.unwrap_err();
    assert!(
        matches!(error, StorageError::InvalidRequest(_)),
        "{error:?}"
    );
}

#[test]
fn a_conflict_is_worth_a_retry_and_decides_nothing() {
    let error = canceled(&["ConditionalCheckFailed", "TransactionConflict"]);
    assert_eq!(refusal(&error, &[]), None);
    assert!(has_conflict(&error));
}
