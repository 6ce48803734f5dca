//! Telemetry stored by earlier releases: it is read as it was, and sending a batch again after
//! an upgrade changes nothing. `stored_forms/form-N` holds the database of a release that wrote
//! form N, and the responses of that release.

mod mixed;

use std::fs;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::config::Builder as Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use shared::telemetry::chunk::Form;

use crate::support::{Backend, Response, Sdk, SignedIn};

/// Requests whose batches every stored database holds. 11:00 is a sealed hour at the start of a
/// test, 12:00 is not.
const BATCHES: &str = include_str!("stored_forms/batches.json");

/// Queries whose responses are kept beside every stored database.
const QUERIES: [&str; 7] = [
    "traces?from=2026-01-31T06:00:00Z",
    "traces?from=2026-01-31T06:00:00Z&status=error",
    "traces/native-trace-1?",
    "traces/5b8aa5a2d2c872e8321cf37308d69df2?from=2026-01-31T06:00:00Z",
    "logs?from=2026-01-31T06:00:00Z",
    "metrics?from=2026-01-31T06:00:00Z&step=3600",
    "metrics?from=2026-01-31T06:00:00Z&step=3600&signal=logs",
];

/// A backend over a database file, which is complete once the engine has stopped.
struct Stored {
    backend: Backend,
    ada: SignedIn,
    sdk: Sdk,
    /// Address of the engine.
    endpoint: String,
    stop: oneshot::Sender<()>,
    engine: tokio::task::JoinHandle<Result<(), String>>,
}

impl Stored {
    async fn open(file: &Path) -> Self {
        Self::open_with(file, |config| config).await
    }

    /// Opens a database with a client that `configured` adjusts.
    async fn open_with(file: &Path, configured: impl FnOnce(Config) -> Config) -> Self {
        let engine = dynoxide::Database::new(file.to_str().unwrap()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let engine = dynoxide::server::serve_with_shutdown(listener, engine, async {
            let _ = stopped.await;
        });
        let engine = tokio::spawn(engine);
        let backend = Backend::over_with(&endpoint, &[], configured).await;
        let ada = backend.sign_in("ada").await;
        let applications = ada.get("/applications").await.json();
        let application_id = match applications["applications"][0]["id"].as_str() {
            Some(id) => id.to_owned(),
            None => ada.create_application("shop").await,
        };
        let sdk = Sdk {
            backend: backend.clone(),
            key: ada.mint(&application_id).await,
            application_id,
        };
        Self {
            backend,
            ada,
            sdk,
            endpoint,
            stop,
            engine,
        }
    }

    async fn send_all(&self) {
        self.send(|_| true).await;
    }

    /// Sends the batches that were stored with a form. When form 2 was written, the time of a span of
    /// Upblit's own JSON was its start, so that its batch now has another place.
    async fn send_again(&self, form: u8) {
        self.send(|path| form > 2 || path != "/ingest/traces").await;
    }

    async fn send(&self, is_sent: impl Fn(&str) -> bool) {
        let batches: Vec<Value> = serde_json::from_str(BATCHES).unwrap();
        for batch in batches {
            if !is_sent(batch["path"].as_str().unwrap()) {
                continue;
            }
            let json = ("content-type", "application/json");
            let body = batch["body"].to_string().into_bytes();
            let path = batch["path"].as_str().unwrap();
            let response = self.sdk.send(path, &[json], body).await;
            assert_eq!(response.status, 200, "{path}: {}", response.text());
        }
    }

    /// The response to a query of the telemetry.
    async fn ask(&self, query: &str) -> Response {
        let id = &self.sdk.application_id;
        let path = format!("/telemetry/{query}&applicationId={id}");
        self.ada.get(&path).await
    }

    /// The responses to all queries, by query.
    async fn answers(&self) -> Value {
        let mut answers = serde_json::Map::new();
        for query in QUERIES {
            let response = self.ask(query).await;
            assert_eq!(response.status, 200, "{query}: {}", response.text());
            let mut answer = response.json();
            if answer["spans"].is_array() {
                // How far the search for a trace went, which is not stored.
                let fields = answer.as_object_mut().unwrap();
                fields.retain(|name, _| !name.starts_with("searched") && name != "nextCursor");
            }
            answers.insert(query.to_owned(), answer);
        }
        answers.into()
    }

    async fn stop(self) {
        drop((self.backend, self.ada, self.sdk));
        let _ = self.stop.send(());
        let _ = self.engine.await;
    }
}

fn directory(form: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/stored_forms/form-{form}"))
}

fn copy_of(form: u8, to: &Path) -> Value {
    fs::copy(directory(form).join("upblit.db"), to).unwrap();
    let answers = fs::read_to_string(directory(form).join("answers.json")).unwrap();
    serde_json::from_str(&answers).unwrap()
}

/// A path for a database, in a directory that is deleted with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("upblit-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn database(&self) -> PathBuf {
        self.0.join("upblit.db")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The responses without the fields, and without the parts of times, that an older release did not give.
fn as_older(answers: Value, older: &Value) -> Value {
    match (answers, older) {
        (Value::Object(fields), Value::Object(older)) => {
            let known = |(name, value)| {
                let value = as_older(value, older.get(&name)?);
                Some((name, value))
            };
            Value::Object(fields.into_iter().filter_map(known).collect())
        }
        (Value::Array(rows), Value::Array(older)) if rows.len() == older.len() => {
            let rows = rows.into_iter().zip(older);
            rows.map(|(row, older)| as_older(row, older)).collect()
        }
        (Value::String(time), Value::String(older)) if is_less_exact(older, &time) => {
            older.as_str().into()
        }
        (value, _) => value,
    }
}

/// Whether one time is another without its nanoseconds.
fn is_less_exact(time: &str, exact: &str) -> bool {
    let milliseconds = time.strip_suffix('Z');
    milliseconds.is_some_and(|time| exact.ends_with('Z') && exact.starts_with(time))
}

#[tokio::test]
async fn the_database_of_an_earlier_release_is_read_as_it_was() {
    for form in Form::READABLE.map(Form::number) {
        let temporary = Temporary::new(&format!("read-{form}"));
        let answers = copy_of(form, &temporary.database());
        let stored = Stored::open(&temporary.database()).await;
        let read = as_older(stored.answers().await, &answers);
        assert_eq!(read, answers, "form {form}");
        stored.stop().await;
    }
}

#[tokio::test]
async fn batches_sent_again_after_an_upgrade_change_nothing() {
    for form in Form::READABLE.map(Form::number) {
        let temporary = Temporary::new(&format!("again-{form}"));
        let answers = copy_of(form, &temporary.database());
        let stored = Stored::open(&temporary.database()).await;
        for _ in 0..2 {
            stored.send_again(form).await;
            let read = as_older(stored.answers().await, &answers);
            assert_eq!(read, answers, "form {form}");
        }
        stored.stop().await;
    }
}

/// Run by name when the stored form changes, and commit what it writes.
#[tokio::test]
#[ignore = "writes the database of the current form, which is done once for each form"]
async fn write_the_database_of_the_current_form() {
    let directory = directory(Form::WRITTEN.number());
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("upblit.db");
    let _ = fs::remove_file(&file);
    let stored = Stored::open(&file).await;
    stored.send_all().await;
    let answers = stored.answers().await;
    stored.stop().await;
    let text = serde_json::to_string_pretty(&json!(answers)).unwrap();
    fs::write(directory.join("answers.json"), text + "\n").unwrap();
}
