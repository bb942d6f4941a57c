//! Background work as the rest of the house sees it: what to do, under which key,
//! how urgent, how often it may fail. `db::jobs::enqueue` stores one in the transaction
//! of the change that causes it; `jobs/` runs it.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{
    AiJobId, CrawlId, DocumentId, EventId, MailId, NoticeId, ProposalId, ThreadId, TicketId, UploadId,
};

/// How urgent a job is; a lower number goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Priority {
    /// A person waits for it.
    High = 0,
    /// The default.
    Standard = 1,
    /// Bulk work.
    Batch = 2,
}

impl Priority {
    /// The number in the database.
    #[must_use]
    pub fn as_i16(self) -> i16 {
        self as i16
    }

    /// Reads [`Priority::as_i16`]'s numbers.
    #[must_use]
    pub fn from_i16(number: i16) -> Option<Self> {
        [Self::High, Self::Standard, Self::Batch]
            .into_iter()
            .find(|p| p.as_i16() == number)
    }

    /// The name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Standard => "standard",
            Self::Batch => "batch",
        }
    }
}

/// What a job does, with its arguments. The tag is the `kind` column. Arguments are ids:
/// the queue has no row security, so nothing that a visitor wrote goes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "args", rename_all = "snake_case")]
pub enum Work {
    /// Turn an upload into a document's new version and swap it in.
    IngestDocument {
        /// The bytes.
        upload: UploadId,
        /// The document that they are the new content of.
        document: DocumentId,
    },
    /// Take in what a webhook tells: a document's new content, or its end.
    TakeEvent {
        /// The webhook.
        event: EventId,
        /// The document that it is about.
        document: DocumentId,
    },
    /// Build a site's vectors of another embedding model, then search by them.
    Reindex {
        /// The model's number in the database.
        model: i32,
    },
    /// Have what a site asked answered.
    AiJob {
        /// What was asked.
        job: AiJobId,
    },
    /// Bring an AI job's result to its site.
    AiCallback {
        /// The AI job.
        job: AiJobId,
    },
    /// The next slice of a crawl's run, or of its removal.
    Crawl {
        /// The crawl.
        crawl: CrawlId,
    },
    /// Begin the crawls that are due.
    BeginCrawls,
    /// Measure how far the site's embedding model is to be trusted with its languages.
    MeasureTrust,
    /// Handle what a site told by the bridge.
    BridgeEvent {
        /// The event.
        event: EventId,
    },
    /// Run a proposal that staff have approved, and tell the visitor.
    ExecuteProposal {
        /// The proposal.
        proposal: ProposalId,
    },
    /// Send a mail.
    SendMail {
        /// The mail.
        mail: MailId,
    },
    /// Tell staff of something by one channel.
    SendNotice {
        /// The notice.
        notice: NoticeId,
    },
    /// Mail what staff wrote to a visitor who has gone.
    MailReply {
        /// The thread.
        thread: ThreadId,
        /// The number of the reply's event.
        seq: i64,
    },
    /// Tell sites' people of jobs that have failed for good.
    TellOfDeadJobs,
    /// Find out what became of an effect that nobody has heard of since it was begun.
    SettleEffect {
        /// The proposal, whose id is the effect's key.
        proposal: ProposalId,
    },
    /// Bring a ticket as it is now to the systems that mirror the site's tickets.
    MirrorTicket {
        /// The ticket.
        ticket: TicketId,
    },
    /// Mark tickets and handoffs that no person has answered in time.
    MarkBreaches,
    /// Delete what nobody needs any more: spent nonces, finished jobs, stale uploads.
    Prune,
}

impl Work {
    /// The kind of [`Work::IngestDocument`].
    pub const INGEST_DOCUMENT: &'static str = "ingest_document";
    /// The kind of [`Work::TakeEvent`].
    pub const TAKE_EVENT: &'static str = "take_event";
    /// The kind of [`Work::Reindex`].
    pub const REINDEX: &'static str = "reindex";
    /// The kind of [`Work::AiJob`].
    pub const AI_JOB: &'static str = "ai_job";
    /// The kind of [`Work::AiCallback`].
    pub const AI_CALLBACK: &'static str = "ai_callback";
    /// The kind of [`Work::Crawl`].
    pub const CRAWL: &'static str = "crawl";
    /// The kind of [`Work::BeginCrawls`].
    pub const BEGIN_CRAWLS: &'static str = "begin_crawls";
    /// The kind of [`Work::MeasureTrust`].
    pub const MEASURE_TRUST: &'static str = "measure_trust";
    /// The kind of [`Work::BridgeEvent`].
    pub const BRIDGE_EVENT: &'static str = "bridge_event";
    /// The kind of [`Work::ExecuteProposal`].
    pub const EXECUTE_PROPOSAL: &'static str = "execute_proposal";
    /// The kind of [`Work::SendMail`].
    pub const SEND_MAIL: &'static str = "send_mail";
    /// The kind of [`Work::SendNotice`].
    pub const SEND_NOTICE: &'static str = "send_notice";
    /// The kind of [`Work::MailReply`].
    pub const MAIL_REPLY: &'static str = "mail_reply";
    /// The kind of [`Work::TellOfDeadJobs`].
    pub const TELL_OF_DEAD_JOBS: &'static str = "tell_of_dead_jobs";
    /// The kind of [`Work::SettleEffect`].
    pub const SETTLE_EFFECT: &'static str = "settle_effect";
    /// The kind of [`Work::MirrorTicket`].
    pub const MIRROR_TICKET: &'static str = "mirror_ticket";
    /// The kind of [`Work::MarkBreaches`].
    pub const MARK_BREACHES: &'static str = "mark_breaches";
    /// The kind of [`Work::Prune`].
    pub const PRUNE: &'static str = "prune";

