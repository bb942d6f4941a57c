//! A backup of the own PostgreSQL: one ZIP file with the whole cluster as it was at one
//! moment, taken while the server serves, each file checked against what the server says it
//! sent. [`restore`] makes a data folder of it.
//!
//! It holds the files themselves (what PostgreSQL calls a base backup, with the log that makes
//! them whole), not statements: it is restored as fast as it is copied, by a PostgreSQL of the
//! same major version on the same kind of machine.

mod archive;
mod manifest;
mod restore;
mod tar;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sqlx::{ConnectOptions, PgConnection, Row};

pub use restore::{Restored, facts_of, restore, verify};

use super::{Embedded, EmbeddedError};
use archive::Archive;

/// The format of the archive that this version writes, and the only one it reads.
const FORMAT: u32 = 1;
/// What an archive is told by.
const FACTS: &str = "deskhand.json";
/// SHA-256 of all other files, as `sha256sum -c` reads it.
const SUMS: &str = "SHA256SUMS";
/// The cluster's folder in the archive.
const CLUSTER: &str = "postgres/";
/// The master key in the archive, where it was asked for.
const MASTER_KEY: &str = "master.key";

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Of this archive.
    pub format: u32,
    /// When the backup was begun, RFC 3339.
    pub made_at: String,
    /// deskhand's version.
    pub deskhand: String,
    /// The number of the last migration in it.
    pub migration: i64,
    /// PostgreSQL's major version.
    pub postgres: u32,
    /// Kind of machine: `x86_64-linux`.
    pub machine: String,
    /// Whether the master key is in it.
    pub with_master_key: bool,
    /// Tells whether a key is the one that its secrets are sealed with, and nothing else.
    pub key_check: String,
}

/// What the caller knows and the archive is to say.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Now, RFC 3339.
    pub made_at: &'a str,
    /// The last migration.
    pub migration: i64,
    /// See [`Facts::key_check`].
    pub key_check: &'a str,
    /// The master key as text, if it is to be in it.
    pub master_key: Option<&'a str>,
}

/// A backup that was made and read back.
#[derive(Debug, Clone)]
pub struct Made {
    /// Files of the cluster.
    pub files: usize,
    /// Their size together.
    pub bytes: u64,
    /// The archive's size.
    pub archive_bytes: u64,
}

/// Why there is no backup, or why one can't be restored. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file can't be read or written.
    #[error("can't {doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// There is something already.
    #[error("{} is there already; name another file, or remove it", .0.display())]
    Exists(PathBuf),
    /// The installation lacks a program.
    #[error(
        "{} has no bin/pg_basebackup, which copies a running server; install PostgreSQL's client programs of the same version there, or set DESKHAND_PG_DIR to an installation that has them",
        .0.display()
    )]
    NoProgram(PathBuf),
    /// pg_basebackup failed.
    #[error("pg_basebackup failed: {0}")]
    Program(String),
    /// What came isn't what the server says it sent, or not what this code understands.
    #[error("the copy is not what the server says it sent: {0}; nothing was kept, try again")]
    Copy(String),
    /// The archive is damaged, or isn't one.
    #[error("{} can't be restored: {problem}", path.display())]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Made elsewhere.
    #[error(
        "this backup is of {theirs}, and here is {ours}; restore it there, or move the data by pg_dump and pg_restore"
    )]
    Foreign {
        /// What it was made on.
        theirs: String,
        /// What is here.
        ours: String,
    },
    /// Made by a newer version.
    #[error(
        "this backup was made by deskhand {0}, which is newer than this one; restore it with that version, or a later one"
    )]
    Newer(String),
    /// The folder is in use.
    #[error(
        "{} is not empty (there is {found}); a backup is restored into an empty folder only: choose another one by --data-dir or DESKHAND_DATA_DIR, or move this one away",
        folder.display()
    )]
    NotEmpty {
        /// The data folder.
        folder: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// The own server.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The server refused a question.
    #[error("the server can't be asked: {0}")]
    Server(#[from] sqlx::Error),
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { doing, path, source }
}

/// Makes a backup of a running server into a new file, readable by its owner alone, and reads
/// it back. `told` hears how many bytes of about how many are done. Blocks: call it where
/// that is allowed.
///
/// # Errors
/// When the server or the disk refuses; then there is no file.
pub fn backup(
    source: &Source,
    target: &Path,
    contents: &Contents<'_>,
    told: &mut dyn FnMut(u64, u64),
) -> Result<Made, BackupError> {
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = target.with_file_name(name);
    let made = write(source, &partial, contents, told).and_then(|made| {
        let archive = verify(&partial, &mut |_, _| {})?;
        debug_assert_eq!(archive.format, FORMAT);
        // A hard link never replaces what came there meanwhile.
        fs::hard_link(&partial, target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(target.to_owned()),
            _ => file("write", target)(error),
        })?;
        sync_folder(target)?;
        Ok(made)
    });
    let _ = fs::remove_file(&partial);
    made
}

/// The entry itself must survive a power cut, too.
fn sync_folder(of: &Path) -> Result<(), BackupError> {
    let folder = match of.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|dir| dir.sync_all())
        .map_err(file("flush", folder))
}

/// A running server, and the programs to copy it with. As long as this lives, the server keeps
/// the log that makes the copy whole, however much is written meanwhile.
#[derive(Debug)]
pub struct Source {
    /// Has a replication slot that ends with it, so that nothing keeps the log for ever.
    _hold: PgConnection,
    program: PathBuf,
    socket_dir: PathBuf,
    major: u32,
    /// About how many bytes there are.
    bytes: u64,
}

