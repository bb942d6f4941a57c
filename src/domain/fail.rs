//! Fail points: places where a crash would hurt most. A test names one in
//! `DESKHAND_FAIL_POINT` and the process kills itself there, as by kill -9. Debug builds
//! only; in a release build nothing of it is left.

use std::sync::OnceLock;

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
    JobClaimed,
    IngestExtracted,
    IngestBeforeSwap,
    IngestSwapped,
    AiJobClaimed,
    AiJobAnswered,
    AiJobStored,
    CallbackSent,
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
    /// Those of an ingestion, in the order in which it passes them.
    pub const OF_INGESTION: [Self; 4] = [
        Self::JobClaimed,
        Self::IngestExtracted,
        Self::IngestBeforeSwap,
        Self::IngestSwapped,
    ];

    /// Those of an AI job, in the order in which it passes them: a result is there and not
    /// stored; it is stored and not delivered; it is delivered and nobody has noted that.
    pub const OF_AN_AI_JOB: [Self; 4] = [
        Self::AiJobClaimed,
        Self::AiJobAnswered,
        Self::AiJobStored,
        Self::CallbackSent,
    ];

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
            Self::JobClaimed => "job_claimed",
            Self::IngestExtracted => "ingest_extracted",
            Self::IngestBeforeSwap => "ingest_before_swap",
            Self::IngestSwapped => "ingest_swapped",
            Self::AiJobClaimed => "ai_job_claimed",
            Self::AiJobAnswered => "ai_job_answered",
            Self::AiJobStored => "ai_job_stored",
            Self::CallbackSent => "callback_sent",
        }
    }
}

static ARMED: OnceLock<FailPoint> = OnceLock::new();

/// Arms the fail point of this name; false when there is none.
pub fn arm(name: &str) -> bool {
    FailPoint::OF_A_TURN
        .into_iter()
        .chain(FailPoint::OF_A_MODEL)
        .chain(FailPoint::OF_INGESTION)
        .chain(FailPoint::OF_AN_AI_JOB)
        .find(|p| p.name() == name)
        .is_some_and(|p| ARMED.set(p).is_ok())
}

/// Dies here if this point is armed.
pub fn point(here: FailPoint) {
    if cfg!(debug_assertions) && ARMED.get() == Some(&here) {
        // No destructors, no flushing: as if the power had gone.
        std::process::abort();
    }
}
