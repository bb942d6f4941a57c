//! The master key: from the environment, a file, or (with the own PostgreSQL) a file in
//! the data folder that is made at the first start.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use secrecy::ExposeSecret;

use super::Config;
use crate::domain::seal::MasterKey;

/// Why there is no master key; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// None is set, and none may be made.
    #[error(
        "no master key: with a database of your own set DESKHAND_MASTER_KEY or DESKHAND_MASTER_KEY_FILE (make one with `openssl rand -hex 32`)"
    )]
    Missing,
    /// It isn't 32 bytes in hex or Base64.
    #[error("the master key in {0} is not 32 bytes in hex or Base64 (make one with `openssl rand -hex 32`)")]
    Malformed(String),
    /// The file can't be read or made.
    #[error("the master key file {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// Others can read the file.
    #[error("the master key file {0} can be read by others; run `chmod 600 {0}`")]
    Open(PathBuf),
}

impl Config {
    /// The master key.
    ///
    /// # Errors
    /// When there is none, or it is none.
    pub fn master_key(&self) -> Result<MasterKey, MasterKeyError> {
        if let Some(text) = &self.secrets.master_key {
            return parse(text.expose_secret())
                .ok_or_else(|| MasterKeyError::Malformed("DESKHAND_MASTER_KEY".into()));
        }
        if let Some(path) = &self.secrets.master_key_file {
            return read(path);
        }
        if self.database.url.is_some() {
            return Err(MasterKeyError::Missing);
        }
        let path = self.data_dir.join("master.key");
        match read(&path) {
            Err(MasterKeyError::File(_, e)) if e.kind() == ErrorKind::NotFound => {
                make(&path).map_err(|e| MasterKeyError::File(path.clone(), e))?;
                read(&path)
            }
            other => other,
        }
    }
}

/// The master key in a file of the operator's, which nobody else may be able to read.
///
/// # Errors
/// When it can't be read, others can read it, or it holds none.
pub fn read(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let file = |e| MasterKeyError::File(path.to_owned(), e);
    if fs::metadata(path).map_err(file)?.permissions().mode() & 0o077 != 0 {
        return Err(MasterKeyError::Open(path.to_owned()));
    }
    let text = fs::read_to_string(path).map_err(file)?;
    parse(&text).ok_or_else(|| MasterKeyError::Malformed(path.display().to_string()))
}

fn parse(text: &str) -> Option<MasterKey> {
    let text = text.trim();
    let bytes = hex::decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
    bytes.try_into().ok().map(MasterKey::new)
}

/// Written whole under another name, then linked: two first starts at once agree on one key.
fn make(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut key = [0_u8; 32];
    rand::rng().fill_bytes(&mut key);
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file: File = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{}", hex::encode(key))?;
    file.sync_all()?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
