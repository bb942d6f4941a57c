//! What calls of language models cost: a call's upper bound is reserved before it is made,
//! its end is noted whatever becomes of it, and settled with the turn's next store.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::NaiveDate;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::Span;
use uuid::Uuid;

use crate::agent::machine::input::LinkFailure;
use crate::agent::measure;
use crate::db::model_calls::{self, ModelCall};
use crate::db::pool::{Db, DbResult, SiteTx};
use crate::db::spend;
use crate::db::turn_writes::Settled;
use crate::domain::clock::SharedClock;
use crate::domain::fail::{self, FailPoint};
use crate::domain::ids::{SiteId, TurnId};
use crate::models::chat::{Finish, Usage};
use crate::models::price::{Micros, Price};

/// The longest that tokens are on average, in bytes, in any text and any tokenizer.
const BYTES_A_TOKEN: u32 = 12;

/// A call that has ended, and what was reserved for it.
#[derive(Debug)]
pub struct Ended {
    call: ModelCall,
    day: NaiveDate,
    reserved: i64,
}

impl Ended {
    /// Tokens of the request.
    #[must_use]
    pub fn tokens_in(&self) -> i64 {
        self.call.tokens_in.into()
    }

    /// Tokens of the answer.
    #[must_use]
    pub fn tokens_out(&self) -> i64 {
        self.call.tokens_out.into()
    }

    /// The cost, in millionths of the currency's unit.
    #[must_use]
    pub fn cost_micro(&self) -> i64 {
        self.call.cost_micro
    }

    /// The call.
    #[must_use]
    pub fn call(&self) -> &ModelCall {
        &self.call
    }
}

/// What was reserved for calls that have ended, and what they cost, by day.
#[must_use]
pub fn settled(ended: &[Ended]) -> Vec<Settled> {
    let mut days: Vec<NaiveDate> = ended.iter().filter(|e| e.reserved > 0).map(|e| e.day).collect();
    days.sort_unstable();
    days.dedup();
    let of_day = |day: NaiveDate| {
        let of_day = || ended.iter().filter(move |e| e.reserved > 0 && e.day == day);
        Settled {
            day,
            reserved: of_day().map(|e| e.reserved).sum(),
            cost: of_day().map(|e| e.call.cost_micro).sum(),
        }
    };
    days.into_iter().map(of_day).collect()
}

/// Stores calls that have ended, and settles what was reserved for them.
///
/// # Errors
/// When the database does.
pub async fn store(tx: &mut SiteTx, turn: Option<TurnId>, ended: &[Ended]) -> DbResult<()> {
    let calls: Vec<ModelCall> = ended.iter().map(|e| e.call.clone()).collect();
    model_calls::insert(tx, turn, &calls).await?;
    for Settled { day, reserved, cost } in settled(ended) {
        spend::settle(tx, day, reserved, cost).await?;
    }
    Ok(())
}

/// A call about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Intent<'a> {
    /// `plan` or `draft`.
    pub phase: &'static str,
    /// The provider's name.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
    /// Name, version and hash of the prompt.
    pub prompt: &'a str,
    /// What its tokens cost.
    pub price: Price,
    /// Tokens of the request; an upper bound.
    pub tokens_in: u32,
    /// Tokens of the answer at most.
    pub tokens_out: u32,
    /// What was asked for.
    pub temperature: f32,
}

/// The calls of one turn.
pub struct Meter {
    db: Db,
    site: SiteId,
    clock: SharedClock,
    /// The site's cap a day, in millionths.
    cap: i64,
    tasks: TaskTracker,
    /// Calls that money was set aside for.
    begun: AtomicUsize,
    ended: Mutex<Vec<Ended>>,
}

/// What a turn's first, second and later calls may bring a day's spending to, in tenths of
/// the cap. Many turns that begin at once would else spend all of it on calls that lead to
/// nothing, for none of them could make its last one.
const TENTHS: [i64; 3] = [8, 9, 10];

