//! The stored bytes of the examples. They must always remain readable: if a test here fails after a
//! change, the change needs a new form.

use std::fs;
use std::path::PathBuf;

use super::*;

fn path(name: &str) -> PathBuf {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/chunk/codec/golden");
    PathBuf::from(format!(
        "{directory}/{name}.form-{}",
        Form::WRITTEN.number()
    ))
}

fn stored(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

fn encoded() -> [(&'static str, Vec<u8>); 4] {
    let (spans, records) = (example_spans(), example_log_records());
    [
        ("spans", encode(&refs(&spans)).unwrap().bytes),
        ("log_records", encode(&refs(&records)).unwrap().bytes),
        ("summary_of_spans", draft(&spans)),
        ("summary_of_log_records", draft(&records)),
    ]
}

#[test]
#[ignore = "writes the files, which is done once for each form"]
fn write_the_bytes_of_the_current_form() {
    for (name, bytes) in encoded() {
        fs::write(path(name), bytes).unwrap();
    }
}

#[test]
fn the_same_events_have_the_same_bytes_in_every_release() {
    for (name, bytes) in encoded() {
        assert_eq!(bytes, stored(name), "{name}");
    }
}

#[test]
fn the_bytes_of_the_current_form_are_read() {
    let spans = decode::<Span>(&stored("spans"), Rows::All);
    assert_eq!(spans.unwrap(), example_spans());
    let records = decode::<LogRecord>(&stored("log_records"), Rows::All);
    assert_eq!(records.unwrap(), example_log_records());
    let of_spans = Summary::decode(&stored("summary_of_spans")).unwrap();
    assert_eq!(of_spans.rows.len(), 2);
    let operation = &of_spans.operations.top[0];
    assert_eq!(operation.stats.count, 20, "two spans, sampled at 10 %");
    let of_records = Summary::decode(&stored("summary_of_log_records")).unwrap();
    assert_eq!(of_records.levels.unwrap()["error"], 1);
}
