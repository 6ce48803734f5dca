//! The house keeps its floors: the domain knows neither the SDK nor the front
//! door, and only the tables' modules know the SDK.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

fn is_below(path: &Path, folder: &str) -> bool {
    let relative = path
        .strip_prefix(root())
        .unwrap()
        .to_string_lossy()
        .replace(".rs", "/");
    relative.starts_with(folder)
}

#[test]
fn only_the_tables_and_the_host_use_the_aws_sdk() {
    for (path, text) in sources(&root().join("shared/src"))
        .into_iter()
        .chain(sources(&root().join("functions")))
    {
        let may = is_below(&path, "shared/src/dynamo/") || is_below(&path, "shared/src/host/");
        let uses = ["aws_sdk", "aws_config", "aws_smithy"]
            .iter()
            .any(|name| text.contains(name));
        assert!(may || !uses, "{} uses the SDK", path.display());
    }
}

#[test]
fn the_domain_knows_neither_tables_nor_front_door() {
    // `observed` belongs to no floor: the front door opens it, all may note in it.
    const UPPER: [&str; 5] = ["dynamo", "http", "host", "lib", "observed"];
    for (path, text) in sources(&root().join("shared/src")) {
        if UPPER
            .iter()
            .any(|floor| is_below(&path, &format!("shared/src/{floor}/")))
        {
            continue;
        }
        for forbidden in [
            "crate::dynamo",
            "use axum",
            "use http::",
            "async fn",
            "tokio::",
        ] {
            assert!(
                !text.contains(forbidden),
                "{} has {forbidden}",
                path.display()
            );
        }
    }
}

#[test]
fn every_main_only_hosts() {
    for function in ["oauth", "refresh", "applications", "apikey", "ingest"] {
        let main = root().join("functions").join(function).join("src/main.rs");
        let lines = fs::read_to_string(main).unwrap().lines().count();
        assert!(lines <= 15, "{function}: {lines} lines");
    }
}

/// A promise whose test was renamed or removed is a promise without one.
#[test]
fn every_test_that_security_md_names_exists() {
    let security = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let folder = root().join("tests/flows");
    let mut named = 0;
    for name in security.split('`').skip(1).step_by(2) {
        let Some((module, test)) = name.split_once("::").filter(|(_, t)| !t.contains('…')) else {
            continue;
        };
        let text = fs::read_to_string(folder.join(format!("{module}.rs"))).unwrap();
        assert!(
            text.contains(&format!("fn {test}(")),
            "SECURITY.md names {name}"
        );
        named += 1;
    }
    assert!(named > 20, "{named}");
}
