//! Kinds of clients that send the requests of the events, with their headers and addresses.

use serde::Deserialize;

/// A kind of client.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Caller {
    /// A browser that opens a page.
    Browser,
    /// A script of the dashboard, without a token.
    Dashboard,
    /// A script of the dashboard, with an access token.
    SignedIn,
    /// An SDK with an API key.
    Sdk,
    /// Grafana with an API key that may read.
    Reader,
    /// OpenTelemetry's exporter in Python, with an API key.
    OtelPython,
    /// OpenTelemetry's exporter in JavaScript, with an API key.
    OtelJs,
    /// GitHub's secret scanning, which signs its requests.
    Github,
    /// A monitor that checks `GET /health`, without credentials.
    Probe,
}

impl Caller {
    pub(super) fn user_agent(self) -> &'static str {
        match self {
            Self::Browser | Self::Dashboard | Self::SignedIn => {
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
            }
            Self::Sdk => "upblit-sdk/1.0",
            Self::Reader => "Grafana/12.3.0",
            Self::OtelPython => "OTel-OTLP-Exporter-Python/1.38.0",
            Self::OtelJs => "OTel-OTLP-Exporter-JavaScript/0.208.0",
            Self::Github => "GitHub-Hookshot/5c1f0a3",
            Self::Probe => "ELB-HealthChecker/2.0",
        }
    }

    /// IP address from the ranges for documentation (RFC 5737).
    pub(super) fn address(self) -> &'static str {
        match self {
            Self::Browser | Self::Dashboard | Self::SignedIn => "203.0.113.7",
            Self::Sdk | Self::OtelPython | Self::OtelJs => "198.51.100.23",
            Self::Reader => "198.51.100.57",
            Self::Github => "192.0.2.44",
            Self::Probe => "192.0.2.10",
        }
    }

    /// Headers including credentials, without those that API Gateway adds.
    pub(super) fn headers(self) -> Vec<(&'static str, String)> {
        let (accept, encodings) = match self {
            Self::Browser => ("text/html,application/xhtml+xml", "gzip, deflate, br"),
            Self::OtelPython | Self::OtelJs => ("*/*", "gzip"),
            _ => ("application/json", "gzip, deflate, br"),
        };
        let mut headers = vec![
            ("accept", accept),
            ("accept-encoding", encodings),
            ("user-agent", self.user_agent()),
        ];
        if let Self::Dashboard | Self::SignedIn = self {
            headers.push(("origin", "https://dashboard.example.com"));
        }
        headers.extend(self.credential());
        let headers = headers.into_iter();
        headers
            .map(|(name, value)| (name, value.to_owned()))
            .collect()
    }

    fn credential(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::SignedIn => Some(("authorization", "Bearer {{ACCESS_TOKEN}}")),
            Self::Sdk | Self::OtelPython | Self::OtelJs => Some(("x-api-key", "{{API_KEY}}")),
            Self::Reader => Some(("x-api-key", "{{READ_KEY}}")),
            _ => None,
        }
    }
}
