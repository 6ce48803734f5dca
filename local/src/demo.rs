//! `cargo run -- demo`: fills an application with made-up traffic of a small shop,
//! through the API of a running server, so that there is something to look at.

mod account;
mod api;
mod failure;
mod native;
mod otlp;
mod sender;
mod shop;
mod step;
mod story;
mod telemetry;
mod time;
mod walk;

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
use story::{SLICE_SECONDS, Story};

/// Slices that are not too old to be accepted: 23 hours.
const OLDEST: i64 = 23 * 3_600 / SLICE_SECONDS;

/// Slices that are sent at once while there is much to tell: five minutes.
const AT_ONCE: i64 = 30;

/// Slices that are told of in one line: an hour of the past, a minute of the present.
const PAST_IN_A_LINE: i64 = 360;
const PRESENT_IN_A_LINE: i64 = 6;

/// Fill an application with made-up traffic, until Ctrl-C
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The address of a running server with the stand-in for GitHub
    #[arg(long, default_value = "http://127.0.0.1:9000")]
    url: Url,

    /// How many hours of the past to tell of first, at most 23
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(..=23))]
    hours: u8,

    /// Which traffic to make up: the same number makes the same
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Tells of the past, then of the present, until stopped.
///
/// # Errors
/// When there is no server to tell, or it does not want to know.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let stop = Stop::on_signal().map_err(Failure::Signals)?;
    tokio::select! {
        ended = tell(options) => ended,
        () = stop.requested() => {
            println!("  Stopped. What was sent stays.");
            Ok(())
        }
    }
}

async fn tell(options: &Options) -> Result<(), Failure> {
    let (api, clock) = (Api::new(&options.url), Clock::system());
    let past = Duration::from_secs(u64::from(options.hours) * 3_600);
    let since = clock::before(clock.now(), past);

    let account = Account::sign_in(&api).await?;
    let application = account.application().await?;
    let newest = account.newest(&application, since).await?;
    let key = account.key(&application).await?;
    account.sign_out().await?;

    let page = format!("{}/#/applications/{application}/traces", account.dashboard);
    println!("\n  Filling \"{APPLICATION}\" with traffic. Sign in as {LOGIN} and look at it:");
    println!("  {page}");
    println!("  Ctrl-C stops.\n");
    let teller = Teller {
        story: Story::new(options.seed),
        sender: Sender::new(&api, key),
        clock,
    };
    // Where an earlier run was stopped, it goes on.
    let next = newest.map_or_else(|| slice_at(since), |newest| slice_at(newest) + 1);
    teller.tell_from(next).await
}

struct Teller<'a> {
    story: Story,
    sender: Sender<'a>,
    clock: Clock,
}

impl Teller<'_> {
    /// Never ends, but for a failure. A slice is told when it is over; in the past,
    /// and after the machine slept, there are many to tell.
    async fn tell_from(mut self, mut next: i64) -> Result<(), Failure> {
        let mut line_from = next;
        loop {
            let current = slice_at(self.clock.now());
            next = next.max(current - OLDEST);
            if next >= current {
                self.until_over(next).await;
                continue;
            }
            let is_past = current - next > PRESENT_IN_A_LINE;
            let end = current.min(next + AT_ONCE);
            let slices = (next..end).map(|slice| self.story.slice(slice));
            self.sender.send(slices).await?;
            next = end;
            let has_caught_up = is_past && next == current;
            let in_a_line = if is_past {
                PAST_IN_A_LINE
            } else {
                PRESENT_IN_A_LINE
            };
            if has_caught_up || next - line_from >= in_a_line {
                self.print(line_from, next);
                line_from = next;
            }
        }
    }

    async fn until_over(&self, slice: i64) {
        let end = clock::from_millis((slice + 1) * SLICE_SECONDS * 1_000);
        let left = end.duration_since(self.clock.now());
        tokio::time::sleep(left.unsigned_abs()).await;
    }

    fn print(&mut self, from: i64, to: i64) {
        let (from, to) = (
            time::of_day(from * SLICE_SECONDS),
            time::of_day(to * SLICE_SECONDS),
        );
        println!("  {from} to {to} UTC: {}", self.sender.take_counts());
    }
}

fn slice_at(at: Timestamp) -> i64 {
    Story::slice_at(at.as_second())
}