impl Meter {
    /// For a turn of a site that may spend `cap` millionths a day; `tasks` is where
    /// reservations are made.
    #[must_use]
    pub fn new(db: Db, site: SiteId, clock: SharedClock, cap: i64, tasks: TaskTracker) -> Self {
        Self {
            db,
            site,
            clock,
            cap,
            tasks,
            begun: AtomicUsize::new(0),
            ended: Mutex::default(),
        }
    }

    /// Reserves what the call can cost at most; a turn's first calls leave some of the cap
    /// to turns that are further on.
    ///
    /// # Errors
    /// [`LinkFailure::OverBudget`] when the site's cap would be passed, or when that can't be
    /// told because the database is away: no money is spent that can't be counted.
    pub async fn begin(&self, intent: Intent<'_>) -> Result<OpenCall<'_>, LinkFailure> {
        let at = self.clock.now();
        let day = at.date_naive();
        let bound = micros(intent.price.most(intent.tokens_in, intent.tokens_out));
        let reserved = if bound == 0 {
            0
        } else {
            let reserved = self.reserve(day, bound).await;
            let reserved = reserved.ok_or(LinkFailure::OverBudget)?.keep();
            self.begun.fetch_add(1, Ordering::Relaxed);
            reserved
        };
        Ok(OpenCall {
            meter: self,
            span: measure::chat_span(&intent),
            finish: None,
            begun: Instant::now(),
            day,
            reserved,
            price: intent.price,
            bound_in: intent.tokens_in,
            bound_out: intent.tokens_out,
            usage: None,
            written: 0,
            call: ModelCall {
                id: Uuid::now_v7(),
                at,
                phase: intent.phase.to_owned(),
                provider: intent.provider.to_owned(),
                model: intent.model.to_owned(),
                prompt: intent.prompt.to_owned(),
                tokens_in: 0,
                tokens_out: 0,
                cost_micro: 0,
                first_ms: None,
                ms: 0,
                outcome: "aborted".to_owned(),
            },
        })
    }

    /// In a task of its own: a caller that is dropped while the database works couldn't
    /// tell whether the money is set aside, and nobody would ever give it back.
    async fn reserve(&self, day: NaiveDate, micro: i64) -> Option<Reserved> {
        let mut reserved = Reserved {
            db: self.db.clone(),
            site: self.site,
            day,
            micro: 0,
            tasks: self.tasks.clone(),
        };
        let begun = self.begun.load(Ordering::Relaxed).min(TENTHS.len() - 1);
        let (clock, cap) = (Arc::clone(&self.clock), self.cap / 10 * TENTHS[begun]);
        let (tell, told) = oneshot::channel();
        self.tasks.spawn(async move {
            match set_aside(&reserved, micro, cap, &clock).await {
                Ok(true) => {
                    fail::point(FailPoint::TurnReserved);
                    reserved.micro = micro;
                    // Not taken, it is dropped and given back.
                    let _ = tell.send(reserved);
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, site = reserved.site.hashed(), "no money can be reserved for a model's call");
                }
            }
        });
        told.await.ok()
    }

