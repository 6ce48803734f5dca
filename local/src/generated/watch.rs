//! The routes of `cargo lambda watch`, a table in `Cargo.toml`.

use std::collections::{BTreeMap, BTreeSet};

use crate::routes::Route;

const TABLE: &str = "[workspace.metadata.lambda.watch.router]\n";

/// Replaces the routes in the manifest's table, which ends at the next table or the end of
/// the file. `None` if there is no such table.
pub(super) fn renewed(manifest: &str, routes: &BTreeSet<Route>) -> Option<String> {
    let (before, rest) = manifest.split_once(TABLE)?;
    let after = rest.find("\n[").map_or("", |end| &rest[end..]);
    Some(format!("{before}{TABLE}{}{after}", table(routes)))
}

fn table(routes: &BTreeSet<Route>) -> String {
    let mut by_path: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Route {
        function,
        path,
        method,
    } in routes
    {
        let served = format!(r#"{{ function = "{function}", method = "{method}" }}"#);
        // cargo lambda watch and API Gateway spell the rest of a path differently.
        let path = path.replace("{proxy+}", "{*proxy}");
        by_path.entry(path).or_default().push(served);
    }
    let lines = by_path.into_iter();
    lines
        .map(|(path, served)| match &served[..] {
            [one] => format!("\"{path}\" = [{one}]\n"),
            several => {
                let several = several.join(",\n    ");
                format!("\"{path}\" = [\n    {several},\n]\n")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_table_changes() {
        let routes = [
            Route::new("a", "GET", "/a"),
            Route::new("a", "POST", "/a"),
            Route::new("b", "GET", "/b/{id}"),
            Route::new("b", "GET", "/{proxy+}"),
        ];
        let old = format!("[workspace]\n{TABLE}\"/old\" = []\n\n[profile.dev]\ndebug = 1\n");
        let renewed = renewed(&old, &routes.into()).unwrap();
        let expected = [
            "[workspace]",
            TABLE.trim_end(),
            "\"/a\" = [",
            "    { function = \"a\", method = \"GET\" },",
            "    { function = \"a\", method = \"POST\" },",
            "]",
            "\"/b/{id}\" = [{ function = \"b\", method = \"GET\" }]",
            "\"/{*proxy}\" = [{ function = \"b\", method = \"GET\" }]",
            "",
            "[profile.dev]",
            "debug = 1",
            "",
        ];
        assert_eq!(renewed, expected.join("\n"));
        assert_eq!(super::renewed("[workspace]\n", &BTreeSet::new()), None);
    }
}
