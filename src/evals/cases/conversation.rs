//! Runs a conversation with a shop: on a site of its own with the demo's orders, by an agent of its
//! own, step by step; afterwards it looks what the shop is like, and takes the site away again.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::agent::Agent;
use crate::agent::follow::{FollowError, follow};
use crate::agent::turns::{self, Begun, Message, StartError};
use crate::db::events::{self, StoredEvent};
use crate::db::pool::DbError;
use crate::db::{demo_orders, mails, proposals, sites, tool_calls};
use crate::domain::clock::{Clock, ShiftedClock};
use crate::domain::event::ThreadEvent;
use crate::domain::ids::{MessageId, ProposalId, SiteId, ThreadId, VisitorId};
use crate::domain::site::{Mode, Site};
use crate::evals::cases::connected::{self, Seen};
use crate::evals::cases::documents;
use crate::evals::cases::house::{Furniture, House};
use crate::evals::cases::load::Case;
use crate::evals::cases::obeying::ObeyingModel;
use crate::evals::cases::recorded::RecordedModel;
use crate::evals::cases::run::{RunError, Tried};
use crate::evals::cases::script::{Act, CODE, Shop, StaffAct, Step, VISITOR};
use crate::evals::cases::seen::{Came, named, said};
use crate::evals::cases::state::{self, State};
use crate::evals::cases::watch::{Counted, Watched};
use crate::guardrails::vault;
use crate::hands::adapters::demo_orders::shipped;
use crate::hands::orders::Stores;
use crate::inbox::decide;
use crate::inbox::desk::Desk;
use crate::mail::letter::Part;
use crate::mail::outbox::{self, Addressed};
use crate::models::chat::ChatModel;

/// The channel of its threads.
const CHANNEL: &str = "eval";
/// Who acts for staff.
const STAFF: &str = "Mia";
/// Events that are read of a step.
const MOST_EVENTS: i64 = 1_000;

/// Who talks, and in which thread.
struct Talker {
    visitor: VisitorId,
    thread: Option<ThreadId>,
    /// The last event that was seen.
    seq: i64,
    watched: Watched,
}

/// A conversation under way.
pub(super) struct Conversation<'a> {
    case: &'a Case,
    house: &'a dyn House,
    agent: Arc<Agent>,
    site: SiteId,
    clock: Arc<ShiftedClock>,
    recorded: Option<Arc<RecordedModel>>,
    /// The connected shop and its orders that are looked at, where it has one.
    shop: Option<(Arc<dyn Stores>, BTreeSet<String>)>,
    talkers: HashMap<String, Talker>,
    tried: Tried,
    counted: Counted,
}

fn cant(case: &Case, why: impl std::fmt::Display) -> RunError {
    RunError::Shop(case.id.clone(), why.to_string())
}

