//! `docs/asvs.md`: no requirement is missing, and the tests and files that it names exist.

use std::collections::BTreeMap;
use std::fs;

use super::adversarial_cases::exists;
use crate::routes::root;

/// Number of requirements of levels 1 and 2 in each chapter of ASVS 5.0.
const REQUIREMENTS: [usize; 17] = [27, 11, 19, 10, 9, 35, 18, 7, 7, 29, 14, 9, 13, 9, 13, 16, 7];

/// A row of a table.
struct Row {
    requirements: Vec<String>,
    state: String,
    why: String,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(root().join("docs/asvs.md")).unwrap();
    let mut rows = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, requirements, state, why, _] = cells[..] else {
            continue;
        };
        if requirements.starts_with(|first: char| first.is_ascii_digit()) {
            rows.push(Row {
                requirements: requirements.split(", ").flat_map(requirements_in).collect(),
                state: state.to_owned(),
                why: why.to_owned(),
            });
        }
    }
    rows
}

/// The requirements of a range, such as 1.2.3–1.2.5, or a single one.
fn requirements_in(range: &str) -> Vec<String> {
    let (first, last) = range.split_once('–').unwrap_or((range, range));
    let (section, first) = first.rsplit_once('.').unwrap();
    let (of_last, last) = last.rsplit_once('.').unwrap();
    assert_eq!(section, of_last, "{range}");
    let numbers = first.parse::<u8>().unwrap()..=last.parse().unwrap();
    numbers
        .map(|number| format!("{section}.{number}"))
        .collect()
}

#[test]
fn every_requirement_of_asvs_is_in_one_row_with_a_state_and_a_reason() {
    let mut states = BTreeMap::new();
    for row in rows() {
        let known = ["met", "not met", "not applicable"];
        assert!(known.contains(&&*row.state), "{}", row.state);
        assert!(!row.why.is_empty(), "{:?}", row.requirements);
        for requirement in row.requirements {
            let before = states.insert(requirement.clone(), row.state.clone());
            assert_eq!(before, None, "{requirement} is in two rows");
        }
    }
    let in_chapter = |chapter: usize| {
        let prefix = format!("{chapter}.");
        states.keys().filter(|id| id.starts_with(&prefix)).count()
    };
    let counts: Vec<usize> = (1..=REQUIREMENTS.len()).map(in_chapter).collect();
    assert_eq!(counts, REQUIREMENTS);
    let text = fs::read_to_string(root().join("docs/asvs.md")).unwrap();
    let of = |state: &str| states.values().filter(|known| *known == state).count();
    let (met, not_met, not_applicable) = (of("met"), of("not met"), of("not applicable"));
    let sum = format!("{met} are met, {not_met} are\nnot, {not_applicable} do not apply");
    assert!(text.contains(&sum), "docs/asvs.md should say: {sum}");
}

#[test]
fn the_tests_and_files_that_the_asvs_table_names_exist() {
    let mut named = 0;
    for row in rows() {
        for name in row.why.split('`').skip(1).step_by(2) {
            if name.contains("::") || name.contains('/') {
                assert!(exists(name), "{:?} names {name}", row.requirements);
                named += 1;
            }
        }
    }
    assert!(named > 100, "{named}");
}
