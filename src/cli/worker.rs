//! `deskhand worker`: background work alone, until it is told to stop. And the worker
//! that `serve` runs beside the API.

use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::print::note;
use super::serve;
use super::session::Session;
use crate::agent::turns;
use crate::config::Config;
use crate::db::embedded::Access;
use crate::db::pool::Db;
use crate::db::{models, sites};
use crate::domain::job::Work;
use crate::gateway::Gateway;
use crate::jobs::ai_job::{AiCallback, AiJob};
use crate::jobs::bridge_event::BridgeEvent;
use crate::jobs::crawl::{BeginCrawls, Crawl};
use crate::jobs::execute_proposal::ExecuteProposal;
use crate::jobs::handler::Handlers;
use crate::jobs::ingest_document::IngestDocument;
use crate::jobs::mail_reply::MailReply;
use crate::jobs::mark_breaches::MarkBreaches;
use crate::jobs::measure_trust::MeasureTrust;
use crate::jobs::mirror_ticket::MirrorTicket;
use crate::jobs::prune::Prune;
use crate::jobs::reindex::Reindex;
use crate::jobs::runner::{Runner, Settings};
use crate::jobs::schedule::schedules;
use crate::jobs::send_mail::SendMail;
use crate::jobs::send_notice::{SendNotice, TellOfDeadJobs};
use crate::jobs::settle_effect::SettleEffect;
use crate::jobs::take_event::TakeEvent;
use crate::knowledge::base::Knowledge;
use crate::knowledge::crawl::run::Crawler;
use crate::knowledge::embed::{self, VectorError};

/// How to work.
#[derive(clap::Args)]
pub struct Args {
    /// Jobs at once, on documents and of all other kinds each, instead of the configured number.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: Option<u16>,
}

/// Works.
///
/// # Errors
/// When it can't start; the message says what to do.
pub async fn run(mut config: Config, args: Args) -> anyhow::Result<ExitCode> {
    if let Some(n) = args.at_once {
        config.jobs.at_once = usize::from(n);
    }
    // A server that runs on this data folder has its own PostgreSQL running; it is joined.
    let mut session = Session::open(config, Access::Attach).await?;
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    spawn_opening(&session, &tasks, &stop);
    let (agent, gateway) = session.gateway()?;
    tasks.spawn(turns::sweep(Arc::clone(&agent), stop.clone()));
    let running = tasks.spawn(workers(&session, &gateway, &stop)?.run());
    note("deskhand works (Ctrl-C stops it).");
    let watched = serve::watch(&mut session).await;
    note("Stopping: jobs under way may end.");
    stop.cancel();
    tokio::select! {
        ended = running => ended?,
        // A second signal ends the wait; what runs goes to another worker when its lease is over.
        _ = serve::asked_to_stop() => note("Stopped without waiting."),
    }
    // Turns of AI jobs; what doesn't end in time is carried on by another process.
    if tokio::time::timeout(session.config.drain(), agent.drain())
        .await
        .is_err()
    {
        agent.let_go().await;
    }
    session.close().await?;
    watched.map(|()| ExitCode::SUCCESS)
}

/// Has the model opened beside whatever else there is to do: the first question needn't
/// wait for it.
pub(super) fn spawn_opening(session: &Session, tasks: &TaskTracker, stop: &CancellationToken) {
    let opening = open_model(session.db.clone(), Arc::clone(&session.knowledge));
    tasks.spawn(stop.child_token().run_until_cancelled_owned(opening));
}

/// Opens the configured embedding model, and has the vectors built of sites that have
/// passages and no model: they came before it.
async fn open_model(db: Db, knowledge: Arc<Knowledge>) {
    let Some(spec) = knowledge.embedders.first_choice() else {
        return;
    };
    // What is wrong with it has been logged.
    if knowledge.embedders.get(spec, None).await.is_err() {
        return;
    }
    let begun = async {
        for site in sites::list(&db).await? {
            let mut tx = db.site(site.id).await?;
            let known = models::of_site(&mut tx).await?;
            drop(tx);
            if known.live.is_none() && known.next.is_none() && known.chunks > 0 {
                embed::begin(&db, &knowledge.embedders, site.id).await?;
            }
        }
        Ok::<_, VectorError>(())
    };
    if let Err(error) = begun.await {
        tracing::warn!(%error, "sites without vectors are left as they are");
    }
}

