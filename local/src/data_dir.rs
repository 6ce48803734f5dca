//! The data directory: the database, the signing secret and the settings for
//! `cargo lambda watch`. A lock file limits its use to one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shared::identity::signing::MIN_SECRET_BYTES;
use shared::telemetry::chunk::Form;

use crate::error::Failure;
use crate::secret;

/// Name of the SQLite file.
const DATABASE: &str = "upblit.db";

/// A data directory whose lock this process holds.
pub(crate) struct DataDir {
    path: PathBuf,
    /// Holds the lock, which the system releases when the process ends, even by a crash.
    _lock: File,
}

impl DataDir {
    /// Locks a directory that already has a database.
    ///
    /// # Errors
    /// As [`Self::open`]; also when there is no database.
    pub(crate) fn open_existing(path: &Path) -> Result<Self, Failure> {
        if !path.join(DATABASE).is_file() {
            return Err(Failure::NoData {
                path: path.to_owned(),
            });
        }
        Self::open(path)
    }

    /// Creates the directory if it does not exist, and locks it.
    ///
    /// # Errors
    /// When the directory is not writable, another process holds the lock, or a newer release has
    /// written to it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failure = |source| Failure::DataDir {
            path: path.to_owned(),
            source,
        };
        let is_new = !path.exists();
        create_private_dir(path).map_err(failure)?;
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path.join("lock"));
        let lock = lock.map_err(failure)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Failure::DataDirInUse {
                path: path.to_owned(),
            },
            TryLockError::Error(source) => failure(source),
        })?;
        if is_new {
            // The directory contains secrets, and --data-dir may point into a git repository.
            fs::write(path.join(".gitignore"), "*\n").map_err(failure)?;
        }
        let data_dir = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        data_dir.check_form()?;
        Ok(data_dir)
    }

    /// Refuses data in a stored form that only a newer release can read. Raises the number in the file
    /// `form` to the stored form that this release writes, because it will write to the directory.
    fn check_form(&self) -> Result<(), Failure> {
        let path = self.path.join("form");
        let form = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().ok(),
            // Releases that wrote form 2 did not write this file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(2),
            Err(source) => return Err(Failure::DataDir { path, source }),
        };
        match form {
            Some(form) if form < Form::WRITTEN.number() => self
                .write_private("form", &format!("{}\n", Form::WRITTEN.number()))
                .map(|_| ()),
            Some(form) if Form::numbered(form).is_ok() => Ok(()),
            _ => Err(Failure::NewerData {
                path: self.path.clone(),
            }),
        }
    }

    /// Path of the directory, as given with `--data-dir`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Path of the SQLite file of the database engine.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Reads the signing secret. The first run generates and stores it, so that users stay signed
    /// in across restarts.
    ///
    /// # Errors
    /// When the file cannot be read or written, or its content is too short or not UTF-8.
    pub(crate) fn jwt_secret(&self) -> Result<String, Failure> {
        let path = self.path.join("jwt-secret");
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= MIN_SECRET_BYTES => Ok(text.trim().to_owned()),
            Ok(_) => Err(Failure::DamagedSecret { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secret = secret::generate();
                self.write_private("jwt-secret", &secret)?;
                Ok(secret)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::DamagedSecret { path })
            }
            Err(source) => Err(Failure::DataDir { path, source }),
        }
    }

    /// Writes a file that only the current user can read, and returns its path. Writes atomically:
    /// a crash leaves the old content or the new one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write_private(&self, name: &str, contents: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        write_private_file(&path, contents).map_err(|source| Failure::DataDir {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}

fn write_private_file(path: &Path, contents: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(contents.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, path)
}

fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that is deleted with the value.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let name = format!("upblit-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn form(&self) -> String {
            fs::read_to_string(self.0.join("form")).unwrap()
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_directory_of_an_older_release_is_taken_over() {
        let directory = Temporary::new("older");
        for stored in [None, Some("2\n"), Some("3\n")] {
            if let Some(form) = stored {
                fs::write(directory.0.join("form"), form).unwrap();
            }
            drop(DataDir::open(&directory.0).unwrap());
            assert_eq!(directory.form(), format!("{}\n", Form::WRITTEN.number()));
        }
    }

    #[test]
    fn a_directory_of_a_newer_release_is_refused_in_one_line_and_not_changed() {
        let directory = Temporary::new("newer");
        for form in ["4\n", "300", "four"] {
            fs::write(directory.0.join("form"), form).unwrap();
            let refused = DataDir::open(&directory.0).err().unwrap();
            let expected = format!(
                "{} holds data of a newer upblit: update this one, or choose another with --data-dir",
                directory.0.display()
            );
            assert_eq!(refused.to_string(), expected);
            assert_eq!(directory.form(), form);
        }
    }
}
