//! Bundles the files of `dashboard/` for serving. The modules of a document become one script and
//! its style sheets become one, each with a hash of its contents in its name. The sources need no
//! build step and can also be served as they are.

mod document;
mod link;
mod reference;
mod syntax;

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use document::Reference;

/// Documents of the dashboard: the path that each is served at, and its file.
pub const DOCUMENTS: [(&str, &str); 3] = [
    ("/", "index.html"),
    ("/login", "login.html"),
    ("/oauth-success", "oauth-success.html"),
];

/// Module with the address of the API. Not part of a bundle, because each deployment has its own.
pub const CONFIG: &str = "config.js";

/// A file as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Path of its URL, beginning with `/`.
    pub path: String,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Contents, not compressed.
    pub contents: Vec<u8>,
    /// Whether the path contains a hash of the contents, so that they never change.
    pub is_immutable: bool,
}

impl Asset {
    /// First 64 bits of the SHA-256 of the contents, in hexadecimal.
    pub fn hash(&self) -> String {
        hash(&self.contents)
    }
}

/// Returns the content type for a file extension; `None` for files that are not served, such as
/// `README.md`.
pub fn content_type(path: &str) -> Option<&'static str> {
    match Path::new(path).extension()?.to_str()? {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "json" => Some("application/json"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// Bundles the sources in the folder `dashboard`. `openapi` is the description of the API, which is
/// served as it is and as a page.
///
/// # Errors
/// If a file cannot be read, or has a form that the bundler does not know. The message names the
/// file.
pub fn bundle(dashboard: &Path, openapi: &str) -> io::Result<Vec<Asset>> {
    let mut assets = Assets {
        sources: dashboard,
        bundled: Vec::new(),
    };
    for (path, file) in DOCUMENTS {
        let source = assets.read(file)?;
        let html = document::rewritten(&source, |reference| assets.hashed_of(&reference))
            .map_err(|error| io::Error::other(format!("{file}: {error}")))?;
        assets.add(path, file, html);
    }
    let icon = assets.read("favicon.svg")?;
    assets.add("/favicon.svg", "favicon.svg", icon);
    let style = assets.styles(&["styles/base.css", "styles/docs.css"])?;
    let description: Value = serde_json::from_str(openapi)?;
    assets.add("/docs", "docs.html", reference::page(&description, &style));
    assets.add("/openapi.json", "openapi.json", openapi.to_owned());
    Ok(assets.bundled)
}

/// The sources and the assets made from them.
struct Assets<'a> {
    sources: &'a Path,
    bundled: Vec<Asset>,
}

impl Assets<'_> {
    fn read(&self, file: &str) -> io::Result<String> {
        read(&self.sources.join(file))
    }

    fn add(&mut self, path: &str, file: &str, text: String) {
        self.bundled.push(Asset {
            path: path.to_owned(),
            content_type: content_type(file).unwrap_or("application/octet-stream"),
            contents: text.into_bytes(),
            is_immutable: false,
        });
    }

    /// Bundles the target of a reference. Returns its address, relative to the document.
    fn hashed_of(&mut self, reference: &Reference<'_>) -> io::Result<String> {
        match reference {
            Reference::Styles(files) => self.styles(files),
            Reference::Script(file) => {
                let text = self.read(file)?;
                Ok(self.hashed(file, text))
            }
            Reference::Module(file) => {
                let text = link::linked(self.sources, file)?;
                Ok(self.hashed(file, text))
            }
        }
    }

    fn styles(&mut self, files: &[&str]) -> io::Result<String> {
        let texts = files.iter().map(|file| self.read(file));
        let text = texts.collect::<io::Result<String>>()?;
        Ok(self.hashed("styles.css", text))
    }

    fn hashed(&mut self, file: &str, text: String) -> String {
        let name = file.rsplit('/').next().unwrap_or(file);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let address = format!("assets/{stem}-{}.{extension}", hash(text.as_bytes()));
        let path = format!("/{address}");
        if self.bundled.iter().all(|asset| asset.path != path) {
            self.add(&path, file, text);
            if let Some(asset) = self.bundled.last_mut() {
                asset.is_immutable = true;
            }
        }
        address
    }
}

fn hash(contents: &[u8]) -> String {
    let digest = Sha256::digest(contents);
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Reads a text file. An error names the file.
fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
