//! The directory that survives the process: the database, the signing secret,
//! the settings for `cargo lambda watch`. One process at a time works with it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use shared::identity::signing::MIN_SECRET_BYTES;

use crate::error::Failure;
use crate::secret;

/// A data directory this process holds the lock of.
pub(crate) struct DataDir {
    path: PathBuf,
    /// The system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Creates the directory if need be, and takes its lock.
    ///
    /// # Errors
    /// When it cannot be written, or another process holds the lock.
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
            // Secrets will live here: never let git take them, wherever --data-dir points.
            fs::write(path.join(".gitignore"), "*\n").map_err(failure)?;
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where the directory is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file the engine keeps its data in.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("upblit.db")
    }

    /// The signing secret: made by the first run, so that later runs keep everyone signed in.
    ///
    /// # Errors
    /// When it cannot be stored or read, or is not a secret.
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

    /// Writes a file that only this user may read. It is there whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
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
