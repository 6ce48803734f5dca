use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, Update};

use super::*;

fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
    let reasons = codes
        .iter()
        .map(|code| CancellationReason::builder().code(*code).build());
    reasons.collect()
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

fn outcome(transaction: &Transaction, reasons: &[CancellationReason]) -> Outcome {
    Outcome::Refused(cancellation::read(reasons, &transaction.writes).unwrap())
}

#[test]
fn the_outcome_finds_refused_writes_by_their_slots() {
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
    let refused = outcome(&transaction, &reasons);
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
    let refused = outcome(&transaction, &reasons(&["None", "ConditionalCheckFailed"]));
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
    let tables = crate::TableNames::from_env(&upblit_base::environment::Env::default());
    let database = Database::local(
        "http://127.0.0.1:9",
        tables,
        crate::Observer::of_calls(called),
    );

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
fn a_reason_other_than_a_condition_is_an_error_and_the_most_severe_counts() {
    for (codes, expected) in [
        (
            &["ConditionalCheckFailed", "TransactionConflict"][..],
            "Contended",
        ),
        (&["None", "ThrottlingError"], "Throttled"),
        (&["ProvisionedThroughputExceeded", "None"], "Throttled"),
        (&["ThrottlingError", "TransactionConflict"], "Throttled"),
        (&["ThrottlingError", "ValidationError"], "InvalidRequest"),
        (
            &["ValidationError", "TransactionConflict"],
            "InvalidRequest",
        ),
        (&["ItemCollectionSizeLimitExceeded"], "InvalidRequest"),
        (&["DuplicateItem"], "InvalidRequest"),
        (&["AccessDeniedException"], "Forbidden"),
        (&["None"], "InvalidRequest"),
        (&[], "InvalidRequest"),
    ] {
        let error = cancellation::read(&reasons(codes), &[]).unwrap_err();
        let kind = format!("{error:?}");
        assert_eq!(kind.split('(').next(), Some(expected), "{codes:?}");
    }
}

#[test]
fn the_error_names_the_write_and_the_reason() {
    let mut transaction = Transaction::default();
    transaction.check(check("users"));
    transaction.update(update("keys"));
    let reason = CancellationReason::builder().code("ValidationError");
    let reasons = [
        CancellationReason::builder().code("None").build(),
        reason.message("the item is too large").build(),
    ];
    let error = cancellation::read(&reasons, &transaction.writes).unwrap_err();
    assert_eq!(
        upblit_base::causes::WithCauses(&error).to_string(),
        "storage rejected the request as invalid: the transaction was cancelled: \
         ValidationError the item is too large (update in keys if n < :n)"
    );
}