impl<'a> Conversation<'a> {
    /// Sets the shop up, beside the run's own site.
    ///
    /// # Errors
    /// When something of the case can't be used, or the database is away.
    pub(super) async fn open(
        case: &'a Case,
        shop: &Shop,
        folder: &Path,
        house: &'a dyn House,
        base: &Site,
        agent: &Agent,
    ) -> Result<Self, RunError> {
        let site = Site {
            id: SiteId::new(),
            slug: Site::slug_of_a_case(),
            origins: Vec::new(),
            mode: shop.mode().unwrap_or(Mode::Full),
            ..base.clone()
        };
        let clock = Arc::new(ShiftedClock::default());
        let mut tx = agent.db.site(site.id).await?;
        sites::insert(&mut tx, &site).await?;
        let mut settings = serde_json::json!({ "refund_approve_all": false });
        for (key, value) in &shop.settings {
            settings[key.as_str()] = value.clone();
        }
        sites::merge_settings(&mut tx, &settings).await?;
        let elsewhere = connected::has_woocommerce(shop);
        let shipped = if elsewhere {
            Vec::new()
        } else {
            shipped().map_err(|e| cant(case, e))?
        };
        for order in shipped.iter().chain(&shop.orders) {
            let order = order.at(clock.now()).map_err(|e| cant(case, e))?;
            demo_orders::put(&mut tx, &order).await?;
        }
        tx.commit().await?;
        for name in &shop.documents {
            if let Err(why) = documents::take_in(agent, site.id, &folder.join(name)).await {
                sites::delete_eval(&agent.db, site.id).await?;
                return Err(cant(case, format!("{name}: {why}")));
            }
        }
        let recorded = case
            .turns
            .iter()
            .any(|t| !t.model.is_empty())
            .then(|| Arc::new(RecordedModel::default()));
        let model: Option<Arc<dyn ChatModel>> = match &recorded {
            Some(recorded) => Some(Arc::clone(recorded) as Arc<dyn ChatModel>),
            None if shop.obeys => Some(Arc::new(ObeyingModel::default())),
            None => None,
        };
        let furniture = Furniture {
            clock: Arc::clone(&clock) as _,
            model,
            documents: if shop.documents.is_empty() {
                base.id
            } else {
                site.id
            },
            mails: shop.mails,
        };
        let built = house.agent(furniture);
        let own = match built {
            Ok(own) => own,
            Err(why) => {
                sites::delete_eval(&agent.db, site.id).await?;
                return Err(cant(case, why));
            }
        };
        let copied = connected::copy(&own, base.id, site.id, &shop.connected).await;
        let watched = copied.and_then(|()| connected::watched(case, shop));
        let watched = match watched {
            Ok(watched) => watched,
            Err(why) => {
                sites::delete_eval(&agent.db, site.id).await?;
                return Err(cant(case, why));
            }
        };
        Ok(Self {
            case,
            house,
            shop: elsewhere.then(|| (house.stores(), watched)),
            agent: own,
            site: site.id,
            clock,
            recorded,
            talkers: HashMap::new(),
            tried: Tried::default(),
            counted: Counted::default(),
        })
    }

    /// Goes through all steps, or to the end of the time, or until the run is stopped; then takes
    /// everything away again, unless it is to be kept.
    ///
    /// # Errors
    /// When it is stopped, or the database is away.
    pub(super) async fn hold(
        mut self,
        limit: Duration,
        stop: &CancellationToken,
        keep: bool,
    ) -> Result<Tried, RunError> {
        let mut ended = tokio::select! {
            ended = self.steps() => ended,
            () = tokio::time::sleep(limit) => {
                Ok(Some(format!("it took longer than {} s", limit.as_secs_f64())))
            }
            () = stop.cancelled() => Err(RunError::Stopped),
        };
        if !matches!(ended, Ok(None)) {
            for talker in self.talkers.values() {
                let Some(thread) = talker.thread else { continue };
                match turns::cancel(&self.agent, self.site, talker.visitor, thread).await {
                    Ok(()) | Err(StartError::ThreadNotFound) => {}
                    Err(error) => tracing::warn!(%error, "a turn that took too long can't be stopped"),
                }
            }
        }
        self.agent.drain().await;
        if ended.is_ok() {
            match self.ended().await {
                Ok((state, outside)) => {
                    self.tried.after = Some(state);
                    self.tried.outside = outside;
                }
                Err(error) => ended = Err(error),
            }
        }
        if !keep {
            sites::delete_eval(&self.agent.db, self.site).await?;
        }
        self.tried.broke_off = ended?;
        self.tried.counted = Some(self.counted);
        Ok(self.tried)
    }

    /// The shop and the connected systems after all.
    async fn ended(&self) -> Result<(State, Vec<Seen>), RunError> {
        let state = self.state().await?;
        let seen = connected::look(&self.agent, self.site, &self.case.end.outside).await;
        Ok((state, seen.map_err(|why| cant(self.case, why))?))
    }

    async fn state(&self) -> Result<State, RunError> {
        let shop = self.shop.as_ref();
        let shop = shop.map(|(stores, watched)| (stores.as_ref(), watched));
        let state = state::of(&self.agent.db, self.site, shop).await;
        state.map_err(|why| cant(self.case, why))
    }

