//! Everything that keeps the own PostgreSQL from running, each with what to do about it.
//! Most of these reach a person at a terminal who has never run a database.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// Why the own PostgreSQL doesn't run.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Nothing to run.
    #[error(
        "no PostgreSQL is installed for deskhand (looked in {}); run `./dev setup` in deskhand's source, \
         or set DESKHAND_PG_DIR to a PostgreSQL 17 or newer with pgvector, or DATABASE_URL to a database of yours",
        cache.display()
    )]
    NoInstallation {
        /// Where it was looked for.
        cache: PathBuf,
    },
    /// The named installation can't be used.
    #[error(
        "{} is no usable PostgreSQL installation: {problem}; set DESKHAND_PG_DIR to a folder that has \
         bin/postgres and bin/initdb of PostgreSQL 17 or newer, with pgvector", dir.display()
    )]
    BadInstallation {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The data folder, or something in it, can't be made, read or written.
    #[error("can't {doing} {}: {source}; give deskhand a data folder that it may write to", path.display())]
    Folder {
        /// What was tried, as in "can't … PATH".
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Another process has the folder.
    #[error(
        "the data folder {} is in use by {}; stop that one, or choose another data folder",
        folder.display(), pid.map_or("another deskhand".to_owned(), |p| format!("another deskhand, process {p}"))
    )]
    InUse {
        /// The data folder.
        folder: PathBuf,
        /// The process that holds it, where it said so.
        pid: Option<u32>,
    },
    /// As root: the unprivileged account can't get to a path.
    #[error(
        "PostgreSQL doesn't run as root, so it runs as the user \"{user}\", who may not enter {}; \
         run deskhand as an ordinary user, or use a path outside of it, or allow it: chmod o+x {}",
        dir.display(), dir.display()
    )]
    NotEnterable {
        /// The account.
        user: String,
        /// The first folder on the way that is closed to it.
        dir: PathBuf,
    },
    /// As root: no account to run the server under.
    #[error(
        "PostgreSQL doesn't run as root, and there is no user \"deskhand\" or \"nobody\" to run it under; \
         make one: useradd --system --no-create-home deskhand"
    )]
    NoAccount,
    /// The cluster is somebody else's.
    #[error(
        "{} belongs to the user \"{owner}\", not to \"{wanted}\", who would run PostgreSQL; \
         run deskhand as \"{owner}\", or hand the folder over: chown -R {wanted} {}", path.display(), path.display()
    )]
    ForeignOwner {
        /// The cluster's or the socket's folder.
        path: PathBuf,
        /// Who owns it.
        owner: String,
        /// Who should.
        wanted: String,
    },
    /// The place for the socket is taken by something else.
    #[error("{} is not a private folder of the user \"{user}\"; remove it and try again", path.display())]
    SocketFolder {
        /// The folder.
        path: PathBuf,
        /// The server's account.
        user: String,
    },
    /// There is something at the cluster's place that isn't one.
    #[error(
        "{} exists but holds no PostgreSQL cluster ({problem}); move it away to start with an empty database, \
         or put your backup there", path.display()
    )]
    NotACluster {
        /// The cluster's folder.
        path: PathBuf,
        /// What is missing or unreadable.
        problem: String,
    },
    /// The cluster was made by another major version.
    #[error(
        "{} was made by PostgreSQL {cluster}, but {} is PostgreSQL {binaries}; set DESKHAND_PG_DIR to a \
         PostgreSQL {cluster} with pgvector, or dump the data with that version, move the folder away and restore it",
        path.display(), pg_dir.display()
    )]
    Version {
        /// The cluster's folder.
        path: PathBuf,
        /// The version that made it.
        cluster: u32,
        /// The installation in use.
        pg_dir: PathBuf,
        /// Its version.
        binaries: u32,
    },
    /// A program of the installation can't be run.
    #[error("can't run {}: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Making a new cluster failed.
    #[error("PostgreSQL's initdb failed for {} ({status}){}; it said:\n{said}", path.display(), advice(said))]
    Initdb {
        /// The cluster's folder.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// Its last lines.
        said: String,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL doesn't start on {} ({status}){}; it said:\n{said}", path.display(), advice(said))]
    Start {
        /// The cluster's folder.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// Its last lines.
        said: String,
    },
    /// The server, or initdb, isn't done in time.
    #[error("PostgreSQL isn't ready on {} after {} seconds; it said:\n{said}", path.display(), seconds)]
    Slow {
        /// The cluster's folder.
        path: PathBuf,
        /// The bound.
        seconds: u64,
        /// Its last lines.
        said: String,
    },
    /// The server ended although nobody asked it to.
    #[error("PostgreSQL ended by itself ({status}){}; it said:\n{said}", advice(said))]
    Died {
        /// How it ended.
        status: ExitStatus,
        /// Its last lines.
        said: String,
    },
    /// A server that doesn't end.
    #[error(
        "PostgreSQL, process {pid}, doesn't stop; look at what it waits for, or end it: kill -QUIT {pid}"
    )]
    Stuck {
        /// The process.
        pid: u32,
    },
}

/// A sentence for the causes that a person can mend, recognised by PostgreSQL's own words
/// (the server speaks English: its locale is C).
fn advice(said: &str) -> &'static str {
    const CAUSES: [(&str, &str); 5] = [
        (
            "No space left on device",
            ": the disk is full, make room and try again",
        ),
        // Its hint where a write came out short.
        (
            "Check free disk space",
            ": the disk is full, make room and try again",
        ),
        (
            "Disk quota exceeded",
            ": the disk quota is used up, make room and try again",
        ),
        ("Cannot allocate memory", ": there is too little memory"),
        (
            "Permission denied",
            ": a file or folder is closed to the user it runs as",
        ),
    ];
    CAUSES
        .iter()
        .find(|(words, _)| said.contains(words))
        .map_or("", |(_, advice)| advice)
}
