//! `docs/adversarial-cases.md` and the tests that it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::routes::root;

/// Folders that the first parts of the tests' names in the table stand for.
const FOLDERS: [(&str, &str); 9] = [
    ("flows", "tests/flows"),
    ("base", "shared/base/src"),
    ("identity", "shared/identity/src"),
    ("lambda", "shared/lambda/src"),
    ("local", "local/src"),
    ("telemetry", "shared/telemetry/src"),
    ("web", "shared/web/src"),
    ("oauth", "functions/oauth/src"),
    ("dashboard", "functions/dashboard/src"),
];

/// A row of the table.
struct Case {
    id: String,
    /// Empty if the table says "not covered".
    tests: Vec<String>,
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(root().join("docs/adversarial-cases.md")).unwrap();
    let mut cases = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, id, what, tests, _] = cells[..] else {
            continue;
        };
        if !is_id(id) {
            continue;
        }
        assert!(!what.is_empty(), "{id} has no description");
        let named = tests.split('`').skip(1).step_by(2);
        let named: Vec<String> = named.map(str::to_owned).collect();
        assert_eq!(named.is_empty(), tests == "not covered", "{id}: {tests}");
        cases.push(Case {
            id: id.to_owned(),
            tests: named,
        });
    }
    assert!(cases.len() > 150, "{}", cases.len());
    cases
}

/// Whether a text is a capital letter and a number.
fn is_id(text: &str) -> bool {
    let number = text.strip_prefix(|first: char| first.is_ascii_uppercase());
    number.is_some_and(|number| number.parse::<u8>().is_ok())
}

/// Names of the tests in a Rust file.
fn tests_in(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let mut names = BTreeSet::new();
    let mut follows_attribute = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            follows_attribute = true;
        } else if let Some((_, function)) = line.split_once("fn ") {
            if follows_attribute {
                names.insert(function.split('(').next().unwrap().to_owned());
            }
            follows_attribute = false;
        }
    }
    names
}

/// Whether the file of a browser test exists, or the file of a Rust test contains it.
pub fn exists(test: &str) -> bool {
    if test.contains('/') {
        return root().join(test).exists();
    }
    let parts: Vec<&str> = test.split("::").collect();
    let [prefix, modules @ .., name] = &parts[..] else {
        return false;
    };
    let folder = FOLDERS.iter().find(|(known, _)| known == prefix);
    let Some((_, folder)) = folder else {
        return false;
    };
    let file = root().join(format!("{folder}/{}.rs", modules.join("/")));
    file.exists() && tests_in(&file).contains(*name)
}

#[test]
fn every_test_in_the_table_exists() {
    let tests = cases().into_iter().flat_map(|case| case.tests);
    let missing: Vec<String> = tests.filter(|test| !exists(test)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn every_case_is_listed_once() {
    let mut ids = BTreeSet::new();
    for case in cases() {
        assert!(ids.insert(case.id.clone()), "{} is listed twice", case.id);
    }
}

#[test]
fn no_test_name_contains_the_id_of_a_case() {
    let ids: BTreeSet<String> = cases().into_iter().map(|case| case.id).collect();
    let mut names = BTreeSet::new();
    for folder in ["functions", "local", "shared", "tests"] {
        for file in rust_files(root().join(folder)) {
            names.extend(tests_in(&file));
        }
    }
    assert!(names.len() > 500, "{}", names.len());
    let has_id = |name: &String| {
        name.split('_')
            .any(|word| ids.contains(&word.to_uppercase()))
    };
    let coded: Vec<String> = names.into_iter().filter(has_id).collect();
    assert_eq!(coded, Vec::<String>::new());
}

fn rust_files(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
