//! `deskhand connect`: gives a site its access to another system. The secret comes from a file
//! or from standard input, never from the command line, which other users of the machine can
//! read.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::print::{line, note};
use super::session::Session;
use crate::config::Config;
use crate::db::connections::{self, NewConnection};
use crate::db::embedded::Access;
use crate::db::{audit, pool::SiteTx};
use crate::domain::clock::Clock;
use crate::domain::connection::kinds::KINDS;
use crate::domain::connection::{self, Form, Kind, LONGEST_SECRET, Secrecy};
use crate::domain::site::Site;

/// What to connect, and how.
#[derive(clap::Args)]
#[command(after_long_help = kinds())]
pub struct Args {
    /// The site's slug or id.
    site: String,
    /// The kind of connection; --help lists them.
    kind: String,
    /// What it is configured by, key=value; --help lists the keys.
    settings: Vec<String>,
    /// Tells several connections of a kind apart.
    #[arg(long)]
    name: Option<String>,
    /// The file that holds the secret; - reads it from standard input.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// The kinds with their keys, for the help.
fn kinds() -> String {
    let mut text = "Kinds:\n".to_owned();
    for kind in KINDS {
        text += &format!("  {}: {}\n", kind.name, kind.about);
        for key in kind.keys {
            let needed = if key.required { "" } else { " (optional)" };
            text += &format!(
                "      {}={needed}  {}; {}\n",
                key.name,
                key.help,
                key.form.allowed()
            );
        }
        match kind.secret {
            Secrecy::None => {}
            Secrecy::Optional(what) => text += &format!("      secret (optional)  {what}\n"),
            Secrecy::Needed(what) => text += &format!("      secret  {what}\n"),
        }
    }
    text
}

/// Makes the connection, in place of one of the same kind and name.
///
/// # Errors
/// When something is missing or wrong, or there is no such site; the message says what.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    // All that was typed is read before anything is opened.
    let kind = connection::kind(&args.kind)?;
    let name = kind.name(args.name.as_deref())?;
    let settings = kind.config(&pairs(kind, &args.settings)?)?;
    let given = args.secret_file.as_deref().map(secret).transpose()?;
    let secret = kind.secret(given.as_deref())?;
    let session = Session::open(config, Access::Attach).await?;
    let made = async {
        let site = session.site(Some(&args.site)).await?;
        let sealed = secret
            .map(|s| {
                connection::seal(
                    &session.master,
                    site.id,
                    kind.name,
                    &name,
                    secrecy::ExposeSecret::expose_secret(&s),
                )
            })
            .transpose()?;
        let now = session.clock.now();
        let mut tx = session.db.site(site.id).await?;
        let new = NewConnection {
            kind: kind.name,
            name: &name,
            config: &settings,
            secret_sealed: sealed.as_deref(),
            at: now,
        };
        connections::put(&mut tx, &new).await?;
        note_act(&mut tx, session.clock.as_ref(), "connect", kind.name, &name).await?;
        tx.commit().await?;
        told(&site, kind, &name);
        Ok(ExitCode::SUCCESS)
    }
    .await;
    session.close().await?;
    made
}

fn told(site: &Site, kind: &Kind, name: &str) {
    line(&format!(
        "{} is connected: {}",
        site.slug,
        called(kind.name, name)
    ));
    note(&format!(
        "`deskhand connections {} test {}` tries it.",
        site.slug,
        called(kind.name, name)
    ));
}

/// How a connection is called in commands.
pub(super) fn called(kind: &str, name: &str) -> String {
    format!("{kind} {name}").trim_end().to_owned()
}

/// Into the audit: what, never how.
pub(super) async fn note_act(
    tx: &mut SiteTx,
    clock: &dyn Clock,
    act: &str,
    kind: &str,
    name: &str,
) -> anyhow::Result<()> {
    let subject = called(kind, name);
    let entry = audit::Entry {
        who: "operator",
        act,
        thread: None,
        subject: Some(&subject),
        detail: json!({}),
        at: clock.now(),
    };
    Ok(audit::append(tx, &entry).await?)
}

/// `key=value`, with the content of files in place of their names.
fn pairs(kind: &Kind, given: &[String]) -> anyhow::Result<Vec<(String, String)>> {
    given
        .iter()
        .map(|text| {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| connection::BadConnection::Pair(text.chars().take(60).collect()))?;
            let value = match kind.key(key)?.form {
                Form::JsonFile => std::fs::read_to_string(value)
                    .with_context(|| format!("can't read the file `{value}`"))?,
                _ => value.to_owned(),
            };
            Ok((key.trim().to_owned(), value))
        })
        .collect()
}

/// Reads a secret, and a byte more than one may have.
fn secret(from: &Path) -> anyhow::Result<String> {
    let most = LONGEST_SECRET as u64 + 1;
    let mut text = String::new();
    if from == Path::new("-") {
        let input = std::io::stdin();
        if input.is_terminal() {
            note("Paste the secret, then press Enter and Ctrl-D. It will be seen here.");
        }
        input.lock().take(most).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(from).with_context(|| format!("can't read {}", from.display()))?;
        file.take(most).read_to_string(&mut text)
    }
    .context("the secret isn't text")?;
    Ok(text)
}
