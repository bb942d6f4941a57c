//! A thread's events as a stream. Who asked is handed his turn's events as they are stored,
//! when the turn is driven here; all others, and whoever resumes on another replica, read them
//! from the table. An event is committed before it is sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::Stream;
use tokio::sync::OwnedSemaphorePermit;

use super::error::{Code, Problem};
use super::state::App;
use crate::agent::hub::Waiting;
use crate::agent::live::LiveEvents;
use crate::db::events::{self, StoredEvent};
use crate::db::pool::DbResult;
use crate::db::{replies, turns};
use crate::domain::event::{StaffKind, ThreadEvent};
use crate::domain::ids::{SiteId, ThreadId, TurnId};
use crate::guardrails::vault;

/// Comments on an idle stream, so that nothing on the way takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Looks without a notice while a turn runs: should one be lost, this is what it costs.
const POLL: Duration = Duration::from_secs(2);
/// The same on a stream where nothing is under way; there are many of these.
const IDLE_POLL: Duration = Duration::from_secs(15);
/// Events read at a time.
const BATCH: i64 = 200;

/// Where a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After this turn's `done`.
    Done(TurnId),
    /// After the first `done`: a message that staff will answer.
    FirstDone,
    /// When the token ends.
    Expiry,
}

impl Until {
    fn is_reached(self, event: &ThreadEvent) -> bool {
        match (self, event) {
            (Self::Done(turn), ThreadEvent::Done { turn_id }) => turn == *turn_id,
            (Self::FirstDone, ThreadEvent::Done { .. }) => true,
            _ => false,
        }
    }
}

/// Follows a thread's events.
pub struct Follow {
    app: Arc<App>,
    site: SiteId,
    thread: ThreadId,
    after: i64,
    until: Until,
    expires_at: DateTime<Utc>,
    /// The turn's events as they are stored by this process, while they come.
    live: Option<LiveEvents>,
    waiting: Waiting,
    over: bool,
    /// Whether nothing was sent yet.
    silent: bool,
    lost: bool,
}

impl Follow {
    /// From the event after `after` on.
    #[must_use]
    pub fn new(
        app: &Arc<App>,
        site: SiteId,
        thread: ThreadId,
        after: i64,
        until: Until,
        expires_at: DateTime<Utc>,
    ) -> Self {
        // Waiting begins before the first look, so nothing falls between the two.
        let waiting = app.agent.hub.wait(thread);
        Self {
            app: Arc::clone(app),
            site,
            thread,
            after,
            until,
            expires_at,
            live: None,
            waiting,
            over: false,
            silent: true,
            lost: false,
        }
    }

    /// Of a turn that is driven here: its events are taken as they are stored.
    #[must_use]
    pub fn live(self, live: Option<LiveEvents>) -> Self {
        Self { live, ..self }
    }

    /// The next events, in order; None at the end of the stream.
    ///
    /// # Errors
    /// When the database does; the client resumes later.
    pub async fn next(&mut self) -> DbResult<Option<Vec<StoredEvent>>> {
        loop {
            if self.over {
                return Ok(None);
            }
            let now = self.app.clock.now();
            // A client that comes again is told that the conversation is gone.
            if now >= self.expires_at || self.waiting.is_erased() {
                return Ok(None);
            }
            let left = (self.expires_at - now).to_std().unwrap_or_default();
            if let Some(live) = &mut self.live {
                let events = tokio::select! {
                    events = live.recv() => events,
                    () = tokio::time::sleep(left) => continue,
                    () = self.app.closing.cancelled() => return Ok(None),
                };
                // Somebody else may have spoken between; then the table has the order.
                match events.filter(|e| e.first().is_some_and(|first| first.seq == self.after + 1)) {
                    Some(events) => return Ok(Some(self.sent(events))),
                    None => self.live = None,
                }
            }
            // In a place of its own while it lasts: the queries' room is a multiple of what a
            // stream needs that waits.
            let events = Box::pin(self.look(now)).await?;
            if !events.is_empty() {
                return Ok(Some(self.sent(events)));
            }
            if self.silent && Box::pin(self.misses_its_turn()).await? {
                self.lost = true;
                return Ok(None);
            }
            let idle = self.until == Until::Expiry && !self.app.agent.hub.is_new();
            let poll = if idle { IDLE_POLL } else { POLL };
            tokio::select! {
                () = self.waiting.changed() => {}
                () = tokio::time::sleep(poll.min(left)) => {}
                () = self.app.closing.cancelled() => return Ok(None),
            }
        }
    }