impl Source {
    /// Asks the server what it is.
    ///
    /// # Errors
    /// When it doesn't answer, or the program that copies it isn't there.
    pub async fn of(server: &Embedded, pg_dir: &Path) -> Result<Self, BackupError> {
        let program = pg_dir.join("bin/pg_basebackup");
        if !program.is_file() {
            return Err(BackupError::NoProgram(pg_dir.to_owned()));
        }
        let options: sqlx::postgres::PgConnectOptions = server.superuser_url().parse()?;
        let mut conn = options.application_name("deskhand backup").connect().await?;
        let row = sqlx::query(
            "SELECT current_setting('server_version_num')::int / 10000,
                    (SELECT sum(pg_database_size(oid))::bigint FROM pg_database)",
        )
        .fetch_one(&mut conn)
        .await?;
        let (major, bytes): (i32, i64) = (row.get(0), row.get(1));
        sqlx::query("SELECT pg_create_physical_replication_slot($1, true, true)")
            .bind(format!("deskhand_backup_{}", std::process::id()))
            .execute(&mut conn)
            .await?;
        Ok(Self {
            _hold: conn,
            program,
            socket_dir: server.socket_dir.clone(),
            major: major.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .arg("-h")
            .arg(&self.socket_dir)
            .args(["-p", &super::PORT.to_string(), "-U", super::cluster::SUPERUSER])
            // One tar stream with the log that was written meanwhile, and the list of all files.
            .args(["-D", "-", "-Ft", "-X", "fetch", "--manifest-checksums=SHA256"])
            .args(["--checkpoint=fast", "--no-password", "--label=deskhand backup"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn write(
    source: &Source,
    path: &Path,
    contents: &Contents<'_>,
    told: &mut dyn FnMut(u64, u64),
) -> Result<Made, BackupError> {
    let _ = fs::remove_file(path);
    let out = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(file("write", path))?;
    let mut child = source.command().spawn().map_err(file("start", &source.program))?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(BackupError::Program("it has no output".to_owned()));
    };
    // Beside the copy, lest it waits for somebody to read what it says.
    let said = std::thread::spawn(move || {
        let mut said = String::new();
        let _ = stderr.by_ref().take(64 * 1024).read_to_string(&mut said);
        let _ = io::copy(&mut stderr, &mut io::sink());
        said
    });
    let mut archive = Archive::new(out);
    let copied = copy(&mut archive, stdout, source.bytes, told);
    if copied.is_err() {
        // It may wait for us to read on.
        let _ = child.kill();
    }
    let status = child.wait().map_err(file("run", &source.program))?;
    let said = said.join().unwrap_or_default();
    // Its own words say more than that its output ended early.
    if !status.success() && (copied.is_ok() || !said.trim().is_empty()) {
        let last = said.trim().lines().last().unwrap_or("no word").to_owned();
        return Err(BackupError::Program(format!("{last} ({status})")));
    }
    let (files, bytes) = copied?;
    if let Some(key) = contents.master_key {
        archive
            .add(MASTER_KEY, &mut format!("{key}\n").as_bytes(), None)
            .map_err(file("write", path))?;
    }
    let facts = Facts {
        format: FORMAT,
        made_at: contents.made_at.to_owned(),
        deskhand: env!("CARGO_PKG_VERSION").to_owned(),
        migration: contents.migration,
        postgres: source.major,
        machine: machine(),
        with_master_key: contents.master_key.is_some(),
        key_check: contents.key_check.to_owned(),
    };
    let written = archive.finish(&facts).map_err(file("write", path))?;
    written.sync_all().map_err(file("flush", path))?;
    let archive_bytes = written.metadata().map_err(file("read", path))?.len();
    Ok(Made {
        files,
        bytes,
        archive_bytes,
    })
}

/// The kind of machine, as data files depend on it.
fn machine() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// Takes the stream into the archive; gives files and bytes.
fn copy(
    archive: &mut Archive<File>,
    stream: impl Read,
    about: u64,
    told: &mut dyn FnMut(u64, u64),
) -> Result<(usize, u64), BackupError> {
    let wrong = |problem: String| BackupError::Copy(problem);
    let mut stream = tar::Stream::new(stream);
    let mut sent = None;
    let (mut files, mut bytes) = (0, 0_u64);
    while let Some(entry) = stream.next().map_err(|e| wrong(e.to_string()))? {
        let name = format!("{CLUSTER}{}", entry.path);
        match entry.kind {
            tar::Kind::Folder => archive.folder(&name).map_err(|e| wrong(e.to_string()))?,
            tar::Kind::File if entry.path == manifest::NAME => {
                let mut text = Vec::new();
                stream
                    .body(&entry)
                    .read_to_end(&mut text)
                    .map_err(|e| wrong(e.to_string()))?;
                archive
                    .add(&name, &mut text.as_slice(), Some(entry.size))
                    .map_err(|e| wrong(e.to_string()))?;
                sent = Some(manifest::read(&text).map_err(wrong)?);
            }
            tar::Kind::File => {
                let mut body = stream.body(&entry);
                archive
                    .add(&name, &mut body, Some(entry.size))
                    .map_err(|e| wrong(e.to_string()))?;
                files += 1;
                bytes += entry.size;
                told(bytes, about.max(bytes));
            }
        }
    }
    let sent = sent.ok_or_else(|| wrong("the list of files is missing".to_owned()))?;
    archive.compare(&sent).map_err(wrong)?;
    Ok((files, bytes))
}
