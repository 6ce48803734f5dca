//! Hosts the applications function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(applications::WARM_UP, |host| {
        Ok(applications::router(applications::State::load(host)?))
    })
    .await
}
