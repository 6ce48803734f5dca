//! Browsers that stay signed in, and thieves.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::world::{Outgoing, Pair, World, lock};

/// What the tabs of a browser share: its local storage. Nothing locks it.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) user: u64,
    tokens: Mutex<Pair>,
    /// Refresh tokens in the order in which the browser first got them.
    had: Mutex<Vec<String>>,
    /// Whether somebody else has used a token of the browser.
    is_robbed: Mutex<bool>,
    is_signed_out: Mutex<bool>,
}

/// Distinct tokens after which an old one is held by no honest client.
const OUTDATED: usize = 5;

impl Storage {
    pub(crate) fn new(user: u64, tokens: Pair) -> Arc<Self> {
        Arc::new(Self {
            user,
            had: Mutex::new(vec![tokens.refresh.clone()]),
            tokens: Mutex::new(tokens),
            is_robbed: Mutex::default(),
            is_signed_out: Mutex::default(),
        })
    }

    /// The access token at this moment.
    pub(crate) fn access(&self) -> String {
        lock(&self.tokens).access.clone()
    }

    /// Puts tokens of another sign-in in place of those that it had.
    pub(crate) fn replace(&self, tokens: Pair) {
        *lock(&self.tokens) = tokens;
    }

    fn keep(&self, sent: &str, got: Pair) {
        let mut had = lock(&self.had);
        if !had.contains(&got.refresh) {
            had.push(got.refresh.clone());
        }
        let mut tokens = lock(&self.tokens);
        if tokens.refresh == sent {
            *tokens = got;
        }
    }
}

async fn refresh(world: &World, token: &str) -> Option<Result<Pair, u16>> {
    let request = Outgoing::new("POST", "/refresh").json(&json!({ "refreshToken": token }));
    let response = world.send(request).await?;
    if response.status != 200 {
        return Some(Err(response.status));
    }
    let tokens = response.json();
    let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
    Some(Ok(Pair {
        access: text("token"),
        refresh: text("refreshToken"),
    }))
}

/// Refreshes once, as a tab does: with what is stored, and again after a failure.
pub(crate) async fn renew(world: &World, storage: &Storage) {
    for _ in 0..8 {
        let sent = lock(&storage.tokens).refresh.clone();
        match refresh(world, &sent).await {
            Some(Ok(got)) => return storage.keep(&sent, got),
            Some(Err(401)) => {
                if !*lock(&storage.is_robbed) && !*lock(&storage.is_signed_out) {
                    let user = storage.user;
                    world.broke(format!("nobody is signed out without a thief: user {user}"));
                }
                *lock(&storage.is_signed_out) = true;
                return;
            }
            Some(Err(500)) => world.broke("a refresh never gets 500".to_owned()),
            _ => world.chance.sleep(200, 15_000).await,
        }
    }
}

/// A tab: refreshes `times`, at once with others or much later.
pub(crate) async fn tab(world: Arc<World>, storage: Arc<Storage>, times: u64) {
    for _ in 0..times {
        // At once with others, when the grace of the last move ends, or much later.
        match world.chance.between(0, 9) {
            0..4 => world.chance.sleep(0, 400).await,
            4..8 => world.chance.sleep(44_500, 45_500).await,
            _ => world.chance.sleep(20_000, 900_000).await,
        }
        if *lock(&storage.is_signed_out) {
            return;
        }
        renew(&world, &storage).await;
    }
}

/// A thief: copies a token, and replays it later. An outdated one is worth nothing.
pub(crate) async fn thief(world: Arc<World>, storage: Arc<Storage>) {
    world.chance.sleep(0, 1_200_000).await;
    let stolen = lock(&storage.tokens).refresh.clone();
    for _ in 0..world.chance.between(1, 4) {
        world.chance.sleep(1_000, 1_800_000).await;
        *lock(&storage.is_robbed) = true;
        let is_outdated = {
            let had = lock(&storage.had);
            let place = had.iter().position(|token| *token == stolen);
            place.is_some_and(|place| had.len() - place > OUTDATED)
        };
        if let Some(Ok(_)) = refresh(&world, &stolen).await
            && is_outdated
        {
            world.broke("an outdated token gets nothing".to_owned());
        }
    }
}
