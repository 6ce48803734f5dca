//! Plays the world of a seed in a thread of its own, and judges it.

use std::sync::{Arc, Once};

use shared::store::admin::{Finding, Severity};
use tokio::task::JoinSet;

use crate::browser::{Storage, tab, thief};
use crate::chance::Chance;
use crate::members::{self, Made, maker};
use crate::owner::{self, Changes, found, owner, sign_in_again};
use crate::telemetry::{self, Application, SIGNALS, reader, sdk};
use crate::world::{Nature, World};
use crate::{restored, system};

/// Worlds about sessions, in percent. The others are about an application.
const SESSIONS: u64 = 50;

/// User id of the owner of the application.
const OWNER: u64 = 100;

/// When every world begins: shortly before the end of an hour.
const START: &str = "2026-01-31T12:50:00Z";

/// The result of a seed.
pub(crate) struct Played {
    pub(crate) hash: u64,
    /// The first broken promise.
    pub(crate) broken: Option<String>,
    /// What happened, in order.
    pub(crate) trace: Vec<String>,
    /// Simulated time.
    pub(crate) seconds: u64,
}

/// Plays a seed. Before the first one of a process a world is played for what the process initializes
/// once, which would make it differ from a later one.
pub(crate) fn play(seed: u64) -> Played {
    static FIRST: Once = Once::new();
    FIRST.call_once(|| drop(play_alone(0)));
    play_alone(seed)
}

fn play_alone(seed: u64) -> Played {
    let thread = std::thread::Builder::new().name(format!("seed {seed}"));
    let played = thread.spawn(move || {
        let start = START.parse().expect("a time");
        system::simulate(seed, start);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let world = run(seed).await;
            let lasted = world.now().duration_since(start);
            Played {
                hash: world.trace.hash(),
                broken: world.first_broken(),
                trace: world.trace.lines(),
                seconds: lasted.unsigned_abs().as_secs(),
            }
        })
    });
    let played = played.expect("a thread").join();
    played.unwrap_or_else(|panic| Played {
        hash: 0,
        broken: Some(format!(
            "nothing panics: {:?}",
            panic.downcast_ref::<String>()
        )),
        trace: Vec::new(),
        seconds: 0,
    })
}

async fn run(seed: u64) -> Arc<World> {
    let chance = Chance::new(seed);
    let is_about_sessions = chance.percent(SESSIONS);
    let nature = nature(&chance, is_about_sessions);
    let world = World::create(chance.clone(), nature).await;
    let mut actors = JoinSet::new();
    let shop = if is_about_sessions {
        browsers(&world, &mut actors).await;
        None
    } else {
        Some(Shop::open(&world, &mut actors).await)
    };
    let mut disturbances = JoinSet::new();
    disturbances.spawn({
        let world = world.clone();
        async move {
            loop {
                world.chance.sleep(1_000, 600_000).await;
                world.disturb();
            }
        }
    });
    let mut copied = None;
    if shop.is_some() && chance.percent(20) {
        chance.sleep(0, 7_200_000).await;
        copied = Some(restored::copy(&world).await);
    }
    while let Some(done) = actors.join_next().await {
        if let Err(error) = done {
            world.broke(format!("nobody panics: {error}"));
        }
    }
    disturbances.abort_all();
    if let Some(copied) = copied {
        restored::restore(&world, copied).await;
    }
    if let Some(shop) = shop {
        shop.judge(&world).await;
    }
    check(&world).await;
    world
}

fn nature(chance: &Chance, is_about_sessions: bool) -> Nature {
    // Sessions are promised to survive clocks that are five minutes wrong, telemetry any clock.
    let far = if is_about_sessions { 240 } else { 7_200 };
    Nature {
        faults: *chance.pick(&[0, 5, 20, 60, 120]),
        skew: *chance.pick(&[0, 1, 2, 240, far]),
        quota: chance.percent(15).then(|| chance.between(24, 40)),
    }
}

async fn browsers(world: &Arc<World>, actors: &mut JoinSet<()>) {
    for user in 1..=world.chance.between(1, 2) {
        let storage = Storage::new(user, world.sign_in(user).await);
        // A client with one tab stands clocks that are five minutes wrong. Several tabs need
        // instances whose clocks agree within the grace.
        let most = if world.nature.has_far_clocks() { 1 } else { 5 };
        let tabs = world.chance.between(1, most);
        for _ in 0..tabs {
            let times = world.chance.between(4, 10);
            actors.spawn(tab(world.clone(), storage.clone(), times));
        }
        if world.chance.percent(25) {
            actors.spawn(thief(world.clone(), storage));
        }
    }
}

/// An application, and everyone who uses it.
struct Shop {
    owner: Arc<Storage>,
    application: Arc<Application>,
    changes: Arc<Changes>,
    made: Arc<Made>,
}

impl Shop {
    async fn open(world: &Arc<World>, actors: &mut JoinSet<()>) -> Self {
        let storage = Storage::new(OWNER, world.sign_in(OWNER).await);
        let shop = Self {
            application: found(world, &storage).await,
            owner: storage,
            changes: Arc::default(),
            made: Arc::default(),
        };
        let (storage, application) = (&shop.owner, &shop.application);
        let chance = &world.chance;
        if chance.percent(15) {
            for name in ["one", "two"] {
                let made = shop.made.clone();
                let (storage, application) = (storage.clone(), application.clone());
                actors.spawn(maker(
                    world.clone(),
                    storage,
                    application,
                    made,
                    name.to_owned(),
                ));
            }
        }
        let (storage, changes) = (storage.clone(), shop.changes.clone());
        let times = chance.between(0, 3);
        actors.spawn(owner(
            world.clone(),
            storage,
            application.clone(),
            changes,
            times,
        ));
        for number in 0..chance.between(1, 2) {
            let batches = chance.between(1, 5);
            let name = format!("sdk-{number}");
            actors.spawn(sdk(world.clone(), application.clone(), name, batches));
        }
        let times = chance.between(0, 5);
        actors.spawn(reader(world.clone(), application.clone(), times));
        shop
    }

    /// At the end: every promise about the application.
    async fn judge(&self, world: &World) {
        for signal in SIGNALS {
            telemetry::judge(world, &self.application, signal).await;
        }
        telemetry::judge_quota(world).await;
        sign_in_again(world, &self.owner).await;
        members::judge(world, &self.owner, &self.application, &self.made).await;
        owner::judge(world, &self.owner, &self.application, &self.changes).await;
    }
}

/// `upblit admin check` finds nothing but leftovers, which expire.
async fn check(world: &World) {
    let mut broken = Vec::new();
    let database = world.calm_database();
    let mut each = |finding: Finding| {
        if finding.severity == Severity::Broken {
            broken.push(finding.to_string());
        }
    };
    let checked = database.check(world.now(), &mut each).await;
    checked.expect("nothing fails");
    if !broken.is_empty() {
        world.broke(format!("`upblit admin check` finds nothing: {broken:?}"));
    }
}
