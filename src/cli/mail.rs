//! `deskhand mail`: tries the mail server, and lists what went out.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

use super::doctor;
use super::print::{self, line, note};
use super::session::{self, Session};
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::mails;
use crate::domain::address::is_email;
use crate::domain::ids::MailId;
use crate::mail::words;

/// What to do with mail.
#[derive(Subcommand)]
pub enum Command {
    /// Send one mail to an address, now, and say what the server says. Needs no database.
    Test {
        /// Where to.
        address: String,
    },
    /// List a site's last mails: how they stand, not to whom they went.
    List {
        /// The site's slug or id (default: the only one, or the demo).
        #[arg(long)]
        site: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
        /// For scripts.
        #[arg(long)]
        json: bool,
    },
}

/// Runs one.
///
/// # Errors
/// When there is no mail server, it doesn't take the mail, or the database is away.
pub async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Test { address } => {
            test(&config, &address).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::List { site, limit, json } => {
            let session = Session::open(config, Access::Attach).await?;
            let done = list(&session, site.as_deref(), limit, json).await;
            session.close().await?;
            done.map(|()| ExitCode::SUCCESS)
        }
    }
}

async fn test(config: &Config, address: &str) -> anyhow::Result<()> {
    anyhow::ensure!(is_email(address), "`{address}` is no e-mail address");
    let mailer = session::mailer(config)?
        .context("no mail server is configured: set mail.url and mail.from (`deskhand help config`)")?;
    let id = MailId::new();
    if let Err(error) = mailer.send(id, address, &words::test()).await {
        anyhow::bail!(
            "{}: {}\n→ {}",
            mailer.server(),
            error.words,
            doctor::mend_mail(&error)
        );
    }
    note(&format!(
        "{} took it. If it doesn't arrive, look into the spam folder, and whether the sender's domain lets this server write (SPF).",
        mailer.server()
    ));
    Ok(())
}

async fn list(session: &Session, site: Option<&str>, limit: i64, json: bool) -> anyhow::Result<()> {
    let site = session.site(site).await?;
    let mut tx = session.db.site(site.id).await?;
    let rows = mails::list(&mut tx, limit).await?;
    tx.commit().await?;
    if json {
        return print::json(&rows);
    }
    if rows.is_empty() {
        note("No mail yet.");
    }
    for m in rows {
        line(&format!(
            "{}  {:<8} {:<8} {:>2} {}  {}",
            m.at.format("%Y-%m-%d %H:%M:%S"),
            m.kind,
            m.state,
            m.tries,
            if m.tries == 1 { "try  " } else { "tries" },
            m.code.unwrap_or_default()
        ));
    }
    Ok(())
}