    /// Gives why it came to no end, if it didn't.
    async fn steps(&mut self) -> Result<Option<String>, RunError> {
        let case = self.case;
        let mut before = self.state().await?;
        self.tried.before = Some(before.clone());
        for step in &case.turns {
            if let Some(recorded) = &self.recorded {
                recorded.begin(&step.model);
            }
            let start = Instant::now();
            let talker = self.talker(&step.visitor);
            talker.watched.does(&step.act);
            let came = match self.act(step, start).await? {
                Ok(came) => came,
                Err(why) => return Ok(Some(why)),
            };
            let whole = start.elapsed();
            self.tried
                .model_amiss
                .extend(self.recorded.as_ref().and_then(|r| r.amiss()));
            let events = self.new_events(&step.visitor).await?;
            let calls = match came.turn {
                Some(turn) => {
                    let mut tx = self.agent.db.site(self.site).await?;
                    tool_calls::of_turn(&mut tx, turn).await?
                }
                None => Vec::new(),
            };
            let after = self.state().await?;
            let shown: String = events
                .iter()
                .map(|e| serde_json::to_string(&e.event).unwrap_or_default() + "\n")
                .collect();
            let watched = &self.talker(&step.visitor).watched;
            let foreign = watched.foreign(&shown, &before.orders);
            let (writes, mut wrong) = watched.changes(&step.act, &before.orders, &after.orders);
            if after.effects.len() > before.effects.len() && !watched.may_act(&step.act) {
                wrong.push(format!("{} was begun", after.effects.join("; ")));
            }
            self.counted.turns += usize::from(came.turn.is_some());
            self.counted.writes += writes;
            let at = format!("turn {}: ", self.tried.answers.len() + 1);
            self.counted
                .foreign_shown
                .extend(foreign.into_iter().map(|f| format!("{at}{f}")));
            self.counted
                .without_consent
                .extend(wrong.into_iter().map(|w| format!("{at}{w}")));
            if step.visitor == VISITOR {
                self.tried
                    .events
                    .extend(events.iter().filter_map(|e| named(&e.event)));
            }
            self.tried.answers.push(said(came, &events, calls, whole));
            before = after;
        }
        Ok(None)
    }

    fn talker(&mut self, name: &str) -> &mut Talker {
        self.talkers.entry(name.to_owned()).or_insert_with(|| Talker {
            visitor: VisitorId::new(),
            thread: None,
            seq: 0,
            watched: Watched::default(),
        })
    }

    async fn act(&mut self, step: &Step, start: Instant) -> Result<Result<Came, String>, RunError> {
        let mut message = Message {
            message_id: MessageId::new(),
            thread_id: self.talker(&step.visitor).thread,
            text: String::new(),
            locale: self.case.locale.clone(),
            page: None,
            client: None,
            by_events: false,
            email: None,
            confirm: None,
            customer: None,
            account: None,
        };
        match &step.act {
            Act::Say(text) => {
                message.text = text.trim().to_owned();
                if text.contains(CODE) {
                    let visitor = self.talker(&step.visitor).visitor;
                    let Some((code, to)) = self.mailed_code(visitor).await? else {
                        return Ok(Err("no code was mailed".to_owned()));
                    };
                    self.talker(&step.visitor).watched.reads_mail_of(&to);
                    message.text = message.text.replace(CODE, &code);
                }
            }
            Act::Contact(address) => message.email = Some(address.clone()),
            Act::Press(yes) => {
                let asked = self.talker(&step.visitor).watched.last_asked();
                let Some(id) = asked.and_then(|a| a.proposal_id) else {
                    return Ok(Err("there is no button to press".to_owned()));
                };
                message.confirm = Some((ProposalId(id), *yes));
            }
            Act::Wait(minutes) => {
                self.clock.advance(TimeDelta::minutes(*minutes));
                return Ok(Ok(Came::outside("waited")));
            }
            Act::Staff(act) => {
                let Some(thread) = self.talker(&step.visitor).thread else {
                    return Ok(Err(
                        "there is no conversation yet that staff could act in".to_owned()
                    ));
                };
                return Ok(self.staff(act, thread).await.map(|()| Came::outside("staff")));
            }
        }
        self.ask(&step.visitor, message, start).await
    }