    /// What came after the last event that was sent.
    async fn look(&self, now: DateTime<Utc>) -> DbResult<Vec<StoredEvent>> {
        let mut tx = self.app.db.site(self.site).await?;
        let mut events = events::after(&mut tx, self.thread, self.after, BATCH).await?;
        vault::reveal_all(&mut tx, &self.app.master, self.thread, &mut events).await?;
        if let Some(seq) = of_staff(&events) {
            replies::told(&mut tx, self.thread, seq, now).await?;
        }
        tx.commit().await?;
        Ok(events)
    }

    /// Whether the turn that is waited for isn't there any more: its database broke down before its
    /// opening was on disk. Nobody was told of it, and the message can be sent again.
    async fn misses_its_turn(&self) -> DbResult<bool> {
        let Until::Done(turn) = self.until else {
            return Ok(false);
        };
        let mut tx = self.app.db.site(self.site).await?;
        let seq = turns::first_seq(&mut tx, turn).await?;
        tx.commit().await?;
        Ok(seq.is_none())
    }

    /// Whether its turn was lost before anything was told of it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Notes what is sent, up to where the stream ends.
    fn sent(&mut self, mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
        self.silent = false;
        if let Some(end) = events.iter().position(|e| self.until.is_reached(&e.event)) {
            events.truncate(end + 1);
            self.over = true;
        }
        if let Some(last) = events.last() {
            self.after = last.seq;
        }
        events
    }
}

/// The last of events that tell the visitor what staff wrote.
fn of_staff(events: &[StoredEvent]) -> Option<i64> {
    let wrote = |event: &ThreadEvent| {
        matches!(
            event,
            ThreadEvent::Staff {
                kind: StaffKind::Message | StaffKind::System,
                ..
            }
        )
    };
    events.iter().rev().find(|e| wrote(&e.event)).map(|e| e.seq)
}

/// The stream's response.
///
/// # Errors
/// 503 when this process has streams enough.
pub fn respond(app: &Arc<App>, follow: Follow) -> Result<Response, Problem> {
    let place = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| {
        Problem::new(
            Code::Overloaded,
            "Many people are listening at the moment. Please try again in a moment.",
        )
    })?;
    let mut response = Sse::new(stream(follow, place))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT).text("hb"))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-transform"),
    );
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}

fn stream(follow: Follow, place: OwnedSemaphorePermit) -> impl Stream<Item = Result<Event, Infallible>> {
    use futures::StreamExt;
    let retry = futures::stream::once(async { Ok(Event::default().retry(Duration::from_secs(1))) });
    let events = futures::stream::unfold((follow, place), |(mut follow, place)| async move {
        match follow.next().await {
            Ok(Some(batch)) => {
                let events: Vec<_> = batch.iter().filter_map(to_sse).map(Ok).collect();
                Some((futures::stream::iter(events), (follow, place)))
            }
            Ok(None) => None,
            Err(error) => {
                // The stream ends here; the client resumes after the last id that it has.
                tracing::warn!(%error, "a stream ends early");
                None
            }
        }
    });
    retry.chain(events.flatten())
}

fn to_sse(stored: &StoredEvent) -> Option<Event> {
    let mut data = serde_json::to_value(&stored.event).ok()?;
    if let Some(object) = data.as_object_mut() {
        // The type is the event's name already.
        object.remove("type");
    }
    Some(
        Event::default()
            .id(stored.seq.to_string())
            .event(stored.event.name())
            .data(data.to_string()),
    )
}
