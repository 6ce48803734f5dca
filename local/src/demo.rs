//! `cargo run -- demo`: fills an application with generated telemetry of a small web
//! shop, through the API of a running server, so that the dashboard has data to show.

mod account;
mod api;
mod customer;
mod failure;
mod native;
mod otlp;
mod request;
mod sender;
mod shop;
mod step;
mod telemetry;
mod time;
mod traffic;

use std::time::Duration;

use anstream::println;
use jiff::Timestamp;
use shared::base::clock::{self, Clock};
use url::Url;

use crate::stop::Stop;
use account::{APPLICATION, Account, LOGIN};
use api::Api;
pub(crate) use failure::Failure;
use sender::Sender;
use traffic::{SLICE_SECONDS, Traffic};

/// Maximum age of a slice that is sent to catch up, in slices: 23 hours.
const MAX_AGE: i64 = 23 * 3_600 / SLICE_SECONDS;

/// Slices per batch while catching up: five minutes.
const SLICES_PER_BATCH: i64 = 30;

/// Slices per progress line while catching up: an hour.
const PAST_SLICES_PER_LINE: i64 = 360;

/// Slices per progress line once caught up: a minute.
const LIVE_SLICES_PER_LINE: i64 = 6;

/// Fill an application with generated telemetry, until Ctrl-C
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Address of a running server that uses the GitHub stand-in
    #[arg(long, default_value = "http://127.0.0.1:9000")]
    url: Url,

    /// Hours of past telemetry to send first, at most 23
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(..=23))]
    hours: u8,

    /// Seed of the generator: the same seed generates the same telemetry
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Sends past telemetry, then continues in real time until Ctrl-C or SIGTERM.
///
/// # Errors
/// When there is no usable response from the address, or the server refuses the sign-in or a request.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let stop = Stop::on_signal().map_err(Failure::Signals)?;
    tokio::select! {
        result = fill(options) => result,
        () = stop.requested() => {
            println!("  Stopped. The telemetry sent so far is kept.");
            Ok(())
        }
    }
}

async fn fill(options: &Options) -> Result<(), Failure> {
    let api = Api::new(&options.url);
    let clock = Clock::system();
    let past = Duration::from_secs(u64::from(options.hours) * 3_600);
    let since = clock::before(clock.now(), past);

    let account = Account::sign_in(&api).await?;
    let application = account.application().await?;
    let newest = account.newest(&application, since).await?;
    let key = account.key(&application).await?;
    account.sign_out().await?;

    let page = format!("{}/#/applications/{application}/traces", account.dashboard);
    println!("\n  Filling \"{APPLICATION}\" with telemetry. Sign in as {LOGIN} to see it:");
    println!("  {page}");
    println!("  Press Ctrl-C to stop.\n");
    let generator = Generator {
        traffic: Traffic::new(options.seed),
        sender: Sender::new(&api, key),
        clock,
    };
    // Continue after the last slice that an earlier run sent.
    let next = newest.map_or_else(|| slice_at(since), |newest| slice_at(newest) + 1);
    generator.send_from(next).await
}

struct Generator<'a> {
    traffic: Traffic,
    sender: Sender<'a>,
    clock: Clock,
}

impl Generator<'_> {
    /// Sends the slices from `next` on, each when its time has passed. Several that are already due, at
    /// the start or after the machine was asleep, are sent together; those older than [`MAX_AGE`] are
    /// skipped. Returns only on failure.
    async fn send_from(mut self, mut next: i64) -> Result<(), Failure> {
        let mut line_from = next;
        loop {
            let current = slice_at(self.clock.now());
            next = next.max(current - MAX_AGE);
            if next >= current {
                self.wait_for_end(next).await;
                continue;
            }
            let is_past = current - next > LIVE_SLICES_PER_LINE;
            let end = current.min(next + SLICES_PER_BATCH);
            let slices = (next..end).map(|slice| self.traffic.slice(slice));
            self.sender.send(slices).await?;
            next = end;
            let has_caught_up = is_past && next == current;
            let slices_per_line = if is_past {
                PAST_SLICES_PER_LINE
            } else {
                LIVE_SLICES_PER_LINE
            };
            if has_caught_up || next - line_from >= slices_per_line {
                self.print_progress(line_from, next);
                line_from = next;
            }
        }
    }

    async fn wait_for_end(&self, slice: i64) {
        let end = clock::from_millis((slice + 1) * SLICE_SECONDS * 1_000);
        let left = end.duration_since(self.clock.now());
        tokio::time::sleep(left.unsigned_abs()).await;
    }

    fn print_progress(&mut self, from: i64, to: i64) {
        let from = time::of_day(from * SLICE_SECONDS);
        let to = time::of_day(to * SLICE_SECONDS);
        println!("  {from} to {to} UTC: {}", self.sender.take_counts());
    }
}

fn slice_at(at: Timestamp) -> i64 {
    Traffic::slice_at(at.as_second())
}
