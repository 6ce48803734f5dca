//! Hosts the ingest function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(ingest::WARM_UP, |host| {
        Ok(ingest::router(ingest::State::load(host)?))
    })
    .await
}