    /// All kinds.
    pub const KINDS: [&'static str; 18] = [
        Self::INGEST_DOCUMENT,
        Self::TAKE_EVENT,
        Self::REINDEX,
        Self::AI_JOB,
        Self::AI_CALLBACK,
        Self::CRAWL,
        Self::BEGIN_CRAWLS,
        Self::MEASURE_TRUST,
        Self::BRIDGE_EVENT,
        Self::EXECUTE_PROPOSAL,
        Self::SEND_MAIL,
        Self::SEND_NOTICE,
        Self::MAIL_REPLY,
        Self::TELL_OF_DEAD_JOBS,
        Self::SETTLE_EFFECT,
        Self::MIRROR_TICKET,
        Self::MARK_BREACHES,
        Self::PRUNE,
    ];

    /// The name in the `kind` column, in logs and in `deskhand jobs`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::IngestDocument { .. } => Self::INGEST_DOCUMENT,
            Self::TakeEvent { .. } => Self::TAKE_EVENT,
            Self::Reindex { .. } => Self::REINDEX,
            Self::AiJob { .. } => Self::AI_JOB,
            Self::AiCallback { .. } => Self::AI_CALLBACK,
            Self::Crawl { .. } => Self::CRAWL,
            Self::BeginCrawls => Self::BEGIN_CRAWLS,
            Self::MeasureTrust => Self::MEASURE_TRUST,
            Self::BridgeEvent { .. } => Self::BRIDGE_EVENT,
            Self::ExecuteProposal { .. } => Self::EXECUTE_PROPOSAL,
            Self::SendMail { .. } => Self::SEND_MAIL,
            Self::SendNotice { .. } => Self::SEND_NOTICE,
            Self::MailReply { .. } => Self::MAIL_REPLY,
            Self::TellOfDeadJobs => Self::TELL_OF_DEAD_JOBS,
            Self::SettleEffect { .. } => Self::SETTLE_EFFECT,
            Self::MirrorTicket { .. } => Self::MIRROR_TICKET,
            Self::MarkBreaches => Self::MARK_BREACHES,
            Self::Prune => Self::PRUNE,
        }
    }
}

/// A job to enqueue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What to do.
    pub work: Work,
    /// Names the work together with its input (an upload's id, a delivery's id), in at most
    /// 500 characters. At most one live job (waiting or running) of a site and kind has it;
    /// a second enqueue gives the first one's id and runs nothing more, so a key that leaves
    /// out what has changed would lose the change.
    pub key: String,
    /// How urgent.
    pub priority: Priority,
}

/// Work that the clock starts, once over all replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Names it in the database; also its job's key.
    pub name: &'static str,
    /// The time from one run to the next; above zero.
    pub every: Duration,
    /// What to do.
    pub work: Work,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time and a free worker.
    Waiting,
    /// A worker holds its lease.
    Running,
    /// Done.
    Done,
    /// Failed for good: the dead-letter list.
    Dead,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Done, Self::Dead];

    /// The name in the database and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }

    /// Reads [`JobState::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Dead)
    }
}

impl std::fmt::Display for JobState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How far a running job is; what a progress bar shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is at, or how it ended: a code.
    pub stage: Cow<'static, str>,
    /// Done so far, from 0 to 1.
    pub share: f32,
}

/// Why a job's run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct JobError {
    /// For programs, for example `empty_document`.
    pub code: Cow<'static, str>,
    /// A sentence for people, without personal data; cut at [`JobError::MAX_DETAIL`].
    pub detail: String,
    /// Whether another try is useless.
    pub permanent: bool,
    /// Nothing failed: what there is to do goes on after that, and other work may go first.
    pub again: Option<Duration>,
}

impl JobError {
    /// The longest stored [`JobError::detail`], in characters.
    pub const MAX_DETAIL: usize = 2_000;

    /// A failure that another try may mend.
    pub fn transient(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            permanent: false,
            again: None,
        }
    }

    /// No failure: the job goes on after this time. Its tries are counted anew.
    #[must_use]
    pub fn again(after: Duration) -> Self {
        Self {
            again: Some(after),
            ..Self::transient("again", "The job goes on in a moment.")
        }
    }

    /// A failure that would only repeat.
    pub fn permanent(code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            permanent: true,
            again: None,
        }
    }
}

