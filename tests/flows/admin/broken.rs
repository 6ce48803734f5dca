//! Breaks the invariants that `upblit admin check` verifies, one at a time. The check must find each.

mod telemetry;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::store::Table;

use super::{Busy, Item, begins, findings};
use crate::support::stored::text;

/// A change to an item.
enum Edit {
    Number(&'static str, i64),
    Text(&'static str, &'static str),
    Remove(&'static str),
    /// Changes a byte of an attribute.
    Damage(&'static str),
    Delete,
    /// Adds a copy of the item, in which a part of the text of an attribute is replaced.
    Copy(&'static str, &'static str, &'static str),
    /// Like [`Edit::Copy`], and deletes the item.
    Move(&'static str, &'static str, &'static str),
}

use Edit::{Copy, Damage, Delete, Move, Number, Remove, Text};

/// Selects the items that an edit applies to.
type Selection = fn(&Item) -> bool;

struct Case {
    table: Table,
    selection: Selection,
    edit: Edit,
    finding: &'static str,
}

const fn case(table: Table, selection: Selection, edit: Edit, finding: &'static str) -> Case {
    Case {
        table,
        selection,
        edit,
        finding,
    }
}

fn meta(item: &Item) -> bool {
    begins(item, "sk", "meta")
}

fn member(item: &Item) -> bool {
    begins(item, "sk", "member#")
}

fn invite(item: &Item) -> bool {
    begins(item, "sk", "invite#")
}

fn audit(item: &Item) -> bool {
    begins(item, "sk", "audit#")
}

fn created(item: &Item) -> bool {
    begins(item, "action", "application.created")
}

fn minted(item: &Item) -> bool {
    begins(item, "action", "key.minted")
}

fn revoked(item: &Item) -> bool {
    begins(item, "state", "revoked")
}

fn active(item: &Item) -> bool {
    begins(item, "state", "active")
}

fn any(_: &Item) -> bool {
    true
}

/// Cases about users, their sessions, applications and keys, and short-lived items.
const OF_USERS: &[Case] = &[
    case(
        Table::Users,
        any,
        Number("sessions", 0),
        "has 1 live sessions, but its counter is 0",
    ),
    case(
        Table::Users,
        any,
        Number("applications", 7),
        "created 1 applications, but its counter is 7",
    ),
    case(Table::Users, any, Text("sessions", "x"), ": cannot be read"),
    case(
        Table::Users,
        any,
        Number("blocked_ms", 1),
        "is blocked, but has 1 live sessions",
    ),
    case(
        Table::Users,
        any,
        Remove("login"),
        "has neither a profile nor a block",
    ),
    case(Table::Users, any, Remove("login"), "its member "),
    case(
        Table::Users,
        any,
        Delete,
        "live sessions of a user who does not exist",
    ),
    case(Table::Users, any, Delete, "its member "),
    case(
        Table::RefreshTokens,
        any,
        Number("previous_counter", 9),
        "its previous token is not older",
    ),
    case(
        Table::RefreshTokens,
        any,
        Number("moved_ms", 1),
        "its last move and its last use differ",
    ),
    case(
        Table::RefreshTokens,
        any,
        Number("expires_at", 1),
        "expires_at is not the time",
    ),
    case(
        Table::RefreshTokens,
        any,
        Remove("expires_at"),
        "broken RefreshTokens ",
    ),
    case(
        Table::Applications,
        meta,
        Number("keys", 9),
        "has 3 keys, but its counter is 9",
    ),
    case(
        Table::Applications,
        meta,
        Number("members", 9),
        "has 2 members, but its counter is 9",
    ),
    case(
        Table::Applications,
        invite,
        Remove("expires_at"),
        "does not expire",
    ),
    case(
        Table::Applications,
        invite,
        Remove("role"),
        "cannot be read",
    ),
    case(
        Table::Applications,
        meta,
        Delete,
        "a membership or invite of an application that does not exist",
    ),
    case(
        Table::Applications,
        meta,
        Delete,
        "can be used although its application does not exist",
    ),
    case(
        Table::Applications,
        meta,
        Remove("name"),
        "meta: cannot be read",
    ),
    case(Table::Applications, member, Delete, "has no owner"),
    case(
        Table::Applications,
        member,
        Text("role", "king"),
        "cannot be read",
    ),
    case(
        Table::Applications,
        member,
        Copy("sk", "member", "x"),
        "leftover Applications",
    ),
    case(
        Table::Applications,
        created,
        Delete,
        "does not say who created the application",
    ),
    case(
        Table::Applications,
        minted,
        Delete,
        "does not say who minted the key",
    ),
    case(
        Table::Applications,
        audit,
        Remove("expires_at"),
        "does not expire",
    ),
    case(
        Table::Applications,
        audit,
        Text("action", "x"),
        "cannot be read",
    ),
    case(
        Table::ApiKeys,
        active,
        Number("shard_count", 4),
        "differ from those of its application",
    ),
    case(
        Table::ApiKeys,
        active,
        Number("retention_days", 4),
        "differ from those of its application",
    ),
    case(
        Table::ApiKeys,
        active,
        Text("application_by", "999999"),
        "is charged to another user than the one who created its application",
    ),
    case(
        Table::ApiKeys,
        active,
        Number("expires_at", 4),
        "expires although it is not revoked",
    ),
    case(
        Table::ApiKeys,
        active,
        Delete,
        "has 1 keys, but its counter is 3",
    ),
    case(Table::ApiKeys, active, Remove("hash"), "broken ApiKeys"),
    case(
        Table::ApiKeys,
        revoked,
        Remove("expires_at"),
        "a revoked key that does not expire",
    ),
    case(
        Table::ShortLived,
        any,
        Remove("expires_at"),
        "does not expire",
    ),
    case(
        Table::ShortLived,
        any,
        Copy("pk", "health", "x"),
        "leftover ShortLived x#",
    ),
];

async fn apply(busy: &Busy, case: &Case) {
    let items = busy.items(case.table, case.selection).await;
    assert!(!items.is_empty(), "nothing to break for {:?}", case.finding);
    for item in items {
        let mut edited = item.clone();
        let set = |item: &mut Item, name: &str, value| {
            item.insert(name.to_owned(), value);
        };
        match &case.edit {
            Number(name, value) => set(&mut edited, name, AttributeValue::N(value.to_string())),
            Text(name, value) => set(&mut edited, name, AttributeValue::S((*value).to_owned())),
            Remove(name) => drop(edited.remove(*name)),
            Damage(name) => set(&mut edited, name, damaged(&item[*name])),
            Copy(name, from, to) | Move(name, from, to) => {
                let replaced = text(&item, name).replace(from, to);
                set(&mut edited, name, AttributeValue::S(replaced));
            }
            Delete => {}
        }
        if matches!(case.edit, Delete | Move(..)) {
            busy.delete(case.table, &item).await;
        }
        if !matches!(case.edit, Delete) {
            busy.put(case.table, edited).await;
        }
    }
}

fn damaged(value: &AttributeValue) -> AttributeValue {
    let mut bytes = value.as_b().unwrap().clone().into_inner();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    AttributeValue::B(Blob::new(bytes))
}

async fn each_is_found(cases: &[Case]) {
    for case in cases {
        let busy = Busy::start().await;
        apply(&busy, case).await;
        let found = findings(&busy.backend).await;
        let is_found = found.iter().any(|line| line.contains(case.finding));
        assert!(is_found, "{:?} not in {found:#?}", case.finding);
    }
}

#[tokio::test]
async fn broken_users_sessions_applications_and_keys_are_found() {
    each_is_found(OF_USERS).await;
}
