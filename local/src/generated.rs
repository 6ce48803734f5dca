//! Files that are made from code and tables: the copy of the description, the events,
//! and the routes of `cargo lambda watch`. `cargo run -- renew` writes them.

pub mod events;
mod watch;

use std::collections::BTreeSet;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::openapi;
use crate::routes::routes;

/// The command that writes everything that is generated.
pub const COMMAND: &str = "cargo run -- renew";

/// Writes every file that is not as it should be, and removes events without an entry
/// in their table. Returns those files.
///
/// # Errors
/// When a file cannot be read or written, or a table has an entry that cannot be
/// understood; the message names it.
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

/// Files below `root` that are not as they should be, with the text they should have,
/// if they should be there at all.
///
/// # Errors
/// As for [`renew`].
pub fn stale(root: &Path) -> io::Result<Vec<(PathBuf, Option<String>)>> {
    let files = files(root)?;
    let needed: BTreeSet<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    let needless = events::files(root)?.into_iter();
    let mut needless: Vec<_> = needless
        .filter(|path| !needed.contains(path))
        .map(|path| (path, None))
        .collect();
    let changed = files.into_iter().filter(|(path, text)| {
        let current = fs::read_to_string(root.join(path));
        current.ok().as_ref() != Some(text)
    });
    needless.extend(changed.map(|(path, text)| (path, Some(text))));
    Ok(needless)
}

/// Every generated file, by its path below `root`.
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
