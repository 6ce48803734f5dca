#!/usr/bin/env bash
# Builds the program `upblit` for this machine, with its dependencies recorded in the binary, and packs it
# with the licence and its list of components (SBOM, CycloneDX).
#
#   .github/release/build.sh        target/release-files/upblit-OS-ARCH.tar.gz and .cdx.json
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9

name=upblit-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
files=target/release-files
rm -rf "$files"
mkdir -p "$files/$name"

cargo auditable build --locked --release --bin upblit
cp target/release/upblit LICENSE CHANGELOG.md "$files/$name"
tar -C "$files" -czf "$files/$name.tar.gz" "$name"
rm -r "${files:?}/$name"

# Written beside the manifest of each crate.
cargo cyclonedx --manifest-path local/Cargo.toml --format json --override-filename "$name.cdx"
mv "local/$name.cdx.json" "$files"
find . -name "$name.cdx.json" -not -path "./target/*" -delete
ls -l "$files"
