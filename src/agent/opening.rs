//! Opening a turn: on a new thread in one statement, on a known one under the lock of its
//! row, since what the visitor wrote is masked by the names that the thread has already.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Agent;
use super::driver::Assignment;
use super::live::Teller;
use super::machine::Machine;
use super::operation::{self, Answered};
use super::phrases::{self, Tongue};
use super::record::TurnRef;
use super::screening;
use super::spoken;
use super::turns::{Begun, Message, StartError};
use crate::db::events::{self, StoredEvent, Voice};
use crate::db::pool::{DbError, DbResult, SiteTx};
use crate::db::turn_writes::{self, Opened, SiteFacts};
use crate::db::{proposals, replies, sites, threads, turns, vault as vault_rows};
use crate::domain::customer::Account;
use crate::domain::event::{Speaker, StaffKind, ThreadEvent};
use crate::domain::ids::{SiteId, ThreadId, TurnId, VisitorId};
use crate::domain::seal::owner_of_email;
use crate::guardrails::pii::codes;
use crate::guardrails::pii::placeholders::Placeholders;
use crate::guardrails::vault;
use crate::hands::identity;
use crate::hands::outside::tools::SiteTools;
use crate::hands::proposal;

/// How often the site may change while a turn is opened.
const CHANGES: usize = 4;

/// What came of it: who drives the turn, if anybody does, and what the client is told.
type Taken = Result<(Option<Assignment>, Begun), StartError>;

/// What this process knows of a site: what a turn is opened by, and the tools that the site
/// doesn't let its agent use. A proposal's own check reads that anew before anything is done.
pub(crate) struct KnownSite {
    pub facts: SiteFacts,
    pub off: Arc<BTreeSet<String>>,
    /// How well the best passage must fit, in percent.
    pub confidence: u8,
    /// What the site's operator has connected.
    pub tools: Arc<SiteTools>,
}

/// A message to take.
pub(super) struct Opening<'a> {
    pub agent: &'a Arc<Agent>,
    pub site: SiteId,
    pub visitor: VisitorId,
    pub message: &'a Message,
    pub hash: &'a [u8],
    pub now: DateTime<Utc>,
}

/// A button of a proposal that is void since staff have taken over.
struct Pressed {
    accept: bool,
    /// What the visitor was asked.
    summary: String,
}

/// A turn that isn't stored yet.
struct Draft {
    site: Arc<KnownSite>,
    machine: Machine,
    thread: ThreadId,
    turn: TurnId,
    locale: String,
    /// The message behind placeholders, and what is behind them.
    text: String,
    vault: Placeholders,
    sealed: Vec<vault_rows::Entry>,
    email: Option<Vec<u8>>,
    event: ThreadEvent,
}

