//! Rules for crates that the compiler does not enforce. The layers of `shared/` are enforced by the
//! dependencies in their `Cargo.toml` files.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::process::Command;

use local::functions::FUNCTIONS;

use crate::routes::root;

/// The output of `cargo tree`, one crate per line.
fn cargo_tree(arguments: &[&str]) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix=none"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let tree = String::from_utf8(tree.stdout).unwrap();
    tree.lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect()
}

/// Names of all crates that a package is built from, including itself.
fn crates_of(package: &str) -> Vec<String> {
    let lines = cargo_tree(&["--edges=normal", "--package", package]);
    let names = lines.iter().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn pure_crates_have_no_runtime_no_http_and_no_sdk_in_their_tree() {
    for package in ["upblit-base", "upblit-identity", "upblit-telemetry"] {
        let crates = crates_of(package);
        assert!(crates.contains(&"serde".to_owned()), "{crates:?}");
        for name in crates {
            let is_io = ["tokio", "axum", "http", "hyper", "tower"].contains(&&*name)
                || ["aws-sdk", "aws-config", "aws-smithy", "lambda"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix));
            assert!(!is_io, "{package} depends on {name}");
        }
    }
}

/// Otherwise `cargo test -p` compiles them again, with all crates that depend on them.
#[test]
fn tests_of_one_crate_use_dependencies_with_the_features_of_the_workspace() {
    let with_features = ["--edges=normal,build,dev", "--format={p} {f}"];
    let workspace: HashSet<String> = cargo_tree(&[&with_features[..], &["--workspace"]].concat())
        .into_iter()
        .collect();
    for floor in ["base", "identity", "telemetry", "store", "web", "lambda"] {
        let package = format!("upblit-{floor}");
        let alone = cargo_tree(&[&with_features[..], &["--package", &package]].concat());
        let differing: BTreeSet<&String> = alone
            .iter()
            .filter(|line| !workspace.contains(*line))
            // Features of procedural macros: no other crate depends on them.
            .filter(|line| !line.starts_with("syn ") && !line.starts_with("upblit-"))
            .collect();
        assert!(
            differing.is_empty(),
            "add the features that `cargo tree --workspace --format '{{p}} {{f}}'` shows for these \
             to tests/features/Cargo.toml: {differing:#?}"
        );
    }
}

#[test]
fn the_store_depends_on_the_dynamodb_sdk_but_web_identity_and_telemetry_do_not() {
    for package in ["upblit-web", "upblit-identity", "upblit-telemetry"] {
        let crates = crates_of(package);
        assert!(
            !crates.contains(&"aws-sdk-dynamodb".to_owned()),
            "{package}"
        );
    }
    assert!(crates_of("upblit-store").contains(&"aws-sdk-dynamodb".to_owned()));
}

#[test]
fn the_main_of_every_function_has_at_most_fifteen_lines() {
    for function in FUNCTIONS {
        let main = format!("functions/{}/src/main.rs", function.name);
        let lines = fs::read_to_string(root().join(&main)).unwrap();
        let lines = lines.lines().count();
        assert!(lines <= 15, "{main}: {lines} lines");
    }
}

/// A guarantee whose test was renamed or removed would no longer be verified.
#[test]
fn every_test_that_security_md_names_exists() {
    let security = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let folder = root().join("tests/flows");
    let mut named = 0;
    for name in security.split('`').skip(1).step_by(2) {
        let Some((module, test)) = name.rsplit_once("::").filter(|(_, t)| !t.contains('…'))
        else {
            continue;
        };
        let file = format!("{}.rs", module.replace("::", "/"));
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(
            text.contains(&format!("fn {test}(")),
            "SECURITY.md names {name}"
        );
        named += 1;
    }
    assert!(named > 20, "{named}");
}

/// The same of the promises in docs/reliability.md, which names the files of their tests.
#[test]
fn every_file_that_reliability_md_names_exists() {
    let promises = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let named = promises.split('`').skip(1).step_by(2);
    let files: Vec<&str> = named.filter(|name| name.ends_with(".rs")).collect();
    assert!(files.len() > 6, "{files:?}");
    for file in files {
        assert!(
            root().join(file).is_file(),
            "docs/reliability.md names {file}"
        );
    }
}