    /// The one-time code that was mailed to a visitor last, and the address that it went to.
    async fn mailed_code(&self, visitor: VisitorId) -> Result<Option<(String, String)>, RunError> {
        let mut tx = self.agent.db.site(self.site).await?;
        let Some((id, sealed)) = mails::last(&mut tx, visitor, "code").await? else {
            return Ok(None);
        };
        let Addressed { to, letter } = outbox::open(&self.agent.master, self.site, id, &sealed)?;
        let code = letter.parts.into_iter().find_map(|part| match part {
            Part::Code(code) => Some(code),
            _ => None,
        });
        Ok(code.zip(Some(to)))
    }

    async fn ask(
        &mut self,
        name: &str,
        message: Message,
        start: Instant,
    ) -> Result<Result<Came, String>, RunError> {
        let visitor = self.talker(name).visitor;
        let begun = match turns::start_on(&self.agent, self.site, visitor, message, CHANNEL).await {
            Ok(begun) => begun,
            Err(StartError::ProposalExpired) => return Ok(Ok(Came::outside("proposal_expired"))),
            Err(error) => return Err(RunError::Start(self.case.id.clone(), error)),
        };
        let Begun { thread, turn, .. } = begun;
        self.talker(name).thread = Some(thread);
        if turn.is_none() {
            return Ok(Ok(Came::outside("staff")));
        }
        let mut first = None;
        let ended = follow(&self.agent, self.site, begun, |event| {
            if matches!(event, ThreadEvent::Delta { .. }) {
                first.get_or_insert_with(|| start.elapsed());
            }
        })
        .await;
        let ended = match ended {
            Ok(ended) => ended,
            Err(FollowError::Db(error)) => return Err(error.into()),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(asks) = &ended.ask {
            self.talker(name).watched.is_asked(asks);
        }
        Ok(Ok(Came {
            outcome: ended.outcome.as_str().to_owned(),
            brain: ended.brain,
            text: ended.text,
            citations: ended
                .citations
                .into_iter()
                .map(|c| c.url.unwrap_or(c.title))
                .collect(),
            asks: ended.ask,
            turn: Some(ended.turn),
            first,
        }))
    }

    async fn staff(&self, act: &StaffAct, thread: ThreadId) -> Result<(), String> {
        let desk = Desk {
            db: &self.agent.db,
            clock: self.clock.as_ref(),
            site: self.site,
            staff: STAFF,
        };
        let done = match act {
            StaffAct::Claim => desk.claim(thread, false).await,
            StaffAct::Reply(text) => desk.reply(thread, text).await,
            StaffAct::GiveBack => desk.give_back(thread, false).await,
            StaffAct::Resolve => desk.resolve(thread, false).await,
            StaffAct::Approve | StaffAct::Refuse => {
                let waiting = async {
                    let mut tx = self.agent.db.site(self.site).await?;
                    proposals::waiting(&mut tx).await
                };
                let waiting = waiting.await.map_err(|e: DbError| e.to_string())?;
                let Some(proposal) = waiting.iter().find(|p| p.thread_id == thread).map(|p| p.id) else {
                    return Err("nothing waits for staff's approval".to_owned());
                };
                if *act == StaffAct::Refuse {
                    decide::refuse(&desk, proposal).await
                } else {
                    // Without its job: a server's worker would run it by its own clock.
                    let granted = decide::grant(&desk, &self.agent.master, proposal).await;
                    let tx = granted.map_err(|e| e.to_string())?;
                    tx.commit().await.map_err(|e| e.to_string())?;
                    let clock = Arc::clone(&self.clock) as _;
                    return self.house.carry_out(clock, self.site, proposal).await;
                }
            }
        };
        done.map_err(|e| e.to_string())
    }

    /// What has happened in a visitor's conversation since the last look, as they see it.
    async fn new_events(&mut self, name: &str) -> Result<Vec<StoredEvent>, RunError> {
        let (site, agent) = (self.site, Arc::clone(&self.agent));
        let talker = self.talker(name);
        let Some(thread) = talker.thread else {
            return Ok(Vec::new());
        };
        let mut tx = agent.db.site(site).await?;
        let mut new = events::after(&mut tx, thread, talker.seq, MOST_EVENTS).await?;
        vault::reveal_all(&mut tx, &agent.master, thread, &mut new).await?;
        tx.commit().await?;
        talker.seq = new.last().map_or(talker.seq, |e| e.seq);
        Ok(new)
    }
}
