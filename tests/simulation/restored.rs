//! A restore: settings and rollups of an earlier time are copied into tables that are in use, and
//! `upblit admin restore` repairs them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::store::Table;
use shared::store::admin::restore::Mode;

use crate::world::World;

type Item = HashMap<String, AttributeValue>;

/// Items of an earlier time.
pub(crate) struct Copied {
    items: Vec<(Table, Item)>,
}

/// Copies applications with their keys, and rollups.
pub(crate) async fn copy(world: &World) -> Copied {
    let database = world.calm_database();
    let mut items = Vec::new();
    for table in [Table::Applications, Table::ApiKeys, Table::Telemetry] {
        let scan = database
            .client
            .scan()
            .table_name(database.tables.name(table));
        let scanned = scan
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<Item>, _>>();
        let scanned = scanned.await.expect("nothing fails");
        let copied = scanned.into_iter().filter(|item| match table {
            Table::Applications => item["sk"].as_s().is_ok_and(|sk| sk == "meta"),
            Table::Telemetry => item.contains_key("rollup"),
            _ => true,
        });
        items.extend(copied.map(|item| (table, item)));
    }
    Copied { items }
}

/// Puts the items back, and repairs what does not agree then.
pub(crate) async fn restore(world: &World, copied: Copied) {
    world.trace.add("items of an earlier time are restored", "");
    let database = world.calm_database();
    for (table, item) in copied.items {
        let put = database
            .client
            .put_item()
            .table_name(database.tables.name(table));
        put.set_item(Some(item))
            .send()
            .await
            .expect("nothing fails");
    }
    let mut each = |change| world.trace.add(&format!("repaired: {change}"), "");
    let restored = database.restore(Mode::Apply, world.now(), &mut each).await;
    restored.expect("nothing fails");
}
