//! Hosts the oauth function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(oauth::WARM_UP, |host| {
        Ok(oauth::router(oauth::State::load(host)?))
    })
    .await
}
