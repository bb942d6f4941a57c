//! `deskhand backup`: everything of the own PostgreSQL in one file, while it serves.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::SecondsFormat;
use serde::Serialize;

use super::display::Display;
use super::print::{self, line, note};
use super::session::{self, Session};
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::embedded::backup::{self, Contents, Made, Source};
use crate::db::migrate;

const MB: u64 = 1 << 20;

/// Where to, and what.
#[derive(clap::Args)]
pub struct Args {
    /// A file that isn't there yet, or a folder, in which it gets a name with the date.
    target: PathBuf,
    /// Put the master key into it too: then the file alone opens everything, for whoever has
    /// it. Without the key, keep that apart: a backup can't be used without it.
    #[arg(long)]
    with_master_key: bool,
    /// For scripts.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done<'a> {
    file: &'a Path,
    files: usize,
    bytes: u64,
    archive_bytes: u64,
    with_master_key: bool,
}

/// Backs up.
///
/// # Errors
/// When the database is not the own one, the file is there already, or the copy fails.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        config.database.url.is_none(),
        "this backs up deskhand's own PostgreSQL, and DATABASE_URL names another one. For that run, as its owner:\n  \
         pg_dump --format=custom --file=deskhand.dump \"$DATABASE_OWNER_URL\"\n\
         and to restore it into an empty database:\n  \
         pg_restore --exit-on-error --dbname=\"$DATABASE_OWNER_URL\" deskhand.dump\n\
         Keep the master key too: without it, what is sealed in it can't be opened."
    );
    let session = Session::open(config, Access::Attach).await?;
    let done = make(&session, &args).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn make(session: &Session, args: &Args) -> anyhow::Result<()> {
    let now = session.clock.now();
    let target = if args.target.is_dir() {
        args.target
            .join(format!("deskhand-{}.zip", now.format("%Y%m%d-%H%M%S")))
    } else {
        args.target.clone()
    };
    let Some(server) = &session.embedded else {
        anyhow::bail!("there is no own PostgreSQL here");
    };
    let settings = session::embedded_settings(&session.config)?;
    let source = Source::of(server, &settings.pg_dir).await?;
    let (made_at, key_check) = (
        now.to_rfc3339_opts(SecondsFormat::Secs, true),
        session.master.check_value(),
    );
    let key = args.with_master_key.then(|| session.master.to_text());
    let contents = Contents {
        made_at: &made_at,
        migration: migrate::newest(),
        key_check: &key_check,
        master_key: key.as_deref(),
    };
    let mut display: Option<Display> = None;
    let made = tokio::task::block_in_place(|| {
        backup::backup(&source, &target, &contents, &mut |done, all| {
            let display = display.get_or_insert_with(|| Display::new("MB", "backed up", mb(all)));
            display.show(mb(done), "");
        })
    });
    drop(display);
    tell(&target, &made?, args)
}

fn mb(bytes: u64) -> usize {
    usize::try_from(bytes / MB).unwrap_or(usize::MAX)
}

fn tell(target: &Path, made: &Made, args: &Args) -> anyhow::Result<()> {
    if args.json {
        print::json(&Done {
            file: target,
            files: made.files,
            bytes: made.bytes,
            archive_bytes: made.archive_bytes,
            with_master_key: args.with_master_key,
        })?;
    } else {
        line(&format!(
            "{}: {} files, {} MB of data in {} MB; read back and checked.",
            target.display(),
            made.files,
            made.bytes / MB,
            made.archive_bytes.div_ceil(MB)
        ));
    }
    if args.with_master_key {
        note("The master key is in it: whoever has this file can open everything.");
    } else {
        note(
            "The master key is not in it, and without the key what is sealed can't be opened: keep a copy of it elsewhere \
             (master.key in the data folder, or what DESKHAND_MASTER_KEY says).",
        );
    }
    note("The configuration file and embedding models are not in it either.");
    Ok(())
}
