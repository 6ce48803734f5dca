//! The text that the terminal shows after the start: addresses to open, commands to paste.

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::path::Path;

use anstream::println;
use anstyle::{AnsiColor, Style};
use local::github;

use crate::engine::Engine;
use crate::settings::{GitHub, Settings};

const NAME: Style = AnsiColor::Magenta.on_default().bold();
const LABEL: Style = Style::new().bold();
const LINK: Style = AnsiColor::Cyan.on_default().underline();
const DANGER: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = Style::new().dimmed();

/// The values that the banner shows.
pub(crate) struct Banner<'a> {
    /// Settings of the run, with defaults filled in.
    pub(crate) settings: &'a Settings,
    /// Base URL of this process.
    pub(crate) here: &'a str,
    /// Address that the process serves on.
    pub(crate) host: Ipv4Addr,
    /// Database engine that the functions use.
    pub(crate) engine: &'a Engine,
    /// The data directory; `None` if the data is kept in memory.
    pub(crate) data: Option<&'a Path>,
}

impl Banner<'_> {
    /// Prints the banner of a process that serves the whole product.
    pub(crate) fn print_product(&self) {
        self.print_head();
        self.print_steps();
        println!();
    }

    /// Prints the banner of a process that serves only the database, the stand-in and the pages, with
    /// the `cargo lambda watch` command for the functions. `env_file` contains the settings for it.
    pub(crate) fn print_services(&self, env_file: &Path) {
        self.print_head();
        let env_file = quoted(&env_file.display().to_string());
        println!("\n  Start the functions in another terminal:\n");
        println!("cargo lambda watch --env-file {env_file} -A 127.0.0.1 --disable-cors");
        self.print_steps();
        println!();
    }

    fn print_head(&self) {
        let version = env!("CARGO_PKG_VERSION");
        let reach = if self.host.is_loopback() {
            "on this machine only"
        } else {
            "open to other machines"
        };
        println!("\n  {NAME}Upblit{NAME:#} {version} {NOTE}{reach}{NOTE:#}\n");
        if let Some(warning) = warning(self.host, self.settings.github) {
            println!("  {DANGER}Warning{DANGER:#}   {warning}\n");
        }
        line("Open", link(&self.settings.frontend_url), "and sign in");
        line("API", link(&self.settings.public_url), "");
        line(
            "Docs",
            link(&format!("{}/docs", self.here)),
            "API reference",
        );
        match self.settings.github {
            GitHub::StandIn => {
                let note = "a stand-in: sign in as octocat or under any other name";
                line("GitHub", link(&github::url(self.here)), note);
            }
            GitHub::Real => {
                let url = self.settings.env.optional("GITHUB_URL");
                line(
                    "GitHub",
                    link(url.unwrap_or("https://github.com")),
                    "the real GitHub",
                );
            }
        }
        let key = format!(
            "the DynamoDB API, AWS_ACCESS_KEY_ID={}",
            self.engine.key.id()
        );
        line("Database", link(&self.engine.endpoint), &key);
        match self.data {
            Some(path) => line("Data in", path.display(), "delete it to start over"),
            None => line("Data in", "memory", "deleted when the process ends"),
        }
        line("Stop", "Ctrl-C", "");
    }

    fn print_steps(&self) {
        let api = &self.settings.public_url;
        match self.settings.github {
            GitHub::StandIn => {
                println!(
                    "\n  Or use a terminal: sign in, create an application and a key, send a trace.\n"
                );
                println!("{}", sign_in(api));
            }
            GitHub::Real => {
                let page = &self.settings.frontend_url;
                println!(
                    "\n  Or use a terminal. Sign in at {LINK}{page}{LINK:#} and copy the value"
                );
                println!("  of localStorage.token from the browser's console. Paste it after:\n");
                println!("read -rs TOKEN");
                println!("\n  Then create an application and a key, and send a trace:\n");
            }
        }
        println!("{}", first_trace(api));
    }
}

/// Warns of what other machines can do. Returns `None` if the address is a loopback address, which they
/// cannot reach.
fn warning(host: Ipv4Addr, github: GitHub) -> Option<String> {
    let danger = match github {
        _ if host.is_loopback() => return None,
        GitHub::StandIn => "can sign in under any name, because GitHub is a stand-in",
        GitHub::Real => "can send requests, which have no TLS",
    };
    Some(format!(
        "anyone who reaches {host} {danger}.\n            \
         In a container, publish the port on 127.0.0.1 only."
    ))
}

fn line(label: &str, text: impl Display, note: &str) {
    let note = if note.is_empty() {
        String::new()
    } else {
        format!("  {NOTE}({note}){NOTE:#}")
    };
    println!("  {LABEL}{label:<10}{LABEL:#}{text}{note}");
}

fn link(address: &str) -> String {
    format!("{LINK}{address}{LINK:#}")
}

/// A command that signs in as octocat. `login` skips the stand-in's page, and the access token is
/// in the fragment of the last redirect.
fn sign_in(api: &str) -> String {
    let start = quoted(&format!("{api}/oauth2/authorization/github?login=octocat"));
    format!(
        "TOKEN=$(curl -sL -b '' -o /dev/null -D - {start} | sed -n 's/.*[#?]token=\\([^&]*\\).*/\\1/p')"
    )
}

fn first_trace(api: &str) -> String {
    format!(
        r#"APP=$(curl -s -H "Authorization: Bearer $TOKEN" --json '{{"name":"My app"}}' {applications} | sed 's/.*"id":"\([^"]*\).*/\1/')
KEY=$(curl -s -H "Authorization: Bearer $TOKEN" -X POST "{api}/apikey?ApplicationId=$APP" | sed 's/"//g')
curl -H "x-api-key: $KEY" {traces} --json '{{"traces":[{{
  "timestamp":"'$(date -u +%Y-%m-%dT%H:%M:%SZ)'","requestMethod":"GET","requestURL":"/hello",
  "responseStatus":200,"durationMs":12.5,"traceId":"4bf92f3577b34da6a3ce929d0e0e4736",
  "spanId":"00f067aa0ba902b7","parentSpanId":null}}]}}'"#,
        applications = quoted(&format!("{api}/applications")),
        traces = quoted(&format!("{api}/ingest/traces")),
    )
}

/// Quotes a text as one word of a shell command, unless it needs no quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_other_machines_reach_have_a_warning() {
        for (host, github, part) in [
            ("0.0.0.0", GitHub::StandIn, Some("under any name")),
            ("192.168.1.7", GitHub::StandIn, Some("192.168.1.7")),
            ("192.168.1.7", GitHub::Real, Some("no TLS")),
            ("127.0.0.1", GitHub::StandIn, None),
            ("127.8.0.1", GitHub::Real, None),
        ] {
            let text = warning(host.parse().unwrap(), github);
            assert_eq!(text.is_some(), part.is_some(), "{host}");
            assert!(text.unwrap_or_default().contains(part.unwrap_or_default()));
        }
    }

    #[test]
    fn quoted_text_is_one_word_to_the_shell() {
        assert_eq!(
            quoted("http://127.0.0.1:9000/me"),
            "http://127.0.0.1:9000/me"
        );
        assert_eq!(quoted("/a b/it's"), r"'/a b/it'\''s'");
    }
}
