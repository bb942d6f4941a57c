//! `deskhand chat`: a conversation in the terminal, released sentence by sentence.

use std::process::ExitCode;

use tokio::io::{AsyncBufReadExt, BufReader};

use super::ask;
use super::conversation::Conversation;
use super::demo::{self, Refresh};
use super::print::{line, note, piece};
use super::session::Session;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::domain::event::{StepStatus, ThreadEvent};

/// With whom to talk.
#[derive(clap::Args)]
pub struct Args {
    /// The site's slug or id (default: the only one, or the demo).
    #[arg(long)]
    site: Option<String>,
    /// The language to answer in, for example `de`.
    #[arg(long)]
    locale: Option<String>,
}

/// Talks until the input ends.
///
/// # Errors
/// When there is no such site or the database is away.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let session = Session::open(config, Access::Attach).await?;
    let done = talk(&session, &args).await;
    session.close().await?;
    done.map(|()| ExitCode::SUCCESS)
}

async fn talk(session: &Session, args: &Args) -> anyhow::Result<()> {
    demo::ensure(session, Refresh::IfNew).await?;
    let site = session.site(args.site.as_deref()).await?;
    let mut conversation = Conversation::new(session, site.id, args.locale.clone())?;
    note(&format!(
        "You are talking to {}. /new begins anew, /quit (or Ctrl-D) ends, Ctrl-C stops an answer.",
        site.name
    ));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        piece("\n> ");
        let input = tokio::select! {
            input = lines.next_line() => input?,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(input) = input else {
            line("");
            return Ok(());
        };
        match input.trim() {
            "" => continue,
            "/quit" | "/exit" => return Ok(()),
            "/new" => {
                conversation.forget();
                note("A new conversation.");
                continue;
            }
            text => {
                if let Err(error) = exchange(&mut conversation, text).await {
                    note(&format!("{error:#}"));
                }
            }
        }
    }
}

async fn exchange(conversation: &mut Conversation, text: &str) -> anyhow::Result<()> {
    let stopper = conversation.stopper();
    let stop_on_ctrl_c = async {
        if tokio::signal::ctrl_c().await.is_ok()
            && let Err(error) = stopper.stop().await
        {
            note(&format!("{error:#}"));
        }
        std::future::pending::<()>().await;
    };
    let answer = conversation.say(text, |event| match event {
        ThreadEvent::Step {
            status: StepStatus::Start,
            label,
            ..
        } => note(label),
        ThreadEvent::Delta { md, .. } => piece(md),
        ThreadEvent::Replace { .. } => piece("\n(The answer above is taken back.)\n"),
        _ => {}
    });
    let ended = tokio::select! {
        ended = answer => ended?,
        () = stop_on_ctrl_c => return Ok(()),
    };
    if let Some(asks) = ended.ask.as_ref().filter(|a| !ended.text.ends_with(&a.summary)) {
        line(&ask::asked(asks));
    }
    line("");
    ask::sources(&ended);
    Ok(())
}
