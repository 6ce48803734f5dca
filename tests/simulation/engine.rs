//! The DynamoDB engine, called in process: without a socket, so that nothing depends on real time.

use dynoxide::{Database, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The response of the engine: its status and its body.
pub(crate) type Answer = (u16, String);

/// Runs an operation, as the server of the engine does.
pub(crate) fn respond(database: &Database, operation: &str, body: &str) -> Answer {
    let done = match operation {
        "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
        "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
        "CreateTable" => run(body, |request| database.create_table(request)),
        "DeleteItem" => run(body, |request| database.delete_item(request)),
        "DescribeTable" => run(body, |request| database.describe_table(request)),
        "GetItem" => run(body, |request| database.get_item(request)),
        "ListTables" => run(body, |request| database.list_tables(request)),
        "PutItem" => run(body, |request| database.put_item(request)),
        "Query" => run(body, |request| database.query(request)),
        "Scan" => run(body, |request| database.scan(request)),
        "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
        "UpdateItem" => run(body, |request| database.update_item(request)),
        "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
        _ => panic!("the product calls {operation}, which the simulation does not know"),
    };
    match done {
        Ok(body) => (200, body),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    operation: impl FnOnce(Q) -> Result<A>,
) -> Result<String> {
    let request = serde_json::from_str(body).expect("the SDK sends valid requests");
    let answer = operation(request)?;
    Ok(serde_json::to_string(&answer).expect("answers are JSON"))
}
