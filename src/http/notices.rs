//! PostgreSQL's notices, heard for the hub: what other processes appended to threads, turns
//! that a visitor asked to stop, and sites that were changed.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::db::listen::{self, Listener, Notice, SITE_CHANGED, THREAD_EVENTS, TURN_CANCEL};

/// Hears the database's notices until `stop`, over lost connections too, and lets other
/// processes know that this one does.
pub async fn listen(agent: Arc<Agent>, stop: CancellationToken) {
    futures::join!(hear_on(&agent, &stop), beat(&agent, &stop));
}

/// Says every two seconds that this process listens, and learns whether others do.
async fn beat(agent: &Agent, stop: &CancellationToken) {
    let id = uuid::Uuid::now_v7();
    loop {
        // What can't be told is taken for a yes: then everything is announced.
        let others = listen::beat(&agent.db, id).await.unwrap_or(true);
        agent.hub.set_others(others);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(listen::BEAT) => {}
        }
    }
}

async fn hear_on(agent: &Agent, stop: &CancellationToken) {
    let mut pause = Duration::from_millis(100);
    loop {
        let begun = std::time::Instant::now();
        let heard = tokio::select! {
            () = stop.cancelled() => return,
            heard = hear(agent) => heard,
        };
        if begun.elapsed() > Duration::from_secs(30) {
            pause = Duration::from_millis(100);
        }
        if let Err(error) = heard {
            tracing::warn!(%error, "the database's notices can't be heard; streams poll meanwhile");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

async fn hear(agent: &Agent) -> crate::db::pool::DbResult<()> {
    let mut listener = Listener::open(&agent.db, &[THREAD_EVENTS, TURN_CANCEL, SITE_CHANGED]).await?;
    let hub = &agent.hub;
    hub.wake_all();
    agent.forget_sites();
    loop {
        match listener.next().await? {
            Notice::Reconnected => {
                hub.wake_all();
                agent.forget_sites();
            }
            Notice::Heard { channel, payload } if channel == SITE_CHANGED => {
                if let Ok(site) = payload.parse() {
                    agent.forget_site(site);
                }
            }
            Notice::Heard { channel, payload } if channel == TURN_CANCEL => {
                if let Ok(turn) = payload.parse() {
                    agent.stop_here(turn);
                }
            }
            Notice::Heard { payload, .. } => {
                if let Some((thread, seq)) = payload.split_once(':')
                    && let (Ok(thread), Ok(seq)) = (thread.parse(), seq.parse())
                {
                    hub.wake(thread, seq);
                }
            }
        }
    }
}
