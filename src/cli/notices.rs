//! `deskhand notices`: what staff were told of, and whether telling them works.

use std::process::ExitCode;

use clap::Subcommand;
use tokio_util::sync::CancellationToken;

use super::print::{self, line, note};
use super::session::Session;
use super::work;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::notices;
use crate::domain::job::Work;
use crate::domain::notice::{Notice, NoticeChannel, NoticeKind};

/// Whose notices.
#[derive(clap::Args)]
pub struct Args {
    /// Slug or id (default: the only one, or the demo).
    site: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=1000))]
    limit: i64,
    /// For scripts.
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What else.
#[derive(Subcommand)]
pub enum Command {
    /// Send a notice that says nothing, and wait for how it ends.
    Test {
        /// By which channel.
        #[arg(value_parser = ["slack", "email"])]
        channel: String,
    },
}

/// Lists or tries.
///
/// # Errors
/// When there is no such site or channel, the notice doesn't go out, or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = match &args.command {
        Some(Command::Test { channel }) => test(&session, args.site.as_deref(), channel).await,
        None => list(&session, &args).await,
    };
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn list(session: &Session, args: &Args) -> anyhow::Result<()> {
    let site = session.site(args.site.as_deref()).await?;
    let mut tx = session.db.site(site.id).await?;
    let rows = notices::list(&mut tx, args.limit).await?;
    tx.commit().await?;
    if args.json {
        return print::json(&rows);
    }
    if rows.is_empty() {
        note(&format!(
            "Nobody was told of anything yet. `deskhand site set {0} staff_emails=…` and `deskhand connect {0} slack` say whom to tell.",
            site.slug
        ));
    }
    for n in rows {
        let about = n
            .thread_id
            .map(|t| t.to_string())
            .or(n.subject)
            .unwrap_or_default();
        line(&format!(
            "{}  {:<5} {:<14} {:<8} {:<16} {about}",
            n.at.format("%Y-%m-%d %H:%M:%S"),
            n.channel.as_str(),
            n.kind.as_str(),
            n.state,
            n.code.unwrap_or(n.reason),
        ));
    }
    Ok(())
}

async fn test(session: &Session, site: Option<&str>, channel: &str) -> anyhow::Result<()> {
    let site = session.site(site).await?;
    let wanted = NoticeChannel::parse(channel);
    let now = session.clock.now();
    let key = format!("test/{}", now.timestamp_micros());
    let mut tx = session.db.site(site.id).await?;
    let notice = Notice {
        kind: NoticeKind::Test,
        key,
        thread: None,
        subject: None,
        reason: "test",
        at: now,
    };
    let new = match wanted {
        Some(channel) => notices::enqueue_by(&mut tx, &notice, channel).await?,
        None => None,
    };
    let Some((id, job)) = new else {
        anyhow::bail!(
            "{} has no {channel}: {}",
            site.slug,
            match wanted {
                Some(NoticeChannel::Email) => format!("`deskhand site set {} staff_emails=…`", site.slug),
                _ => format!("`deskhand connect {} slack --secret-file FILE`", site.slug),
            }
        );
    };
    tx.commit().await?;
    // Whoever is faster does it: this command, or a server.
    let stop = CancellationToken::new();
    let kinds = [Work::SEND_NOTICE, Work::SEND_MAIL];
    let ended = work::work(session, &[job], &kinds, &stop, &mut |_| {}).await?;
    if let Some(Some(error)) = ended.ended.get(&job) {
        anyhow::bail!("it didn't go out: {error}");
    }
    let mut tx = session.db.site(site.id).await?;
    let row = notices::lock(&mut tx, id).await?;
    tx.commit().await?;
    match row.map(|r| (r.state, r.code)) {
        Some((state, _)) if state == "sent" => {
            note(match wanted {
                Some(NoticeChannel::Email) => {
                    "On its way to each address; `deskhand mail list` says how the mail server took it."
                }
                _ => "Slack took it.",
            });
            Ok(())
        }
        Some((state, code)) => anyhow::bail!("it is {state}: {}", code.unwrap_or_default()),
        None => anyhow::bail!("the notice is gone"),
    }
}
