//! `deskhand restore`: a data folder out of a backup, tried before it is called good.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::display::Display;
use super::print::{self, line, note};
use super::session::{self, Session};
use crate::config::{Config, master};
use crate::db::embedded::Access;
use crate::db::embedded::backup::{self, Facts, Restored};
use crate::db::{migrate, sites};
use crate::domain::seal::MasterKey;
use crate::privacy::erase;
use crate::privacy::journal::{Entry, Journal};

const MB: u64 = 1 << 20;

/// What, and with which key.
#[derive(clap::Args)]
pub struct Args {
    /// The backup.
    file: PathBuf,
    /// The file that holds the master key, if the backup doesn't.
    #[arg(long, value_name = "FILE")]
    master_key: Option<PathBuf>,
    /// The old data folder's `erasures.jsonl`: who was erased after the backup is erased again.
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    erasures: Option<PathBuf>,
    /// Only check the backup; nothing is restored.
    #[arg(long)]
    check: bool,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    data_dir: &'a Path,
    files: usize,
    bytes: u64,
    sites: Vec<String>,
    /// Persons who were erased again.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased_again: Option<usize>,
}

/// Restores.
///
/// # Errors
/// When the backup is damaged or another machine's, the folder isn't empty, or the key doesn't
/// fit.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    if args.check {
        let facts = check(&args.file)?;
        if args.json {
            print::json(&facts)?;
        } else {
            line(&format!(
                "{}: whole. Made {} by deskhand {} with PostgreSQL {} on {}, {} the master key.",
                args.file.display(),
                facts.made_at,
                facts.deskhand,
                facts.postgres,
                facts.machine,
                if facts.with_master_key { "with" } else { "without" }
            ));
        }
        return Ok(ExitCode::SUCCESS);
    }
    anyhow::ensure!(
        config.database.url.is_none(),
        "this restores deskhand's own PostgreSQL, and DATABASE_URL names another one; unset it, or use pg_restore"
    );
    let facts = backup::facts_of(&args.file)?;
    // Before anything is written: a folder whose secrets can't be opened is of no use.
    let key = key(&config, &args, &facts)?;
    let erasures = args
        .erasures
        .as_ref()
        .map(|file| erasures(file, &facts))
        .transpose()?;
    let settings = session::embedded_settings(&config)?;
    let mut display: Option<Display> = None;
    let mut told = |done: u64, all: u64| {
        let display = display.get_or_insert_with(|| Display::new("MB", "restored", mb(all)));
        display.show(mb(done), "");
    };
    let restored = backup::restore(&args.file, &settings, migrate::newest(), &mut told).await?;
    drop(display);
    let data_dir = config.data_dir.clone();
    if let Some(text) = key.or_else(|| restored.master_key.clone())
        && config.secrets.master_key.is_none()
        && config.secrets.master_key_file.is_none()
    {
        keep(&data_dir.join("master.key"), &text)?;
    }
    // Once started, so that what can't be started is found out now.
    let session = Session::open(config, Access::Own)
        .await
        .context("the backup was restored, but doesn't start")?;
    let done = finish(&session, &restored, erasures, args.json).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

/// Who was erased.
struct Erasures {
    /// All that is known, for the next restore of a backup that may be older still.
    all: Vec<Entry>,
    /// From when on this backup knows of none.
    since: DateTime<Utc>,
}

fn erasures(file: &Path, facts: &Facts) -> anyhow::Result<Erasures> {
    let made_at =
        DateTime::parse_from_rfc3339(&facts.made_at).context("the backup doesn't say when it was made")?;
    let all = Journal::at(file.to_owned())
        .since(DateTime::UNIX_EPOCH)
        .with_context(|| {
            format!(
                "{} can't be read; a folder where nobody was erased has no such file: leave --erasures out then",
                file.display()
            )
        })?;
    Ok(Erasures {
        all,
        since: made_at.to_utc(),
    })
}

/// Erases again whom the journal names, and tells what there is.
async fn finish(
    session: &Session,
    restored: &Restored,
    erasures: Option<Erasures>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut again = None;
    if let Some(Erasures { all, since }) = erasures {
        let journal = Journal::of(&session.config.data_dir);
        let mut erased = 0;
        for entry in &all {
            journal.add(entry)?;
            if entry.at < since {
                continue;
            }
            let now = session.clock.now();
            if erase::again(&session.db, &session.master, entry, now)
                .await?
                .is_some()
            {
                erased += 1;
            }
        }
        again = Some(erased);
    }
    tell(session, restored, again, as_json).await
}

fn mb(bytes: u64) -> usize {
    usize::try_from(bytes / MB).unwrap_or(usize::MAX)
}

fn check(file: &Path) -> anyhow::Result<Facts> {
    let mut display: Option<Display> = None;
    let facts = backup::verify(file, &mut |done, all| {
        let display = display.get_or_insert_with(|| Display::new("MB", "checked", mb(all)));
        display.show(mb(done), "");
    });
    Ok(facts?)
}

/// The key's text, where it isn't the configuration's or the backup's own business; a key that
/// doesn't fit, or none at all, is an error.
fn key(config: &Config, args: &Args, facts: &Facts) -> anyhow::Result<Option<String>> {
    let fits = |key: &MasterKey| key.check_value() == facts.key_check;
    if let Some(path) = &args.master_key {
        let key = master::read(path)?;
        anyhow::ensure!(
            fits(&key),
            "the key in {} is not the one that this backup's secrets are sealed with",
            path.display()
        );
        return Ok(Some(key.to_text()));
    }
    if config.secrets.master_key.is_some() || config.secrets.master_key_file.is_some() {
        anyhow::ensure!(
            fits(&config.master_key()?),
            "the configured master key (DESKHAND_MASTER_KEY or its file) is not the one that this backup's secrets are sealed with"
        );
        return Ok(None);
    }
    anyhow::ensure!(
        facts.with_master_key,
        "this backup doesn't hold the master key, and without it what is sealed can't be opened: give it with \
         --master-key FILE (the old data folder's master.key), or set DESKHAND_MASTER_KEY"
    );
    Ok(None)
}

fn keep(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| path.display().to_string())?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    Ok(())
}

async fn tell(
    session: &Session,
    restored: &Restored,
    erased_again: Option<usize>,
    as_json: bool,
) -> anyhow::Result<()> {
    let data_dir = session.config.data_dir.as_path();
    let sites: Vec<String> = sites::list(&session.db)
        .await?
        .into_iter()
        .map(|s| s.slug)
        .collect();
    if as_json {
        return print::json(&Done {
            facts: &restored.facts,
            data_dir,
            files: restored.files,
            bytes: restored.bytes,
            sites,
            erased_again,
        });
    }
    line(&format!(
        "{} holds the data of {} again: {} files, {} MB, sites: {}.",
        data_dir.display(),
        restored.facts.made_at,
        restored.files,
        restored.bytes / MB,
        if sites.is_empty() {
            "none".to_owned()
        } else {
            sites.join(", ")
        }
    ));
    match erased_again {
        Some(n) => line(&format!("{n} erasure(s) from after the backup were done again.")),
        None => note(
            "WHAT WAS ERASED AFTER THIS BACKUP WAS MADE IS BACK. Erase it again (`deskhand erase`), or restore with \
             --erasures and the old data folder's erasures.jsonl (docs/privacy.md).",
        ),
    }
    Ok(())
}
