//! Removes credentials and card numbers from decoded events, before anything is stored or put into
//! a filter. docs/decisions/0085 says what counts.
//!
//! Values of attributes with the name of a credential are replaced as a whole. In all other texts,
//! values in query strings and in JSON, user names in addresses, and card numbers are.

mod cards;
mod json;
mod names;
mod pairs;
mod users;

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memchr3;
use serde_json::{Map, Value};

use super::bounds::{Bounded, Part};
use super::{Decoded, Indexed};
use crate::event::{Event, Note, ResourceScope};
use names::is_credential;

/// Stands for the value of an attribute, and for a card number.
const SCRUBBED: &str = "[scrubbed]";

/// Stands for a value in a query string and for a user of an address, as OpenTelemetry's
/// conventions ask.
const REDACTED: &str = "REDACTED";

impl<E: Event + Bounded> Decoded<E> {
    /// Scrubs all events and their resources and scopes. Events of which something was scrubbed get
    /// a note.
    pub(crate) fn scrub(&mut self) {
        let mut shared = SharedScopes::default();
        for Indexed { event, .. } in &mut self.events {
            let of_scope = event.resource_scope().map(|scope| shared.scrubbed(scope));
            let of_scope = of_scope.flatten();
            let is_of_scope = of_scope.is_some();
            if is_of_scope {
                event.set_resource_scope(of_scope);
            }
            if scrub(event) || is_of_scope {
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
    fn scrubbed(&mut self, scope: &Arc<ResourceScope>) -> Option<Arc<ResourceScope>> {
        if let Some((last, scrubbed)) = &self.last
            && Arc::ptr_eq(last, scope)
        {
            return scrubbed.clone();
        }
        let mut copy = ResourceScope::clone(scope);
        let scrubbed = scrub(&mut copy).then(|| Arc::new(copy));
        self.last = Some((scope.clone(), scrubbed.clone()));
        scrubbed
    }
}

/// Scrubs all parts. Returns whether something changed.
fn scrub(bounded: &mut impl Bounded) -> bool {
    let mut is_changed = false;
    for (_, part) in bounded.parts() {
        is_changed |= match part {
            Part::Text(text) => scrub_text(text),
            Part::Values(values) => scrub_values(values),
        };
    }
    is_changed
}

fn scrub_values(values: &mut Map<String, Value>) -> bool {
    let mut is_changed = false;
    for (name, value) in values.iter_mut() {
        is_changed |= if is_credential(name) {
            replace(value)
        } else {
            scrub_value(value)
        };
    }
    is_changed
}

fn scrub_value(value: &mut Value) -> bool {
    match value {
        Value::String(text) => scrub_text(text),
        Value::Array(values) => values
            .iter_mut()
            .fold(false, |is_changed, value| scrub_value(value) | is_changed),
        Value::Object(values) => scrub_values(values),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Replaces the value of a credential. Whether there is one is no secret: booleans and empty values
/// stay.
fn replace(value: &mut Value) -> bool {
    let is_kept = match value {
        Value::Null | Value::Bool(_) => true,
        Value::String(text) => text.is_empty() || text == SCRUBBED,
        Value::Array(values) => values.is_empty(),
        Value::Object(values) => values.is_empty(),
        Value::Number(_) => false,
    };
    if !is_kept {
        *value = SCRUBBED.into();
    }
    !is_kept
}

fn scrub_text(text: &mut String) -> bool {
    match scrubbed(text) {
        Some(scrubbed) => {
            *text = scrubbed;
            true
        }
        None => false,
    }
}

/// The text without what is secret in it; `None` if there is nothing. Most texts have none of the
/// characters that are looked for first.
fn scrubbed(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut scrubbed = Cow::Borrowed(text);
    if let Some(first) = memchr3(b'@', b'=', b'"', bytes) {
        let rest = &bytes[first..];
        if rest.contains(&b'@') {
            apply(&mut scrubbed, users::scrubbed);
        }
        if rest.contains(&b'=') {
            apply(&mut scrubbed, pairs::scrubbed);
        }
        if rest.contains(&b'"') {
            apply(&mut scrubbed, json::scrubbed);
        }
    }
    if cards::may_have(bytes) {
        apply(&mut scrubbed, cards::scrubbed);
    }
    match scrubbed {
        Cow::Borrowed(_) => None,
        Cow::Owned(scrubbed) => Some(scrubbed),
    }
}

fn apply(text: &mut Cow<'_, str>, rule: fn(&str) -> Replaced<'_>) {
    if let Some(scrubbed) = rule(text).into_text() {
        *text = Cow::Owned(scrubbed);
    }
}

/// A text of which parts are replaced, from its beginning to its end.
struct Replaced<'a> {
    text: &'a str,
    /// The result up to `copied`; empty as long as nothing was replaced.
    result: String,
    copied: usize,
    is_changed: bool,
}

impl<'a> Replaced<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            result: String::new(),
            copied: 0,
            is_changed: false,
        }
    }

    /// Replaces the bytes from `start` to `end`, both at the boundaries of characters and not before
    /// those of the last call.
    fn replace(&mut self, start: usize, end: usize, by: &str) {
        if &self.text[start..end] == by {
            return;
        }
        self.result.push_str(&self.text[self.copied..start]);
        self.result.push_str(by);
        self.copied = end;
        self.is_changed = true;
    }

    /// The new text; `None` if nothing was replaced.
    fn into_text(mut self) -> Option<String> {
        self.result.push_str(&self.text[self.copied..]);
        self.is_changed.then_some(self.result)
    }
}

#[cfg(test)]
mod tests;
