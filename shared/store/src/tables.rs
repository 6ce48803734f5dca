//! Table definitions for the local engine. `template.yaml` has the same for AWS.

use crate::error::{failed, unbuildable};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};

use crate::keys::{APPLICATION_ID, APPLICATIONS_BY_USER, KEY_ID, PK, SESSION_ID, SK, TTL, USER_ID};
use crate::{Database, StorageError, TableNames};

/// Key schema and expiry of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDefinition<'a> {
    /// Table name in this deployment.
    pub name: &'a str,
    /// Attribute name of the partition key.
    pub partition_key: &'static str,
    /// Attribute name of the sort key, if any.
    pub sort_key: Option<&'static str>,
    /// Whether items are deleted after [`TTL`].
    pub expires: bool,
    /// Name, partition key and sort key of an index that projects only keys.
    pub index: Option<(&'static str, &'static str, &'static str)>,
}

/// Returns the definitions of all tables.
pub fn definitions(names: &TableNames) -> [TableDefinition<'_>; 6] {
    let table = |name, partition_key, sort_key| TableDefinition {
        name,
        partition_key,
        sort_key,
        expires: true,
        index: None,
    };
    [
        TableDefinition {
            expires: false,
            ..table(&names.users, USER_ID, None)
        },
        table(&names.refresh_tokens, USER_ID, Some(SESSION_ID)),
        TableDefinition {
            index: Some((APPLICATIONS_BY_USER, USER_ID, APPLICATION_ID)),
            ..table(&names.applications, APPLICATION_ID, Some(SK))
        },
        table(&names.api_keys, APPLICATION_ID, Some(KEY_ID)),
        table(&names.telemetry, PK, Some(SK)),
        table(&names.short_lived, PK, None),
    ]
}

impl Database {
    /// Creates missing tables in the local engine. In AWS the template creates them.
    ///
    /// # Errors
    /// When the engine cannot be reached or returns an error.
    pub async fn create_missing_tables(&self) -> Result<(), StorageError> {
        let existing = self.client.list_tables().send().await.map_err(failed)?;
        for definition in definitions(&self.tables) {
            if !existing
                .table_names()
                .iter()
                .any(|name| name == definition.name)
            {
                self.create_table(&definition).await?;
            }
        }
        Ok(())
    }

    async fn create_table(&self, table: &TableDefinition<'_>) -> Result<(), StorageError> {
        self.client
            .create_table()
            .table_name(table.name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(key_schema(table.partition_key, table.sort_key)?))
            .set_attribute_definitions(Some(attributes(table)?))
            .set_global_secondary_indexes(index(table)?.map(|index| vec![index]))
            .send()
            .await
            .map_err(failed)?;
        if table.expires {
            let ttl = TimeToLiveSpecification::builder()
                .enabled(true)
                .attribute_name(TTL);
            self.client
                .update_time_to_live()
                .table_name(table.name)
                .time_to_live_specification(ttl.build().map_err(unbuildable)?)
                .send()
                .await
                .map_err(failed)?;
        }
        Ok(())
    }
}

fn key_schema(
    partition_key: &str,
    sort_key: Option<&str>,
) -> Result<Vec<KeySchemaElement>, StorageError> {
    let element = |(name, key_type): (&str, KeyType)| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(key_type)
            .build()
    };
    let partition_key = Some((partition_key, KeyType::Hash));
    let sort_key = sort_key.map(|name| (name, KeyType::Range));
    partition_key
        .into_iter()
        .chain(sort_key)
        .map(element)
        .collect::<Result<_, _>>()
        .map_err(unbuildable)
}

/// Attribute definitions of the keys, which are all strings.
fn attributes(table: &TableDefinition) -> Result<Vec<AttributeDefinition>, StorageError> {
    let index_keys = table
        .index
        .iter()
        .flat_map(|(_, partition, sort)| [*partition, *sort]);
    let mut names: Vec<&str> = [table.partition_key]
        .into_iter()
        .chain(table.sort_key)
        .chain(index_keys)
        .collect();
    names.sort_unstable();
    names.dedup();
    let define = |name: &str| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(ScalarAttributeType::S).build()
    };
    names
        .into_iter()
        .map(define)
        .collect::<Result<_, _>>()
        .map_err(unbuildable)
}

fn index(table: &TableDefinition) -> Result<Option<GlobalSecondaryIndex>, StorageError> {
    let Some((name, partition_key, sort_key)) = table.index else {
        return Ok(None);
    };
    let keys_only = Projection::builder()
        .projection_type(ProjectionType::KeysOnly)
        .build();
    let index = GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(key_schema(partition_key, Some(sort_key))?))
        .projection(keys_only);
    Ok(Some(index.build().map_err(unbuildable)?))
}