/// How often a kind of job is tried, and how long it waits between tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all; a worker that died counts as one.
    pub attempts: i32,
    /// The longest wait after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest wait ever.
    pub most: Duration,
}

impl Retry {
    /// For a kind of work, also one that only a newer version knows.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        let (attempts, first, most) = match kind {
            // A person may watch it: the first repeats come soon.
            Work::INGEST_DOCUMENT => (5, 2, 120),
            // A site that is being moved is away for longer.
            Work::TAKE_EVENT => (10, 2, 600),
            // What is done stays done; a provider's outage may be long.
            Work::REINDEX => (20, 5, 600),
            // Somebody waits for it: what doesn't work soon is said to have failed.
            Work::AI_JOB => (6, 2, 30),
            // About a day: an hour of tries that come soon, then one each half hour.
            Work::AI_CALLBACK => (70, 5, 1800),
            // About a day: a server that knows nobody yet says "later" at first, some for hours.
            Work::SEND_MAIL => (60, 10, 1800),
            // About six hours; after that nobody wants to be told any more.
            Work::SEND_NOTICE => (30, 5, 900),
            // The next one is a minute away anyhow.
            Work::BEGIN_CRAWLS | Work::TELL_OF_DEAD_JOBS => (3, 10, 60),
            // Half a day: another system's outage may be long.
            Work::MIRROR_TICKET => (30, 5, 1800),
            // The next one is a minute away anyhow.
            Work::MARK_BREACHES => (3, 10, 60),
            // The next one is ten minutes away anyhow.
            Work::PRUNE => (3, 10, 60),
            _ => (5, 5, 300),
        };
        Self {
            attempts,
            first: Duration::from_secs(first),
            most: Duration::from_secs(most),
        }
    }

    /// The wait after the `attempt`th try (from 1) has failed. `luck` from 0 to 1 spreads it over
    /// the upper half, so that jobs that failed together don't come back together, yet a later
    /// wait is never shorter than an earlier one.
    #[must_use]
    pub fn wait(self, attempt: i32, luck: f64) -> Duration {
        // 2^30 seconds are past every `most`; beyond, the factor would only overflow.
        let doublings = attempt.saturating_sub(1).clamp(0, 30);
        let full = self.first.mul_f64(f64::from(doublings).exp2()).min(self.most);
        full.mul_f64(0.5 + 0.5 * luck.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_kind_is_the_tag() {
        let works = [
            Work::IngestDocument {
                upload: UploadId::new(),
                document: DocumentId::new(),
            },
            Work::TakeEvent {
                event: EventId::new(),
                document: DocumentId::new(),
            },
            Work::Reindex { model: 7 },
            Work::AiJob { job: AiJobId::new() },
            Work::AiCallback { job: AiJobId::new() },
            Work::Crawl {
                crawl: CrawlId::new(),
            },
            Work::BeginCrawls,
            Work::MeasureTrust,
            Work::BridgeEvent {
                event: EventId::new(),
            },
            Work::SendMail { mail: MailId::new() },
            Work::SendNotice {
                notice: NoticeId::new(),
            },
            Work::MailReply {
                thread: ThreadId::new(),
                seq: 7,
            },
            Work::TellOfDeadJobs,
            Work::MirrorTicket {
                ticket: TicketId::new(),
            },
            Work::MarkBreaches,
            Work::Prune,
        ];
        for work in works {
            let json = serde_json::to_value(&work).unwrap();
            assert_eq!(json["kind"], work.kind());
            // A unit variant has no arguments; the column holds null then.
            let stored = serde_json::json!({ "kind": json["kind"], "args": json.get("args") });
            assert_eq!(serde_json::from_value::<Work>(stored).unwrap(), work);
        }
    }

    #[test]
    fn names_and_numbers_read_back() {
        for state in JobState::ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }
        for n in -1..=3 {
            assert_eq!(
                Priority::from_i16(n).map(Priority::as_i16),
                (0..=2).contains(&n).then_some(n)
            );
        }
    }

    proptest! {
        #[test]
        fn waits_grow_and_are_bounded(
            attempt in 1..1000i32, luck in 0.0..=1.0f64, later in 0.0..=1.0f64,
            kind in prop::sample::select(vec![Work::INGEST_DOCUMENT, Work::PRUNE, Work::AI_CALLBACK, "of_a_newer_version"]),
        ) {
            let retry = Retry::of(kind);
            let wait = retry.wait(attempt, luck);
            prop_assert!(wait <= retry.most);
            prop_assert!(wait >= retry.first / 2);
            // The least of the next is the most of this one, until the bound halves it.
            let next = retry.wait(attempt + 1, later);
            prop_assert!(next >= wait.min(retry.most / 2), "{wait:?} then {next:?}");
            prop_assert!(retry.wait(attempt + 1, 1.0) >= retry.wait(attempt, 1.0));
        }
    }
}
