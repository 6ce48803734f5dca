//! `upblit admin revoke-leaked`: revokes the keys that a text contains.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use shared::base::clock::Clock;
use shared::identity::api_key::{ApiKey, KeyState};
use shared::identity::audit::Actor;
use shared::store::Database;
use shared::store::api_keys::LeakOutcome;

use super::Failure;

/// Maximum size of the text, 64 MiB.
const MAX_TEXT: u64 = 64 * 1024 * 1024;

/// How every key begins.
const PREFIX: &str = "upblit_";

/// Reads the text from the standard input, so that no key is in a command line or its history.
///
/// # Errors
/// When the input cannot be read, is not UTF-8, or is larger than [`MAX_TEXT`].
pub(super) fn read() -> io::Result<String> {
    let mut text = String::new();
    let input = io::stdin().lock();
    input.take(MAX_TEXT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_TEXT {
        return Err(io::Error::other("the text is larger than 64 MiB"));
    }
    Ok(text)
}

/// Revokes the keys in the text that are valid in this deployment. Prints a line for each well-formed
/// key, with its id and never its secret. All other text is ignored. Takes one read per key, and one
/// transaction per key that it revokes.
///
/// # Errors
/// When storage fails, or the output cannot be written. Keys before the failure are revoked, and the command
/// can be repeated.
pub async fn revoke_leaked(
    text: &str,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let keys = keys_in(text);
    for key in &keys {
        let state = revoke(key, database, clock).await?;
        writeln!(out, "key {}: {state}", key.id())?;
    }
    writeln!(out, "{} keys found", keys.len())?;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(key: &ApiKey, database: &Database, clock: &Clock) -> Result<&'static str, Failure> {
    let now = clock.now();
    let stored = database.api_key(key.id()).await?;
    let Some(stored) = stored.filter(|stored| stored.has_secret(&key.hash(), now)) else {
        return Ok("not a valid key of this deployment");
    };
    if stored.key.state == KeyState::Revoked {
        return Ok("was revoked before");
    }
    let outcome = database.revoke_leaked_key(key.id(), Actor::Upblit, now);
    Ok(match outcome.await? {
        LeakOutcome::Revoked => "revoked",
        LeakOutcome::Ended => "was revoked before",
    })
}

/// Returns each well-formed key in a text once. A key with a wrong checksum is not well-formed.
fn keys_in(text: &str) -> Vec<ApiKey> {
    let mut seen = std::collections::HashSet::new();
    let candidates = text
        .match_indices(PREFIX)
        .filter_map(|(start, _)| text.get(start..start + ApiKey::LENGTH));
    candidates
        .filter_map(ApiKey::parse)
        .filter(|key| seen.insert(key.hash()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of docs/leaked-keys.md.
    const EXAMPLE: &str = "upblit_live_L000000000000000000EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE03BYBIf";

    #[test]
    fn a_key_is_found_anywhere_in_a_text_and_only_once() {
        let text = format!("ä{EXAMPLE}\n+API_KEY=\"{EXAMPLE}\", upblit_{EXAMPLE}x");
        assert_eq!(keys_in(&text).len(), 1);
    }

    #[test]
    fn mistyped_and_truncated_keys_and_other_texts_are_ignored() {
        let mistyped = EXAMPLE.replace("EXAMPLE0", "EXAMPLE1");
        for text in [
            "",
            "upblit_",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            &mistyped,
            &EXAMPLE[..60],
            "upblit_live_Ü",
        ] {
            assert_eq!(keys_in(text).len(), 0, "{text}");
        }
    }
}
