//! Reads an archive back: checks it, and makes a data folder of it. The cluster is put
//! together beside its place and renamed into it, so that a broken restore leaves no database
//! behind that somebody might take for one.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::super::account::Account;
use super::super::folder::{Folder, Lock, Taken};
use super::super::{Access, EmbeddedError, EmbeddedSettings, cluster};
use super::tar::is_plain;
use super::{BackupError, CLUSTER, FACTS, FORMAT, Facts, MASTER_KEY, SUMS, file, machine, manifest};

/// The list of sums and the facts are small; more is no archive of ours.
const SMALL: u64 = 64 * 1024 * 1024;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the archive says of itself.
    pub facts: Facts,
    /// Files of the cluster.
    pub files: usize,
    /// Their size together.
    pub bytes: u64,
    /// The master key that was in it.
    pub master_key: Option<String>,
}

fn damaged(path: &Path, problem: impl Into<String>) -> BackupError {
    BackupError::Damaged {
        path: path.to_owned(),
        problem: problem.into(),
    }
}

/// Takes a piece of a file by the file's name; `None` stands for a folder.
type Take<'t> = dyn FnMut(&str, Option<&[u8]>) -> Result<(), BackupError> + 't;

struct Reading<'a> {
    path: &'a Path,
    zip: ZipArchive<File>,
    facts: Facts,
    sums: BTreeMap<String, String>,
}

impl<'a> Reading<'a> {
    fn open(path: &'a Path) -> Result<Self, BackupError> {
        let inner = File::open(path).map_err(file("read", path))?;
        let mut zip =
            ZipArchive::new(inner).map_err(|e| damaged(path, format!("it is no whole ZIP file ({e})")))?;
        let facts = text(path, &mut zip, FACTS)?
            .ok_or_else(|| damaged(path, "it is no backup of deskhand's (deskhand.json is missing)"))?;
        let format: serde_json::Value = serde_json::from_str(&facts)
            .map_err(|e| damaged(path, format!("deskhand.json can't be read ({e})")))?;
        if format["format"].as_u64() != Some(u64::from(FORMAT)) {
            return Err(BackupError::Newer(
                format["deskhand"].as_str().unwrap_or("?").to_owned(),
            ));
        }
        let facts: Facts = serde_json::from_value(format)
            .map_err(|e| damaged(path, format!("deskhand.json can't be read ({e})")))?;
        let sums = text(path, &mut zip, SUMS)?.ok_or_else(|| damaged(path, "SHA256SUMS is missing"))?;
        let sums = sums
            .lines()
            .map(|line| {
                let (sum, name) = line
                    .split_once("  ")
                    .ok_or_else(|| damaged(path, "SHA256SUMS can't be read"))?;
                Ok((name.to_owned(), sum.to_owned()))
            })
            .collect::<Result<_, BackupError>>()?;
        Ok(Self {
            path,
            zip,
            facts,
            sums,
        })
    }

    /// Reads every file once, checks it, and gives it to `take` piece by piece: its name and a
    /// piece; an empty piece when it begins, `None` for a folder.
    fn each(
        &mut self,
        told: &mut dyn FnMut(u64, u64),
        take: &mut Take<'_>,
    ) -> Result<(usize, u64), BackupError> {
        let path = self.path;
        let mut seen: BTreeMap<String, (String, u64)> = BTreeMap::new();
        let all: u64 = (0..self.zip.len())
            .filter_map(|i| Some(self.zip.by_index_raw(i).ok()?.size()))
            .sum();
        let mut done = 0;
        let mut list = Vec::new();
        for i in 0..self.zip.len() {
            let mut entry = self.zip.by_index(i).map_err(|e| damaged(path, e.to_string()))?;
            let name = entry.name().to_owned();
            if !is_plain(name.trim_end_matches('/')) {
                return Err(damaged(path, "a name in it leads elsewhere"));
            }
            if entry.is_dir() {
                take(&name, None)?;
                continue;
            }
            let mut hasher = Sha256::new();
            let mut buffer = vec![0; 128 * 1024];
            let mut size = 0_u64;
            take(&name, Some(&[]))?;
            loop {
                let got = match entry.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(got) => got,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    Err(e) => return Err(damaged(path, format!("{name}: {e}"))),
                };
                hasher.update(&buffer[..got]);
                take(&name, Some(&buffer[..got]))?;
                if name == format!("{CLUSTER}{}", manifest::NAME) {
                    list.extend_from_slice(&buffer[..got]);
                }
                size += got as u64;
                done += got as u64;
                told(done, all.max(done));
            }
            if name != FACTS && name != SUMS {
                seen.insert(name, (hex::encode(hasher.finalize()), size));
            }
        }
        self.check(&seen, &list)?;
        let of_cluster = || seen.iter().filter(|(name, _)| name.starts_with(CLUSTER));
        Ok((
            of_cluster().count(),
            of_cluster().map(|(_, (_, size))| size).sum(),
        ))
    }

    /// Against our own sums, and against PostgreSQL's.
    fn check(&self, seen: &BTreeMap<String, (String, u64)>, list: &[u8]) -> Result<(), BackupError> {
        for (name, want) in &self.sums {
            match seen.get(name) {
                Some((sum, _)) if sum == want => {}
                Some(_) => return Err(damaged(self.path, format!("{name} was changed"))),
                None => return Err(damaged(self.path, format!("{name} is missing"))),
            }
        }
        if let Some(more) = seen.keys().find(|name| !self.sums.contains_key(*name)) {
            return Err(damaged(self.path, format!("{more} doesn't belong into it")));
        }
        let sent = manifest::read(list).map_err(|problem| damaged(self.path, problem))?;
        for (name, want) in sent {
            match seen.get(&format!("{CLUSTER}{name}")) {
                Some((sum, size)) if *sum == want.sha256 && *size == want.size => {}
                _ => return Err(damaged(self.path, format!("{name} isn't what the server sent"))),
            }
        }
        Ok(())
    }
}

