//! Files generated from code and tables: `openapi.json`, the events and the routes of
//! `cargo lambda watch`. `cargo run -- renew` writes them.

pub mod events;
mod watch;

use std::collections::BTreeSet;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::openapi;
use crate::routes::routes;

/// The command that writes the generated files.
pub const COMMAND: &str = "cargo run -- renew";

/// Writes every outdated file, and removes events without an entry in their table. Returns
/// the changed files.
///
/// # Errors
/// When a file cannot be read or written, or a table has an invalid entry, which the message
/// names.
pub fn renew(root: &Path) -> io::Result<Vec<PathBuf>> {
    let stale = stale(root)?;
    for (path, text) in &stale {
        let file = root.join(path);
        match text {
            Some(text) => {
                file.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(file, text)?;
            }
            None => fs::remove_file(file)?,
        }
    }
    Ok(stale.into_iter().map(|(path, _)| path).collect())
}

/// Outdated files below `root`, with their new text; `None` for files to remove.
///
/// # Errors
/// As for [`renew`].
pub fn stale(root: &Path) -> io::Result<Vec<(PathBuf, Option<String>)>> {
    let files = files(root)?;
    let needed: BTreeSet<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    let surplus = events::files(root)?.into_iter();
    let mut surplus: Vec<_> = surplus
        .filter(|path| !needed.contains(path))
        .map(|path| (path, None))
        .collect();
    let changed = files.into_iter().filter(|(path, text)| {
        let current = fs::read_to_string(root.join(path));
        current.ok().as_ref() != Some(text)
    });
    surplus.extend(changed.map(|(path, text)| (path, Some(text))));
    Ok(surplus)
}

/// Path below `root` and text of every generated file.
fn files(root: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let manifest = watch::renewed(&manifest, &routes());
    let manifest = manifest.ok_or_else(|| Error::other("Cargo.toml has no watch table"))?;
    let mut files = vec![
        (PathBuf::from("openapi.json"), openapi::text()),
        (PathBuf::from("Cargo.toml"), manifest),
    ];
    for case in events::cases(root)? {
        files.push((case.file(), format!("{:#}\n", case.event)));
    }
    Ok(files)
}