impl Opening<'_> {
    /// On a new thread.
    pub(super) async fn new_thread(&self, channel: &str) -> Taken {
        let thread = ThreadId::new();
        for _ in 0..CHANGES {
            let site = self.known().await?;
            let codes = self.codes(None).await?;
            let draft = self.draft(site, thread, Placeholders::default(), (None, None), &codes)?;
            let start = start(&draft.machine)?;
            let opening = self.row(&draft, &start, Some(channel));
            let opened = turn_writes::open_alone(&self.agent.db, self.site, &opening).await?;
            if let (Opened::Now { .. }, Some(account)) = (&opened, &self.message.account)
                && let Err(error) = self.note_account(draft.turn, account).await
            {
                // Only whoever carries the turn on after a crash misses it.
                tracing::warn!(%error, turn = %draft.turn, "a turn's account isn't noted");
            }
            if let Some(taken) = self.taken(opened, draft, true, None) {
                return taken;
            }
        }
        Err(changing())
    }

    /// On a thread of this visitor's.
    pub(super) async fn next_turn(&self, thread: ThreadId) -> Taken {
        for _ in 0..CHANGES {
            let site = self.known().await?;
            let mut tx = self.agent.db.site(self.site).await?;
            let before = threads::sent_before(&mut tx, self.visitor, self.message.message_id).await?;
            if let Some(before) = before {
                return self.repeat(&before).map(|begun| (None, begun));
            }
            let row = threads::lock(&mut tx, thread, self.visitor).await?;
            let row = row.ok_or(StartError::ThreadNotFound)?;
            if let Some(turn) = row.open_turn {
                return Err(StartError::InProgress(turn));
            }
            let known = vault::open(&mut tx, &self.agent.master, thread).await?;
            let lang = row.lang.as_deref();
            if row.staff_held {
                let pressed = self.pressed(&mut tx, thread).await?;
                let codes = self.codes(Some(&mut tx)).await?;
                let mut draft = self.draft(
                    site,
                    thread,
                    known,
                    (pressed.as_ref().map(|p| p.accept), lang),
                    &codes,
                )?;
                if let Some(pressed) = &pressed {
                    let asked = draft.vault.mask(&pressed.summary);
                    let button = phrases::answered(pressed.accept, Tongue::of(&draft.locale));
                    // Staff read what was pressed to what, and what was written with it.
                    draft.text = match self.message.text.as_str() {
                        "" => format!("{button} — {asked}"),
                        _ => format!("{button} — {asked}\n\n{}", draft.text),
                    };
                    let new = draft.vault.take_new();
                    draft
                        .sealed
                        .extend(vault::seal(&self.agent.master, self.site, thread, &new)?);
                }
                return self.for_staff(tx, &draft, pressed.is_some()).await;
            }
            let answer = match self.message.confirm {
                Some((id, accept)) => Some(
                    screening::answer_to(&mut tx, thread, id, accept, self.now)
                        .await?
                        .ok_or(StartError::ProposalExpired)?,
                ),
                None => None,
            };
            let codes = self.codes(Some(&mut tx)).await?;
            let accept = answer.as_ref().map(|a| a.accept);
            let draft = self.draft(site, thread, known, (accept, lang), &codes)?;
            let start = start(&draft.machine)?;
            let opened = turn_writes::open(&mut tx, &self.row(&draft, &start, None)).await?;
            if let (Opened::Now { .. }, Some(answer)) = (&opened, &answer) {
                turns::note_answer(&mut tx, draft.turn, answer.proposal, answer.accept).await?;
            }
            if let (Opened::Now { .. }, Some(account)) = (&opened, &self.message.account) {
                turns::note_account(&mut tx, draft.turn, account).await?;
            }
            if let Some(taken) = self.taken(opened, draft, false, answer) {
                tx.commit().await?;
                return taken;
            }
        }
        Err(changing())
    }

    async fn note_account(&self, turn: TurnId, account: &Account) -> DbResult<()> {
        let mut tx = self.agent.db.site(self.site).await?;
        turns::note_account(&mut tx, turn, account).await?;
        tx.commit().await
    }

    /// A button that was pressed after staff had taken the conversation over: the proposal is void
    /// by that, and staff are to read what was pressed.
    async fn pressed(&self, tx: &mut SiteTx, thread: ThreadId) -> Result<Option<Pressed>, StartError> {
        let Some((id, accept)) = self.message.confirm else {
            return Ok(None);
        };
        let row = proposals::lock(tx, id).await?;
        let row = row.filter(|p| p.thread == thread && matches!(p.state.as_str(), "open" | "void"));
        let row = row.ok_or(StartError::ProposalExpired)?;
        let summary = proposal::summary(&self.agent.master, self.site, &row)?;
        Ok(Some(Pressed { accept, summary }))
    }

    /// Staff read it and answer; the agent is silent. Who has pressed a button is told that it did
    /// nothing.
    async fn for_staff(&self, mut tx: SiteTx, draft: &Draft, pressed: bool) -> Taken {
        if let Some(email) = &draft.email {
            threads::set_email(&mut tx, self.visitor, email).await?;
        }
        replies::set_page(&mut tx, draft.thread, self.message.page.as_deref()).await?;
        vault_rows::add(&mut tx, draft.thread, &draft.sealed).await?;
        let turn_id = draft.turn;
        let mut events = vec![self.begins(draft.thread, turn_id, Speaker::Staff)];
        let told = pressed.then(|| phrases::person_is_on_it(Tongue::of(&draft.locale)));
        events.extend(told.map(|words| ThreadEvent::Staff {
            kind: StaffKind::System,
            name: None,
            md: Some(words.to_owned()),
        }));
        events.push(ThreadEvent::Done { turn_id });
        let last = events::append(&mut tx, draft.thread, Voice::StaffHeld, &events, self.now).await?;
        let before = last - i64::try_from(events.len()).unwrap_or_default();
        let message = threads::NewMessage {
            thread: draft.thread,
            visitor: self.visitor,
            turn: None,
            sent: Some((self.message.message_id, self.hash)),
            author: "visitor",
            text: &draft.text,
            citations: serde_json::json!([]),
            at: self.now,
            seq: before + 1,
        };
        threads::insert_message(&mut tx, &message).await?;
        if let Some(words) = told {
            let told = threads::NewMessage {
                sent: None,
                author: "system",
                text: words,
                citations: serde_json::json!([]),
                seq: before + 2,
                ..message
            };
            threads::insert_message(&mut tx, &told).await?;
        }
        tx.commit().await?;
        let begun = Begun {
            thread: draft.thread,
            turn: None,
            after: before,
            live: None,
        };
        Ok((None, begun))
    }

    /// What the site was the last time; the statement that stores the turn checks it.
    async fn known(&self) -> Result<Arc<KnownSite>, StartError> {
        if let Some(known) = self.agent.sites.get(&self.site) {
            return Ok(known);
        }
        let mut tx = self.agent.db.site(self.site).await?;
        let site = sites::own(&mut tx).await?.ok_or(StartError::ThreadNotFound)?;
        tx.commit().await?;
        let tools = self.agent.registry.site_tools(self.site).await;
        let known = Arc::new(KnownSite {
            off: Arc::new(operation::off(self.agent, &site, &tools)),
            confidence: site.rules.confidence,
            tools,
            facts: SiteFacts {
                name: site.name,
                mode: site.mode,
                locale: site.locale,
            },
        });
        self.agent.sites.insert(self.site, Arc::clone(&known));
        Ok(known)
    }

    /// Where a one-time code stands that was sent to the visitor. Asked only of a message that
    /// may hold one.
    async fn codes(&self, tx: Option<&mut SiteTx>) -> Result<Vec<Range<usize>>, StartError> {
        let text = &self.message.text;
        if codes::find(text).is_empty() {
            return Ok(Vec::new());
        }
        let (master, visitor, now) = (&self.agent.master, self.visitor, self.now);
        Ok(match tx {
            Some(tx) => identity::hidden_codes(tx, master, visitor, text, now).await?,
            None => {
                let mut tx = self.agent.db.site(self.site).await?;
                let codes = identity::hidden_codes(&mut tx, master, visitor, text, now).await?;
                tx.commit().await?;
                codes
            }
        })
    }

    fn draft(
        &self,
        site: Arc<KnownSite>,
        thread: ThreadId,
        mut vault: Placeholders,
        (pressed, lang): (Option<bool>, Option<&str>),
        codes: &[Range<usize>],
    ) -> Result<Draft, StartError> {
        let agent = self.agent;
        let locale = match &self.message.locale {
            Some(said) => said.clone(),
            // As the conversation was, or the site is, unless the words are of another language.
            None => spoken::locale(&self.message.text, lang.unwrap_or(&site.facts.locale)),
        };
        // From here on nothing of the house sees the visitor's personal data.
        let text = match pressed {
            // What the button says, for whoever reads the conversation later.
            Some(accept) if self.message.text.is_empty() => {
                phrases::answered(accept, Tongue::of(&locale)).to_owned()
            }
            _ => vault.mask_with_codes(&self.message.text, codes),
        };
        if let Some(name) = &self.message.customer {
            vault.remember_customer(name);
        }
        let sealed = vault::seal(&agent.master, self.site, thread, &vault.take_new())?;
        let owner = owner_of_email(self.site, self.visitor);
        let email = self.message.email.as_ref();
        let email = email
            .map(|e| agent.master.seal(&owner, e.as_bytes()))
            .transpose()?;
        let links = agent.brains.iter().map(|b| b.name().to_owned()).collect();
        let mut machine = Machine::new(site.facts.mode, agent.limits, links);
        machine.ctx.started_at = Some(self.now);
        let turn = TurnId::new();
        Ok(Draft {
            locale,
            site,
            machine,
            thread,
            turn,
            text,
            vault,
            sealed,
            email,
            event: self.begins(thread, turn, Speaker::Agent),
        })
    }

    fn begins(&self, thread_id: ThreadId, turn_id: TurnId, by: Speaker) -> ThreadEvent {
        ThreadEvent::Turn {
            turn_id,
            message_id: self.message.message_id,
            thread_id,
            by,
        }
    }

    fn row<'b>(
        &'b self,
        draft: &'b Draft,
        start: &'b serde_json::Value,
        opens: Option<&'b str>,
    ) -> turn_writes::Opening<'b> {
        turn_writes::Opening {
            site: &draft.site.facts,
            visitor: self.visitor,
            email: draft.email.as_deref(),
            thread: draft.thread,
            opens,
            lang: &draft.locale,
            turn: draft.turn,
            start,
            owner: self.agent.owner,
            at: self.now,
            message: (self.message.message_id, self.hash),
            text: &draft.text,
            event: &draft.event,
            vault: &draft.sealed,
            tell: self.agent.hub.others(),
            late: self.is_late(opens.is_some()),
        }
    }

    /// Whether the turn's next store makes its opening durable: on a new thread, which nobody else
    /// knows of, for who is told of it then. One flush of the log less.
    fn is_late(&self, opens: bool) -> bool {
        opens && self.message.by_events
    }

    /// None when the site is another by now, and the turn has to be opened anew.
    fn taken(&self, opened: Opened, draft: Draft, opens: bool, answer: Option<Answered>) -> Option<Taken> {
        let (epoch, seq) = match opened {
            Opened::Now { epoch, seq } => (epoch, seq),
            Opened::Before(before) => return Some(self.repeat(&before).map(|begun| (None, begun))),
            Opened::Other(None) => return Some(Err(StartError::ThreadNotFound)),
            Opened::Other(Some(_)) => {
                self.agent.sites.invalidate(&self.site);
                return None;
            }
        };
        let (mut teller, live) = Teller::open();
        let first = StoredEvent {
            seq,
            turn_id: Some(draft.turn),
            event: draft.event,
        };
        let untold = if self.is_late(opens) {
            Some(first)
        } else {
            self.agent.hub.wake(draft.thread, seq);
            teller.tell(vec![first], &draft.vault);
            None
        };
        let assignment = Assignment {
            turn: TurnRef {
                site: self.site,
                thread: draft.thread,
                visitor: self.visitor,
                turn: draft.turn,
                epoch,
                client: self.message.client,
            },
            machine: draft.machine,
            text: draft.text,
            vault: draft.vault,
            locale: draft.locale,
            page: self.message.page.clone(),
            account: self.message.account.clone(),
            address_only: self.message.text.is_empty() && self.message.email.is_some() && answer.is_none(),
            answer,
            first_seq: seq,
            last_step: None,
            resumed: false,
            opens: opens.then_some(draft.site),
            teller,
            untold,
        };
        let begun = Begun {
            thread: draft.thread,
            turn: Some(draft.turn),
            after: seq - 1,
            live: Some(live),
        };
        Some(Ok((Some(assignment), begun)))
    }

    fn repeat(&self, before: &threads::SentBefore) -> Result<Begun, StartError> {
        super::turns::repeat(before, self.hash)
    }
}

fn start(machine: &Machine) -> Result<serde_json::Value, StartError> {
    serde_json::to_value(machine).map_err(|e| DbError::Unreadable(e.to_string()).into())
}

fn changing() -> StartError {
    DbError::Unreadable("the site changes faster than a turn can be opened".to_owned()).into()
}
