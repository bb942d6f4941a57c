//! Which persons were erased, in a file beside the database: a backup that was made before
//! still holds them, and a restore of it erases them again. Persons stand in it as keyed hashes
//! only.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::subject::{self, Subject};
use crate::domain::ids::SiteId;
use crate::domain::seal::MasterKey;

/// The file's name in the data folder.
pub const NAME: &str = "erasures.jsonl";

/// One erasure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// On which site.
    pub site: SiteId,
    /// The keyed hash of the address, in hex.
    pub email: Option<String>,
    /// Keyed hashes of the visitors' ids, in hex.
    #[serde(default)]
    pub visitors: Vec<String>,
}

impl Entry {
    /// Of this person.
    #[must_use]
    pub fn new(master: &MasterKey, site: SiteId, subject: &Subject, at: DateTime<Utc>) -> Self {
        let email = subject.email.as_ref();
        Self {
            at,
            site,
            email: email.map(|e| hex::encode(subject::email_hash(master, site, e))),
            visitors: subject
                .visitors
                .iter()
                .map(|v| hex::encode(subject::visitor_hash(master, site, *v)))
                .collect(),
        }
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct Journal(PathBuf);

impl Journal {
    /// The one of a data folder.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self(data_dir.join(NAME))
    }

    /// The one that lies there.
    #[must_use]
    pub fn at(file: PathBuf) -> Self {
        Self(file)
    }

    /// Adds an erasure; once this returns it is on the disk.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn add(&self, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.0)?;
        file.write_all(&line)?;
        file.sync_all()
    }

    /// The erasures since then. A line that was cut off, as a crash leaves it, is passed over.
    ///
    /// # Errors
    /// When the file isn't there or can't be read.
    pub fn since(&self, at: DateTime<Utc>) -> std::io::Result<Vec<Entry>> {
        let file = std::fs::File::open(&self.0)?;
        let mut entries = Vec::new();
        for line in BufReader::new(file).split(b'\n') {
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line?)
                && entry.at >= at
            {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::domain::ids::VisitorId;

    #[test]
    fn what_was_erased_is_read_again_without_saying_who() {
        let dir = tempfile::tempdir().unwrap();
        let (master, site, visitor) = (MasterKey::new([7; 32]), SiteId::new(), VisitorId::new());
        let journal = Journal::of(dir.path());
        assert!(journal.since(DateTime::UNIX_EPOCH).is_err());
        let subject = Subject::new(Some("Anna@example.com"), &[visitor]).unwrap();
        let old = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        for at in [old, old + TimeDelta::days(1)] {
            journal.add(&Entry::new(&master, site, &subject, at)).unwrap();
        }
        let text = std::fs::read_to_string(dir.path().join(NAME)).unwrap();
        assert!(
            !text.to_lowercase().contains("anna") && !text.contains(&visitor.to_string()),
            "{text}"
        );
        // A crash in the middle of a line.
        std::fs::write(dir.path().join(NAME), text + "{\"at\": \"20").unwrap();
        let since = journal.since(old + TimeDelta::hours(1)).unwrap();
        assert_eq!(
            since,
            [Entry::new(&master, site, &subject, old + TimeDelta::days(1))]
        );
    }
}
