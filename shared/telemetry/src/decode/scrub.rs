//! Removes credentials and card numbers from decoded events, before anything is stored or put into
//! a filter. docs/decisions/0085 says what counts.
//!
//! Values of attributes with the name of a credential are replaced as a whole, as are integers that are
//! card numbers. In all other texts, only the secret parts are replaced: values with such a name, user names
//! and passwords in addresses, and card numbers.

mod allowance;
mod cards;
mod names;
mod pairs;
mod placeholders;
mod quotes;
mod users;

use std::borrow::Cow;
use std::sync::Arc;

use memchr::{memchr, memchr2};
use serde_json::{Map, Value};

use super::bounds::{Bounded, Part};
use super::{Decoded, Indexed};
use crate::event::{Event, Note, ResourceScope};
use allowance::Allowance;
use names::is_credential;

/// Replaces the value of an attribute, a value after a colon in a text, and a card number.
const SCRUBBED: &str = "[scrubbed]";

/// Replaces a value after `=` in a text, and user name and password in an address, as OpenTelemetry's
/// conventions ask for URLs.
const REDACTED: &str = "REDACTED";

/// What the allowance is charged for replacing a whole value, in bytes: the memory of the mark, whatever it
/// replaces.
const MARK_MEMORY: usize = 32;

impl<E: Event + Bounded> Decoded<E> {
    /// Scrubs all events and their resources and scopes. Events of which something was scrubbed get
    /// a note.
    pub(crate) fn scrub(&mut self) {
        let mut shared = SharedScopes::default();
        let mut allowance = Allowance::of_batch();
        for Indexed { event, .. } in &mut self.events {
            let of_scope = event.resource_scope();
            let of_scope = of_scope.and_then(|scope| shared.scrubbed(scope, &mut allowance));
            let is_of_scope = of_scope.is_some();
            if is_of_scope {
                event.set_resource_scope(of_scope);
            }
            if scrub(event, &mut allowance) || is_of_scope {
                event.add_note(Note::Scrubbed);
            }
        }
    }
}

/// The last resource and scope. Consecutive events share it.
#[derive(Default)]
struct SharedScopes {
    last: Option<(Arc<ResourceScope>, Option<Arc<ResourceScope>>)>,
}

impl SharedScopes {
    /// The scrubbed resource and scope; `None` if there was nothing to scrub.
    fn scrubbed(
        &mut self,
        scope: &Arc<ResourceScope>,
        allowance: &mut Allowance,
    ) -> Option<Arc<ResourceScope>> {
        if let Some((last, scrubbed)) = &self.last
            && Arc::ptr_eq(last, scope)
        {
            return scrubbed.clone();
        }
        let mut copy = ResourceScope::clone(scope);
        let scrubbed = scrub(&mut copy, allowance).then(|| Arc::new(copy));
        self.last = Some((scope.clone(), scrubbed.clone()));
        scrubbed
    }
}

/// Scrubs all parts. Returns whether something changed.
fn scrub(bounded: &mut impl Bounded, allowance: &mut Allowance) -> bool {
    allowance.next_event();
    let mut is_changed = false;
    for (_, part) in bounded.parts() {
        is_changed |= match part {
            Part::Text(text) => scrub_text(text, allowance),
            Part::Values(values) => scrub_values(values, allowance),
        };
    }
    is_changed
}

fn scrub_values(values: &mut Map<String, Value>, allowance: &mut Allowance) -> bool {
    let mut is_changed = false;
    for (name, value) in values.iter_mut() {
        is_changed |= if is_credential(name) {
            replace(value, allowance)
        } else {
            scrub_value(value, allowance)
        };
    }
    is_changed
}

fn scrub_value(value: &mut Value, allowance: &mut Allowance) -> bool {
    match value {
        Value::String(text) => scrub_text(text, allowance),
        Value::Array(values) => values.iter_mut().fold(false, |is_changed, value| {
            scrub_value(value, allowance) | is_changed
        }),
        Value::Object(values) => scrub_values(values, allowance),
        Value::Number(number) => {
            let is_card = number.as_u64().is_some_and(cards::is_card);
            is_card && replace(value, allowance)
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// Replaces the value of a credential. Booleans and empty values stay, because they reveal only whether
/// there is a credential.
fn replace(value: &mut Value, allowance: &mut Allowance) -> bool {
    let is_kept = match value {
        Value::Null | Value::Bool(_) => true,
        Value::String(text) => text.is_empty() || text == SCRUBBED,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        Value::Number(_) => false,
    };
    if !is_kept {
        let is_marked = allowance.takes(MARK_MEMORY);
        *value = if is_marked { SCRUBBED } else { "" }.into();
    }
    !is_kept
}

fn scrub_text(text: &mut String, allowance: &mut Allowance) -> bool {
    match scrubbed(text, allowance) {
        Some(scrubbed) => {
            *text = scrubbed;
            true
        }
        None => false,
    }
}

/// The text without what is secret in it; `None` if there is nothing. Most texts have none of the
/// characters that are looked for first.
fn scrubbed(text: &str, allowance: &mut Allowance) -> Option<String> {
    let bytes = text.as_bytes();
    let mut scrubbed = Cow::Borrowed(text);
    if let Some(first) = memchr2(b'=', b':', bytes) {
        if memchr(b'@', &bytes[first..]).is_some() {
            apply(&mut scrubbed, allowance, users::scrubbed);
        }
        apply(&mut scrubbed, allowance, pairs::scrubbed);
    }
    if cards::may_have(bytes) {
        apply(&mut scrubbed, allowance, cards::scrubbed);
    }
    match scrubbed {
        Cow::Borrowed(_) => None,
        Cow::Owned(scrubbed) => Some(scrubbed),
    }
}

fn apply(
    text: &mut Cow<'_, str>,
    allowance: &mut Allowance,
    rule: fn(&str, &mut Allowance) -> Option<String>,
) {
    if let Some(scrubbed) = rule(text, allowance) {
        *text = Cow::Owned(scrubbed);
    }
}

/// A text of which parts are replaced, from its beginning to its end.
struct Replaced<'a> {
    text: &'a str,
    allowance: &'a mut Allowance,
    /// The result up to `copied`; empty as long as nothing was replaced.
    result: String,
    copied: usize,
    is_changed: bool,
}

impl<'a> Replaced<'a> {
    fn new(text: &'a str, allowance: &'a mut Allowance) -> Self {
        Self {
            text,
            allowance,
            result: String::new(),
            copied: 0,
            is_changed: false,
        }
    }

    /// Replaces the bytes from `start` to `end`. Both must be character boundaries, and `start` must not be
    /// before the `end` of the last call.
    fn replace(&mut self, start: usize, end: usize, by: &str) {
        if &self.text[start..end] == by {
            return;
        }
        self.result.push_str(&self.text[self.copied..start]);
        self.result.push_str(self.allowance.replacement(by));
        self.copied = end;
        self.is_changed = true;
    }

    /// The new text; `None` if nothing was replaced.
    fn into_text(mut self) -> Option<String> {
        if !self.is_changed {
            return None;
        }
        self.result.push_str(&self.text[self.copied..]);
        self.result.shrink_to_fit();
        Some(self.result)
    }
}

#[cfg(test)]
mod tests;
