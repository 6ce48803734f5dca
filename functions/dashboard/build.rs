//! Bundles and compresses the dashboard for `src/files.rs`.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use upblit_bundle::Asset;

fn main() -> Result<(), Box<dyn Error>> {
    let function = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = function.join("../..");
    let sources = root.join("dashboard");
    let openapi = root.join("openapi.json");
    for changed in [&sources, &openapi] {
        println!("cargo::rerun-if-changed={}", changed.display());
    }
    let out = PathBuf::from(variable("OUT_DIR")?);
    let openapi = fs::read_to_string(openapi)?;
    let mut list = String::from("&[\n");
    for (number, asset) in upblit_bundle::bundle(&sources, &openapi)?
        .iter()
        .enumerate()
    {
        list.push_str(&entry(&out, number, asset)?);
    }
    fs::write(out.join("files.rs"), list + "]\n")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "set by Cargo")]
fn variable(name: &str) -> Result<String, std::env::VarError> {
    std::env::var(name)
}

/// Writes the encodings of a file, and returns the expression that includes them.
fn entry(out: &Path, number: usize, asset: &Asset) -> Result<String, Box<dyn Error>> {
    let plain = &asset.contents;
    let mut included = String::new();
    for (field, contents) in [
        ("plain", plain.clone()),
        ("gzip", gzip(plain)?),
        ("brotli", brotli(plain)?),
    ] {
        let file = out.join(format!("{number}.{field}"));
        fs::write(&file, contents)?;
        writeln!(included, "    {field}: include_bytes!({file:?}),")?;
    }
    let Asset {
        path,
        content_type,
        is_immutable,
        ..
    } = asset;
    let hash = asset.hash();
    Ok(format!(
        "File {{\n    path: {path:?},\n    content_type: {content_type:?},\n    hash: {hash:?},\n    \
         is_immutable: {is_immutable},\n{included}}},\n"
    ))
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

fn brotli(plain: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    // The best quality takes a second in an optimized build, but much longer in a debug build.
    let quality = if variable("PROFILE")? == "release" {
        11
    } else {
        5
    };
    let parameters = BrotliEncoderParams {
        quality,
        ..BrotliEncoderParams::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*plain, &mut compressed, &parameters)?;
    Ok(compressed)
}
