//! Documents as they are served: they refer to the bundles, and have no Content Security Policy,
//! which the function sends as a header.

use std::io;

/// What a document loads from its own origin. Paths of files are relative to the folder of the
/// dashboard.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reference<'a> {
    /// Style sheets, in their order.
    Styles(Vec<&'a str>),
    /// A script that is not a module.
    Script(&'a str),
    /// The entry of a tree of modules.
    Module(&'a str),
}

const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\"";

/// Replaces each reference in a document with the address that `address` returns for it. All style
/// sheets together become one reference.
///
/// # Errors
/// If `address` fails, or the document refers to a file of `styles/` or `app/` in another form.
pub(crate) fn rewritten(
    html: &str,
    mut address: impl FnMut(Reference<'_>) -> io::Result<String>,
) -> io::Result<String> {
    let mut styles: Vec<&str> = html.lines().filter_map(style).collect();
    let mut out = String::new();
    for line in html.lines() {
        let line = if line.starts_with(POLICY) {
            continue;
        } else if style(line).is_some() {
            if styles.is_empty() {
                continue;
            }
            let address = address(Reference::Styles(std::mem::take(&mut styles)))?;
            format!("<link rel=\"stylesheet\" href=\"{address}\">")
        } else if let Some(file) = between(line, "<script src=\"", "\"></script>") {
            let address = address(Reference::Script(file))?;
            format!("<script src=\"{address}\"></script>")
        } else if let Some(file) = between(line, "<script type=\"module\" src=\"", "\"></script>") {
            let address = address(Reference::Module(file))?;
            // Without the preload, the browser would request it only after reading the script.
            format!(
                "<link rel=\"modulepreload\" href=\"{}\">\n\
                 <script type=\"module\" src=\"{address}\"></script>",
                crate::CONFIG
            )
        } else {
            line.to_owned()
        };
        out.push_str(&line);
        out.push('\n');
    }
    match ["\"styles/", "\"app/"]
        .into_iter()
        .find(|part| out.contains(part))
    {
        Some(part) => Err(io::Error::other(format!("unknown reference to {part}…\""))),
        None => Ok(out),
    }
}

fn style(line: &str) -> Option<&str> {
    between(line, "<link rel=\"stylesheet\" href=\"", "\">")
}

fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    line.strip_prefix(before)?.strip_suffix(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_refers_to_bundles_only() {
        let source = "<head>\n\
            <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\">\n\
            <link rel=\"icon\" href=\"favicon.svg\">\n\
            <link rel=\"stylesheet\" href=\"styles/a.css\">\n\
            <link rel=\"stylesheet\" href=\"styles/b.css\">\n\
            <script src=\"app/theme.js\"></script>\n\
            <script type=\"module\" src=\"app/main.js\"></script>\n\
            </head>\n";
        let served = rewritten(source, |reference| {
            Ok(match reference {
                Reference::Styles(files) => files.concat().replace("styles/", ""),
                Reference::Script(file) | Reference::Module(file) => file.replace("app/", ""),
            })
        });
        let expected = "<head>\n\
            <link rel=\"icon\" href=\"favicon.svg\">\n\
            <link rel=\"stylesheet\" href=\"a.cssb.css\">\n\
            <script src=\"theme.js\"></script>\n\
            <link rel=\"modulepreload\" href=\"config.js\">\n\
            <script type=\"module\" src=\"main.js\"></script>\n\
            </head>\n";
        assert_eq!(served.unwrap(), expected);
    }

    #[test]
    fn a_reference_in_another_form_is_an_error() {
        for line in [
            "<script async src=\"app/main.js\"></script>",
            "<link href=\"styles/a.css\" rel=\"stylesheet\">",
        ] {
            let served = rewritten(line, |_| Ok(String::new()));
            assert!(served.is_err(), "{line}");
        }
    }
}