/// Work on documents: long, and much of it at once.
const DOCUMENTS: [&str; 5] = [
    Work::INGEST_DOCUMENT,
    Work::TAKE_EVENT,
    Work::CRAWL,
    Work::REINDEX,
    Work::MEASURE_TRUST,
];

/// A process's workers: one for documents, and one for all the rest, so that a mail with a code, a
/// refund or a notice never waits until somebody's documents are taken in.
pub(super) struct Workers {
    documents: Runner,
    rest: Runner,
}

impl Workers {
    /// Works until both have been told to stop and have ended.
    pub(super) async fn run(self) {
        tokio::join!(self.documents.run(), self.rest.run());
    }
}

/// Workers for all kinds of work; that for the rest also fires what the clock starts.
pub(super) fn workers(
    session: &Session,
    gateway: &Arc<Gateway>,
    stop: &CancellationToken,
) -> anyhow::Result<Workers> {
    let handlers = handlers(session)?
        .with(AiJob {
            gateway: Arc::clone(gateway),
        })
        .with(AiCallback {
            gateway: Arc::clone(gateway),
        });
    let rest: Vec<&str> = handlers
        .kinds()
        .into_iter()
        .filter(|kind| !DOCUMENTS.contains(kind))
        .collect();
    let runner = |handlers, schedules| {
        let settings = settings(&session.config);
        let (db, stop) = (session.db.clone(), stop.clone());
        Runner::new(db, handlers, schedules, settings, TaskTracker::new(), stop)
    };
    Ok(Workers {
        documents: runner(handlers.only(&DOCUMENTS), Vec::new()),
        rest: runner(handlers.only(&rest), schedules()),
    })
}

/// One handler a kind of work, but for what needs the agent.
pub(super) fn handlers(session: &Session) -> anyhow::Result<Handlers> {
    let mailer = session.mailer()?;
    let mails = mailer.is_some();
    Ok(Handlers::new()
        .with(IngestDocument {
            clock: Arc::clone(&session.clock),
            knowledge: Arc::clone(&session.knowledge),
        })
        .with(TakeEvent {
            clock: Arc::clone(&session.clock),
            knowledge: Arc::clone(&session.knowledge),
        })
        .with(Reindex {
            knowledge: Arc::clone(&session.knowledge),
        })
        .with(MeasureTrust {
            knowledge: Arc::clone(&session.knowledge),
        })
        .with(BridgeEvent {
            clock: Arc::clone(&session.clock),
            master: Arc::clone(&session.master),
        })
        .with(ExecuteProposal {
            stores: session.stores(),
            clock: Arc::clone(&session.clock),
            master: Arc::clone(&session.master),
        })
        .with(SettleEffect {
            stores: session.stores(),
            clock: Arc::clone(&session.clock),
            master: Arc::clone(&session.master),
        })
        .with(Crawl(Crawler::new(
            session.db.clone(),
            Arc::clone(&session.clock),
            Arc::clone(&session.knowledge),
        )))
        .with(BeginCrawls {
            clock: Arc::clone(&session.clock),
        })
        .with(SendMail {
            mailer,
            clock: Arc::clone(&session.clock),
            master: Arc::clone(&session.master),
        })
        .with(SendNotice {
            fetcher: session.fetcher.clone(),
            mails,
            clock: Arc::clone(&session.clock),
            master: Arc::clone(&session.master),
        })
        .with(TellOfDeadJobs {
            clock: Arc::clone(&session.clock),
        })
        .with(MailReply {
            wait: mails.then(|| session.config.reply_wait()),
            clock: Arc::clone(&session.clock),
            master: Arc::clone(&session.master),
        })
        .with(MirrorTicket(session.mirrors()))
        .with(MarkBreaches {
            clock: Arc::clone(&session.clock),
        })
        .with(Prune {
            clock: Arc::clone(&session.clock),
        }))
}

/// As configured.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        concurrency: config.jobs.at_once,
        drain: config.drain(),
        ..Settings::default()
    }
}
