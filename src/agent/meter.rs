//! What calls of language models cost: a call's upper bound is reserved before it is made,
//! its end is noted whatever becomes of it, and settled with the turn's next store.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chrono::NaiveDate;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
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
use crate::models::chat::{ChatRequest, Finish, Usage};
use crate::models::price::{Micros, Price};
use crate::models::tokens::{self, Counter};

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
    // Where both are the same, nothing is left to settle.
    let open = |e: &&Ended| e.reserved != e.call.cost_micro;
    let mut days: Vec<NaiveDate> = ended.iter().filter(open).map(|e| e.day).collect();
    days.sort_unstable();
    days.dedup();
    let of_day = |day: NaiveDate| {
        let of_day = || ended.iter().filter(open).filter(move |e| e.day == day);
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
    /// Name, version and hash of the prompt.
    pub prompt: &'a str,
    /// What its tokens cost.
    pub price: Price,
    /// What is sent.
    pub request: &'a ChatRequest,
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
    /// Whether so much is spent that calls are counted by the token.
    near: AtomicBool,
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
            near: AtomicBool::new(false),
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
        let request = intent.request;
        let bytes = tokens::bytes(request);
        let free = intent.price.is_free();
        let mut sent = Sent::Free;
        let reserved = if free {
            0
        } else {
            let (set_aside, how) = self.set_aside_for(&intent, day, bytes).await?;
            sent = how;
            self.begun.fetch_add(1, Ordering::Relaxed);
            set_aside.keep()
        };
        Ok(OpenCall {
            meter: self,
            span: measure::chat_span(&intent),
            finish: None,
            begun: Instant::now(),
            day,
            reserved,
            price: intent.price,
            sent,
            bytes,
            bound_out: request.max_tokens,
            usage: None,
            written: 0,
            call: ModelCall {
                id: Uuid::now_v7(),
                at,
                phase: intent.phase.to_owned(),
                provider: intent.provider.to_owned(),
                model: request.model.clone(),
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

    /// As long as half of the cap is left, a token for each byte is set aside, which costs no
    /// counting; then what the model's tokenizer makes of it, so that nobody is turned away for
    /// money that wouldn't be spent.
    async fn set_aside_for(
        &self,
        intent: &Intent<'_>,
        day: NaiveDate,
        bytes: u32,
    ) -> Result<(Reserved, Sent), LinkFailure> {
        let request = intent.request;
        let most = |tokens| micros(intent.price.most(tokens, request.max_tokens));
        let mut held = self.left_over(day);
        if !self.near.load(Ordering::Relaxed) {
            match self.reserve(held, most(bytes), self.cap / 2, false).await {
                Ok(reserved) => return Ok((reserved, Sent::Uncounted(Box::new(request.clone())))),
                Err(still) => held = still,
            }
            self.near.store(true, Ordering::Relaxed);
        }
        let counted = Counter::of(&request.model).at_most(request);
        let begun = self.begun.load(Ordering::Relaxed).min(TENTHS.len() - 1);
        let limit = self.cap / 10 * TENTHS[begun];
        match self.reserve(held, most(counted), limit, true).await {
            Ok(reserved) => Ok((reserved, Sent::Counted(counted))),
            Err(mut held) => {
                // Before the turn goes on: what comes next finds it settled.
                if let Some(giving) = held.give_back() {
                    let _ = giving.await;
                }
                Err(LinkFailure::OverBudget)
            }
        }
    }

    /// What was set aside for this turn's calls that have ended, and that they didn't cost: the
    /// next one is paid from it, before they are settled.
    fn left_over(&self, day: NaiveDate) -> Reserved {
        let mut micro = 0;
        for ended in self.lock().iter_mut().filter(|e| e.day == day) {
            micro += (ended.reserved - ended.call.cost_micro).max(0);
            ended.reserved = ended.reserved.min(ended.call.cost_micro);
        }
        self.reserved(day, micro)
    }

    fn reserved(&self, day: NaiveDate, micro: i64) -> Reserved {
        Reserved {
            db: self.db.clone(),
            site: self.site,
            day,
            micro,
            tasks: self.tasks.clone(),
        }
    }

    /// Makes `micro` of what is set aside already, unless more than `limit` would be spent then;
    /// whether staff are told of that, once a day, is `last`'s. In a task of its own: a caller
    /// that is dropped while the database works couldn't tell whether the money is set aside,
    /// and nobody would ever give it back.
    async fn reserve(
        &self,
        mut held: Reserved,
        micro: i64,
        limit: i64,
        last: bool,
    ) -> Result<Reserved, Reserved> {
        if held.micro >= micro {
            // What ended calls left over is enough.
            return Ok(held);
        }
        let (clock, day) = (Arc::clone(&self.clock), held.day);
        let (tell, told) = oneshot::channel();
        self.tasks.spawn(async move {
            let more = micro - held.micro;
            let set = set_aside(&held, more, limit, last.then_some(&clock)).await;
            let outcome = match set {
                Ok(true) => {
                    fail::point(FailPoint::TurnReserved);
                    held.micro = micro;
                    Ok(held)
                }
                Ok(false) => Err(held),
                Err(error) => {
                    tracing::warn!(%error, site = held.site.hashed(), "no money can be reserved for a model's call");
                    Err(held)
                }
            };
            // Not taken, it is dropped and given back.
            let _ = tell.send(outcome);
        });
        told.await.unwrap_or_else(|_| Err(self.reserved(day, 0)))
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

/// Sets money aside for a call; where the limit forbids it, staff are told once a day, if there
/// is a clock to tell them by.
async fn set_aside(of: &Reserved, micro: i64, limit: i64, tell: Option<&SharedClock>) -> DbResult<bool> {
    if spend::reserve(&of.db, of.site, of.day, micro, limit).await? {
        return Ok(true);
    }
    let Some(clock) = tell else { return Ok(false) };
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

    /// Gives it back, in a task that goes on without its caller.
    fn give_back(&mut self) -> Option<JoinHandle<()>> {
        // Without a runtime the process ends; what was set aside then stays counted.
        if self.micro == 0 || Handle::try_current().is_err() {
            return None;
        }
        let (db, site, day) = (self.db.clone(), self.site, self.day);
        let micro = std::mem::take(&mut self.micro);
        Some(self.tasks.spawn(async move {
            let give_back = async {
                let mut tx = db.site(site).await?;
                spend::settle(&mut tx, day, micro, 0).await?;
                tx.commit().await
            };
            if let Err(error) = give_back.await {
                tracing::warn!(%error, %site, "money that was set aside for no call stays counted");
            }
        }))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // It goes on by itself.
        drop(self.give_back());
    }
}

/// As the database counts them.
fn micros(amount: Micros) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

/// What is known of the length of what was sent, in tokens.
enum Sent {
    /// It costs nothing, and is estimated.
    Free,
    /// It is counted only where the provider doesn't tell.
    Uncounted(Box<ChatRequest>),
    /// At most so many.
    Counted(u32),
}

/// A call under way. Dropped, it is noted as it stands, and costs what it was allowed to.
pub struct OpenCall<'a> {
    meter: &'a Meter,
    span: Span,
    finish: Option<Finish>,
    begun: Instant,
    day: NaiveDate,
    reserved: i64,
    price: Price,
    sent: Sent,
    /// Bytes of what was sent, with its frames.
    bytes: u32,
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

    /// The provider's count, within what can be: no token is longer than some bytes, none shorter than
    /// one. Without a count, what the model's tokenizer makes at most of what was sent, if it may have
    /// been read; and of a whole answer three bytes a token. What wasn't waited for costs all that it
    /// may: nobody sees thoughts, and the provider bills them.
    fn counted(&self) -> Usage {
        let written = u32::try_from(self.written).unwrap_or(u32::MAX);
        let Some(told) = self.usage else {
            // Turned down before it was read.
            let unread = ["rate_limit", "server_error", "refused", "empty", "malformed"];
            let free = self.call.first_ms.is_none() && unread.contains(&self.call.outcome.as_str());
            let whole = self.call.outcome == "ok" || self.price.is_free();
            let seen = written.div_ceil(3);
            return Usage {
                input: if free { 0 } else { self.tokens_sent() },
                output: if free || whole {
                    seen
                } else {
                    seen.max(self.bound_out)
                },
            };
        };
        let possible = Usage {
            input: told.input.clamp(self.bytes / BYTES_A_TOKEN, self.bytes),
            output: told
                .output
                .clamp(written / BYTES_A_TOKEN, self.bound_out.max(written)),
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

    fn tokens_sent(&self) -> u32 {
        match &self.sent {
            Sent::Free => self.bytes.div_ceil(3),
            Sent::Uncounted(request) => Counter::of(&request.model).at_most(request),
            Sent::Counted(tokens) => *tokens,
        }
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
