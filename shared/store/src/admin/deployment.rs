//! Finds the tables of a deployment by the name of its stack.

use thiserror::Error;

use crate::error::failed;
use crate::{Database, StorageError, Table, TableNames};

/// Why the tables of a stack were not found.
#[derive(Debug, Error)]
pub enum UnknownStack {
    /// The account has no such table in this region.
    #[error(
        "there is no {0} of this stack in this account and region: check --stack, AWS_PROFILE and \
         AWS_REGION"
    )]
    NoTable(String),
    /// Tables outlive their stack, so an earlier stack of the same name leaves some.
    #[error(
        "there are several {0} of stacks with this name: set {1} to the output of this stack and \
         the other TABLE_… settings, and use --environment"
    )]
    SeveralTables(String, &'static str),
    /// The tables cannot be listed.
    #[error("the tables cannot be listed")]
    Storage(#[from] StorageError),
}

impl Database {
    /// Creates a client for the database of a stack, for an operator. Its tables are those that
    /// CloudFormation named `STACK-LogicalName-SUFFIX`.
    ///
    /// # Errors
    /// When a table is missing or not unique, or storage fails.
    pub async fn of_stack(stack: &str) -> Result<Self, UnknownStack> {
        let nameless = TableNames::from_fn(|_| "");
        let database = Self::for_operator(nameless).await;
        let names = database.client.list_tables().into_paginator();
        let names = names.items().send().try_collect().await;
        let names: Vec<String> = names.map_err(failed).map_err(UnknownStack::Storage)?;
        Ok(Self {
            tables: among(&names, stack)?,
            ..database
        })
    }
}

/// Finds the tables of a stack among all names of tables.
fn among(names: &[String], stack: &str) -> Result<TableNames, UnknownStack> {
    let mut found = Vec::new();
    for table in Table::ALL {
        let logical = table.logical_name();
        let prefix = format!("{stack}-{logical}-");
        let is_suffix = |suffix: &str| suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut of_stack = names
            .iter()
            .filter(|name| name.strip_prefix(&prefix).is_some_and(is_suffix));
        let Some(name) = of_stack.next() else {
            return Err(UnknownStack::NoTable(logical));
        };
        if of_stack.next().is_some() {
            return Err(UnknownStack::SeveralTables(logical, table.setting()));
        }
        found.push((table, name));
    }
    let name = |table| found.iter().find(|(found, _)| *found == table);
    Ok(TableNames::from_fn(|table| {
        name(table).map_or("", |(_, name)| name)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(stack: &str, suffix: &str) -> Vec<String> {
        Table::ALL
            .map(|table| format!("{stack}-{}-{suffix}", table.logical_name()))
            .into()
    }

    #[test]
    fn the_tables_of_a_stack_are_found_by_their_generated_names() {
        let mut all = names("upblit", "1A2B3C");
        all.extend(names("upblit-staging", "4D5E6F"));
        all.push("upblit-UsersTable-1A2B3C-restored".to_owned());
        let found = among(&all, "upblit").unwrap();
        for table in Table::ALL {
            let expected = format!("upblit-{}-1A2B3C", table.logical_name());
            assert_eq!(found.name(table), expected);
        }
    }

    #[test]
    fn a_missing_table_or_one_of_an_earlier_stack_is_an_error_that_says_what_to_do() {
        let mut all = names("upblit", "1A2B3C");
        let missing = among(&all, "upbilt").unwrap_err().to_string();
        assert!(missing.contains("no UsersTable"), "{missing}");
        all.push("upblit-ApiKeysTable-OLD".to_owned());
        let several = among(&all, "upblit").unwrap_err().to_string();
        assert!(several.contains("TABLE_API_KEYS"), "{several}");
    }
}