    /// The calls that have ended since the last time.
    pub fn take(&self) -> Vec<Ended> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Ended>> {
        // Held for single operations only, none of which can panic half-way.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sets money aside for a call; where the cap forbids it, staff are told once a day.
async fn set_aside(of: &Reserved, micro: i64, cap: i64, clock: &SharedClock) -> DbResult<bool> {
    if spend::reserve(&of.db, of.site, of.day, micro, cap).await? {
        return Ok(true);
    }
    let mut tx = of.db.site(of.site).await?;
    let told = spend::tell_once(&mut tx, of.day, clock.now()).await?;
    tx.commit().await?;
    if told.is_some() {
        tracing::warn!(
            site = of.site.hashed(),
            "the spending cap of the day is reached; the extractive brain answers"
        );
    }
    Ok(false)
}

/// Money set aside for a call that isn't made yet. Dropped, it is given back.
struct Reserved {
    db: Db,
    site: SiteId,
    day: NaiveDate,
    micro: i64,
    tasks: TaskTracker,
}

impl Reserved {
    /// The call is made; from here on its end settles it.
    fn keep(mut self) -> i64 {
        std::mem::take(&mut self.micro)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // Without a runtime the process ends; what was set aside then stays counted.
        if self.micro == 0 || Handle::try_current().is_err() {
            return;
        }
        let (db, site, day, micro) = (self.db.clone(), self.site, self.day, self.micro);
        self.tasks.spawn(async move {
            let give_back = async {
                let mut tx = db.site(site).await?;
                spend::settle(&mut tx, day, micro, 0).await?;
                tx.commit().await
            };
            if let Err(error) = give_back.await {
                tracing::warn!(%error, %site, "money that was set aside for no call stays counted");
            }
        });
    }
}

/// As the database counts them.
fn micros(amount: Micros) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

/// A call under way. Dropped, it is noted as it stands: a call that nobody waits for any
/// more costs what had been written by then.
pub struct OpenCall<'a> {
    meter: &'a Meter,
    span: Span,
    finish: Option<Finish>,
    begun: Instant,
    day: NaiveDate,
    reserved: i64,
    price: Price,
    bound_in: u32,
    bound_out: u32,
    usage: Option<Usage>,
    /// Bytes of the answer so far.
    written: usize,
    call: ModelCall,
}

impl OpenCall<'_> {
    /// Something of the answer came.
    pub fn wrote(&mut self, bytes: usize) {
        if self.call.first_ms.is_none() {
            self.call.first_ms = Some(self.elapsed());
        }
        self.written += bytes;
    }

    /// Its span, for what is sent because of it.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// Why the model stopped.
    pub fn finished(&mut self, finish: Finish) {
        self.finish = Some(finish);
    }

    /// What the provider counted.
    pub fn used(&mut self, usage: Usage) {
        self.usage = Some(usage);
    }

    /// It ended well, or failed so.
    pub fn end(mut self, how: Result<(), LinkFailure>) {
        self.call.outcome = match how {
            Ok(()) => "ok",
            Err(failure) => failure.as_str(),
        }
        .to_owned();
    }

    /// The provider's count, within what can be: no token is longer than some bytes, none
    /// shorter than one, and no answer longer than was allowed. Without a count, what was
    /// asked at most, if it may have been read, and three bytes a token of what was written.
    fn counted(&self) -> Usage {
        let written = u32::try_from(self.written).unwrap_or(u32::MAX);
        let Some(told) = self.usage else {
            // Turned down before it was read.
            let unread = ["rate_limit", "server_error", "refused", "empty", "malformed"];
            let free = self.call.first_ms.is_none() && unread.contains(&self.call.outcome.as_str());
            return Usage {
                input: if free { 0 } else { self.bound_in },
                output: written.div_ceil(3),
            };
        };
        let possible = Usage {
            input: told.input.clamp(self.bound_in / BYTES_A_TOKEN, self.bound_in),
            output: told.output.clamp(
                written / BYTES_A_TOKEN,
                self.bound_out.max(written / BYTES_A_TOKEN),
            ),
        };
        if possible != told && !self.price.is_free() {
            tracing::warn!(
                provider = self.call.provider,
                told.input,
                told.output,
                "a provider counts tokens that can't be"
            );
        }
        possible
    }

    fn elapsed(&self) -> i32 {
        i32::try_from(self.begun.elapsed().as_millis()).unwrap_or(i32::MAX)
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.call.ms = self.elapsed();
        let usage = self.counted();
        self.call.tokens_in = i32::try_from(usage.input).unwrap_or(i32::MAX);
        self.call.tokens_out = i32::try_from(usage.output).unwrap_or(i32::MAX);
        self.call.cost_micro = micros(self.price.cost(usage));
        measure::chat_ended(&self.span, &self.call, usage, self.finish, self.price);
        let ended = Ended {
            call: self.call.clone(),
            day: self.day,
            reserved: self.reserved,
        };
        self.meter.lock().push(ended);
    }
}