fn text(path: &Path, zip: &mut ZipArchive<File>, name: &str) -> Result<Option<String>, BackupError> {
    let entry = match zip.by_name(name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(damaged(path, error.to_string())),
    };
    let mut text = String::new();
    entry
        .take(SMALL)
        .read_to_string(&mut text)
        .map_err(|e| damaged(path, format!("{name}: {e}")))?;
    Ok(Some(text))
}

/// What an archive says of itself.
///
/// # Errors
/// When it is none.
pub fn facts_of(path: &Path) -> Result<Facts, BackupError> {
    Ok(Reading::open(path)?.facts)
}

/// Reads an archive from end to end and checks every sum in it.
///
/// # Errors
/// When something is wrong with it; the message names it.
pub fn verify(path: &Path, told: &mut dyn FnMut(u64, u64)) -> Result<Facts, BackupError> {
    let mut reading = Reading::open(path)?;
    reading.each(told, &mut |_, _| Ok(()))?;
    Ok(reading.facts)
}

/// Makes a data folder of an archive. The folder must be empty or missing. The master key, if
/// it is in the archive, is given back for the caller to put where it belongs.
///
/// # Errors
/// When the archive is damaged or of another machine or version, or the folder isn't empty;
/// nothing is left in the folder then.
pub async fn restore(
    path: &Path,
    settings: &EmbeddedSettings,
    newest_migration: i64,
    told: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Restored, BackupError> {
    let facts = facts_of(path)?;
    if facts.migration > newest_migration {
        return Err(BackupError::Newer(facts.deskhand));
    }
    let folder = Folder::prepare(&settings.data_dir)?;
    must_be_empty(folder.data_dir())?;
    let lock = match Lock::try_take(&folder, Access::Own)? {
        Taken::Free(lock) => lock,
        Taken::Held(holder) => {
            return Err(EmbeddedError::InUse {
                folder: folder.data_dir().to_owned(),
                pid: holder.map(|h| h.pid),
            }
            .into());
        }
    };
    let account = Account::choose(&folder.cluster())?;
    let ours = cluster::version_of(settings, &folder, &account).await?;
    if ours != facts.postgres || machine() != facts.machine {
        return Err(BackupError::Foreign {
            theirs: format!("PostgreSQL {} on {}", facts.postgres, facts.machine),
            ours: format!("PostgreSQL {ours} on {}", machine()),
        });
    }
    let unfinished = folder.unfinished_cluster();
    let restored = tokio::task::block_in_place(|| extract(path, &unfinished, &account, told));
    let restored = match restored {
        Ok(restored) => restored,
        Err(error) => {
            let _ = fs::remove_dir_all(&unfinished);
            return Err(error);
        }
    };
    fs::rename(&unfinished, folder.cluster()).map_err(file("put into place", &unfinished))?;
    File::open(folder.data_dir())
        .and_then(|dir| dir.sync_all())
        .map_err(file("flush", folder.data_dir()))?;
    drop(lock);
    Ok(restored)
}

fn must_be_empty(folder: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(folder).map_err(file("read", folder))? {
        let name = entry.map_err(file("read", folder))?.file_name();
        // Left by a server that never was, or by a restore that was refused.
        if name != "postgres.lock" {
            return Err(BackupError::NotEmpty {
                folder: folder.to_owned(),
                found: format!("`{}`", name.to_string_lossy()),
            });
        }
    }
    Ok(())
}

fn extract(
    path: &Path,
    place: &Path,
    account: &Account,
    told: &mut dyn FnMut(u64, u64),
) -> Result<Restored, BackupError> {
    account.make_private_dir(place).map_err(file("make", place))?;
    let mut reading = Reading::open(path)?;
    let mut key = Vec::new();
    let mut out: Option<(String, File)> = None;
    let end = |out: &mut Option<(String, File)>| match out.take() {
        Some((name, written)) => written.sync_all().map_err(file("flush", &place.join(name))),
        None => Ok(()),
    };
    let (files, bytes) = reading.each(told, &mut |name, piece| {
        if name == MASTER_KEY {
            key.extend_from_slice(piece.unwrap_or_default());
            return Ok(());
        }
        let Some(inside) = name.strip_prefix(CLUSTER).map(|n| n.trim_end_matches('/')) else {
            return Ok(());
        };
        if inside.is_empty() {
            return Ok(());
        }
        let target = place.join(inside);
        match piece {
            None => folder(&target, place, account),
            Some([]) if out.as_ref().is_none_or(|(open, _)| open != inside) => {
                end(&mut out)?;
                if let Some(parent) = target.parent() {
                    folder(parent, place, account)?;
                }
                let made = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&target)
                    .map_err(file("write", &target))?;
                account.own(&target).map_err(file("hand over", &target))?;
                out = Some((inside.to_owned(), made));
                Ok(())
            }
            Some(piece) => match &mut out {
                Some((_, open)) => open.write_all(piece).map_err(file("write", &target)),
                None => Ok(()),
            },
        }
    })?;
    end(&mut out)?;
    Ok(Restored {
        facts: reading.facts,
        files,
        bytes,
        master_key: (!key.is_empty()).then(|| String::from_utf8_lossy(&key).trim().to_owned()),
    })
}

/// Makes a folder below `place` with those above it.
fn folder(path: &Path, place: &Path, account: &Account) -> Result<(), BackupError> {
    if path == place || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        folder(parent, place, account)?;
    }
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(file("make", path))?;
    account.own(path).map_err(file("hand over", path))
}
