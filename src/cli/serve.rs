//! `deskhand serve`: the API, the demo page and background work in one process, until it
//! is told to stop; then turns, streams and jobs may end within the drain time.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::demo::{self, Refresh};
use super::erase;
use super::print::note;
use super::session::Session;
use super::worker;
use crate::agent::turns;
use crate::config::Config;
use crate::db::embedded::{self, Access, Embedded};
use crate::http::notices;
use crate::http::state::{App, HttpSettings};
use crate::http::{router, server};
use crate::telemetry;

/// How to serve.
#[derive(clap::Args)]
pub struct Args {
    /// Address and port, instead of the configured ones.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Serve the API only; background work runs elsewhere (`deskhand worker`).
    #[arg(long)]
    no_worker: bool,
}

/// Serves.
///
/// # Errors
/// When it can't start; the message says what to do.
pub async fn run(config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let wanted = args.listen.unwrap_or(config.server.listen);
    let listener = TcpListener::bind(wanted).await.with_context(|| {
        format!("{wanted} can't be listened on (is something else using it? choose another with --listen)")
    })?;
    let listen = listener.local_addr()?;
    let mut session = Session::open(config, Access::Own).await?;
    let site = if session.config.server.demo && listen.ip().is_loopback() {
        demo::ensure(&session, Refresh::Always(listen)).await?
    } else {
        None
    };
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    let closing = CancellationToken::new();
    let (agent, gateway) = session.gateway()?;
    let settings = HttpSettings {
        listen,
        demo: site,
        streams_at_once: session.config.agent.streams_at_once,
        metrics: session.config.telemetry.metrics,
        erasures: erase::journal(&session.config),
    };
    let app = App::new(
        Arc::clone(&agent),
        Arc::clone(&gateway),
        Arc::clone(&session.knowledge),
        settings,
        closing.clone(),
    );
    tasks.spawn(notices::listen(Arc::clone(&agent), closing.clone()));
    tasks.spawn(telemetry::metrics::upkeep(stop.clone()));
    tasks.spawn(turns::sweep(Arc::clone(&agent), stop.clone()));
    worker::spawn_opening(&session, &tasks, &stop);
    if !args.no_worker {
        tasks.spawn(worker::workers(&session, &gateway, &stop)?.run());
    }
    let drain = session.config.drain();
    let web = tasks.spawn(server::serve(
        listener,
        router::router(app),
        closing.clone(),
        drain,
    ));
    note(&format!(
        "deskhand is ready: http://{listen}  (API: http://{listen}/docs; Ctrl-C stops it)"
    ));

    watch(&mut session).await?;
    note("Stopping: turns and jobs under way may end.");
    stop.cancel();
    let forced = async {
        // A second signal ends the wait.
        let _ = asked_to_stop().await;
    };
    let drained = async {
        if tokio::time::timeout(drain, agent.drain()).await.is_err() {
            agent.let_go().await;
        }
        closing.cancel();
        let _ = web.await;
        tasks.close();
        tasks.wait().await;
    };
    tokio::select! {
        () = drained => {}
        () = forced => note("Stopped without waiting."),
    }
    session.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Resolves at SIGINT or SIGTERM.
pub(in crate::cli) async fn asked_to_stop() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Waits until it is told to stop; meanwhile starts the own server again should it die.
pub(super) async fn watch(session: &mut Session) -> anyhow::Result<()> {
    let mut asked = std::pin::pin!(asked_to_stop());
    loop {
        let Some(server) = &session.embedded else {
            return asked.await;
        };
        let exited = server.exited();
        tokio::select! {
            asked = &mut asked => return asked,
            error = exited => {
                tracing::error!(%error, "the own PostgreSQL has ended; starting it again");
                session.embedded = None;
                session.embedded = Some(again(session).await?);
                tracing::info!("the own PostgreSQL runs again");
            }
        }
    }
}

async fn again(session: &Session) -> anyhow::Result<Embedded> {
    let settings = super::session::embedded_settings(&session.config)?;
    let mut pause = Duration::from_millis(200);
    loop {
        match embedded::open(&settings, Access::Own).await {
            Ok(server) => return Ok(server),
            Err(error) if pause > Duration::from_secs(4) => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "it doesn't start yet"),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}
