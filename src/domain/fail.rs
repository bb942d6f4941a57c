//! Fail points: places where a crash would hurt most. A test names one in
//! `DESKHAND_FAIL_POINT` and the process kills itself there, as by kill -9. Debug builds
//! only; in a release build nothing of it is left.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the process can be made to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FailPoint {
    TurnOpened,
    TurnStored,
    TurnToolDone,
    TurnDrafting,
    TurnBeforeFinish,
    TurnFinished,
    TurnReserved,
    TurnPlanned,
    TurnReleased,
    EventStored,
    JobClaimed,
    EventTaken,
    IngestFetched,
    IngestScanned,
    IngestExtracted,
    IngestEmbedded,
    IngestBeforeSwap,
    IngestSwapped,
    EffectBegun,
    EffectAsked,
    EffectEnded,
    EndTelling,
    EndTold,
    RemovalBegun,
    RemovalDone,
    AiJobClaimed,
    AiJobAnswered,
    AiJobStored,
    CallbackSent,
    MailSent,
}

impl FailPoint {
    /// Those of a turn, in the order in which it passes them.
    pub const OF_A_TURN: [Self; 6] = [
        Self::TurnOpened,
        Self::TurnStored,
        Self::TurnToolDone,
        Self::TurnDrafting,
        Self::TurnBeforeFinish,
        Self::TurnFinished,
    ];
    /// Those that a turn with a language model passes beside: money is set aside for a call
    /// that isn't made yet; a plan came that isn't stored; a sentence is out and the model
    /// still writes.
    pub const OF_A_MODEL: [Self; 3] = [Self::TurnReserved, Self::TurnPlanned, Self::TurnReleased];
    /// Those of a file's ingestion, in the order in which it passes them.
    pub const OF_INGESTION: [Self; 6] = [
        Self::JobClaimed,
        Self::IngestScanned,
        Self::IngestExtracted,
        Self::IngestEmbedded,
        Self::IngestBeforeSwap,
        Self::IngestSwapped,
    ];
    /// Those that a webhook passes beside: its answer isn't sent yet; its document knows of it,
    /// and nothing is fetched yet.
    pub const OF_AN_EVENT: [Self; 3] = [Self::EventStored, Self::EventTaken, Self::IngestFetched];
    /// Those of a document's end.
    pub const OF_A_REMOVAL: [Self; 2] = [Self::RemovalBegun, Self::RemovalDone];

    /// Those of an AI job, in the order in which it passes them: a result is there and not
    /// stored; it is stored and not delivered; it is delivered and nobody has noted that.
    pub const OF_AN_AI_JOB: [Self; 4] = [
        Self::AiJobClaimed,
        Self::AiJobAnswered,
        Self::AiJobStored,
        Self::CallbackSent,
    ];

    /// Those of an effect, in the order in which it passes them: in the ledger and not asked
    /// for; asked for and its answer not kept; kept and not told.
    pub const OF_AN_EFFECT: [Self; 3] = [Self::EffectBegun, Self::EffectAsked, Self::EffectEnded];

    /// Those of an effect that ended after its turn: what its visitor is told isn't committed; it
    /// is, and nobody has noted that the job is done.
    pub const OF_A_LATE_END: [Self; 2] = [Self::EndTelling, Self::EndTold];

    /// That of a mail: the server has it and nobody has noted that.
    pub const OF_A_MAIL: [Self; 1] = [Self::MailSent];

    /// The name in the environment.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TurnOpened => "turn_opened",
            Self::TurnStored => "turn_stored",
            Self::TurnToolDone => "turn_tool_done",
            Self::TurnDrafting => "turn_drafting",
            Self::TurnBeforeFinish => "turn_before_finish",
            Self::TurnFinished => "turn_finished",
            Self::TurnReserved => "turn_reserved",
            Self::TurnPlanned => "turn_planned",
            Self::TurnReleased => "turn_released",
            Self::EventStored => "event_stored",
            Self::JobClaimed => "job_claimed",
            Self::EventTaken => "event_taken",
            Self::IngestFetched => "ingest_fetched",
            Self::IngestScanned => "ingest_scanned",
            Self::IngestExtracted => "ingest_extracted",
            Self::IngestEmbedded => "ingest_embedded",
            Self::IngestBeforeSwap => "ingest_before_swap",
            Self::IngestSwapped => "ingest_swapped",
            Self::EffectBegun => "effect_begun",
            Self::EffectAsked => "effect_asked",
            Self::EffectEnded => "effect_ended",
            Self::EndTelling => "end_telling",
            Self::EndTold => "end_told",
            Self::RemovalBegun => "removal_begun",
            Self::RemovalDone => "removal_done",
            Self::AiJobClaimed => "ai_job_claimed",
            Self::AiJobAnswered => "ai_job_answered",
            Self::AiJobStored => "ai_job_stored",
            Self::CallbackSent => "callback_sent",
            Self::MailSent => "mail_sent",
        }
    }
}

/// What happens at the armed point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// The process dies.
    Dies,
    /// The process holds still until it is told to go on (SIGCONT), once: for what dies
    /// around it meanwhile.
    Holds,
}

static ARMED: OnceLock<(FailPoint, How)> = OnceLock::new();
static HELD: AtomicBool = AtomicBool::new(false);

/// Arms the fail point of this name, to die there, or to hold still with `hold:` before it;
/// false when there is none.
pub fn arm(name: &str) -> bool {
    let (how, name) = match name.strip_prefix("hold:") {
        Some(name) => (How::Holds, name),
        None => (How::Dies, name),
    };
    FailPoint::OF_A_TURN
        .into_iter()
        .chain(FailPoint::OF_A_MODEL)
        .chain(FailPoint::OF_INGESTION)
        .chain(FailPoint::OF_AN_EFFECT)
        .chain(FailPoint::OF_A_LATE_END)
        .chain(FailPoint::OF_A_MAIL)
        .chain(FailPoint::OF_AN_EVENT)
        .chain(FailPoint::OF_A_REMOVAL)
        .chain(FailPoint::OF_AN_AI_JOB)
        .find(|p| p.name() == name)
        .is_some_and(|p| ARMED.set((p, how)).is_ok())
}

/// Dies or holds here if this point is armed.
pub fn point(here: FailPoint) {
    if !cfg!(debug_assertions) {
        return;
    }
    match ARMED.get() {
        // No destructors, no flushing: as if the power had gone.
        Some((point, How::Dies)) if *point == here => std::process::abort(),
        Some((point, How::Holds)) if *point == here && !HELD.swap(true, Ordering::SeqCst) => {
            let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
        }
        _ => {}
    }
}
