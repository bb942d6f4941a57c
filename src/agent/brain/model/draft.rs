//! Drafting: the model's text becomes sentences while it is written, each with the chunks
//! that its citation marks mean. An answer that breaks off gives its whole sentences and
//! then fails, so that nobody takes it for whole.

use std::sync::Arc;
use std::time::Duration;

use minijinja::context;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{ModelBrain, context as shown};
use crate::agent::brain::{Sentence, TurnView, connected};
use crate::agent::machine::input::LinkFailure;
use crate::agent::meter::Meter;
use crate::domain::document::Passage;
use crate::guardrails::sentences::{Piece, Splitter};
use crate::models::chat::{ChatMessage, ChatRequest, Chunk, Finish, ToolChoice};
use crate::models::prompts;
use crate::models::tokens::Counter;

/// An answer's length at most, in bytes, whatever a provider makes of its limit of tokens: it
/// has to be stored, and read.
const MOST: usize = 12_000;
/// Sources of one sentence at most.
const CITES: usize = 8;
/// Past any turn's cap.
const LONGEST: Duration = Duration::from_secs(600);

pub(super) async fn draft(
    brain: &ModelBrain,
    view: &TurnView,
    meter: &Meter,
    out: mpsc::Sender<Sentence>,
) -> Result<(), LinkFailure> {
    if let Some(said) = connected::done(view) {
        return out.send(said).await.map_err(|_| LinkFailure::Cut);
    }
    let settings = brain.provider.settings();
    let budget = brain.budget;
    let refused: Vec<_> = view
        .refused
        .iter()
        .map(|r| context! { md => r.md, why => r.why })
        .collect();
    let system = prompts::DRAFT.render(context! {
        site_name => view.site_name,
        locale => view.locale,
        customer => view.customer,
        refused => refused,
    });
    let fixed = shown::bound(&system) + shown::bound(&view.message) + budget.answer_tokens;
    let room = settings.context_tokens.saturating_sub(fixed);
    let mut messages = vec![ChatMessage::System(system)];
    messages.extend(shown::history(
        view,
        budget.history_messages,
        budget
            .history_tokens
            .min(usize::try_from(room / 2).unwrap_or(usize::MAX)),
        Counter::of(&settings.draft_model),
    ));
    messages.push(ChatMessage::User(format!(
        "{}The visitor's message:\n{}",
        shown::grounds(view, room / 2),
        view.message
    )));
    let request = ChatRequest {
        model: settings.draft_model.clone(),
        messages,
        tools: Arc::default(),
        tool_choice: ToolChoice::None,
        temperature: settings.draft_temperature,
        max_tokens: budget.answer_tokens,
    };
    let passages = shown::passages(view);
    let asking = brain.ask(meter, "draft", &prompts::DRAFT.id, request);
    let mut answer = match timeout(budget.silence, asking).await {
        Ok(answer) => answer?,
        Err(_) => return Err(LinkFailure::Timeout),
    };
    let mut splitter = Splitter::default();
    let (mut wrote, mut sent) = (false, false);
    let mut bytes = 0;
    let done = loop {
        let patience = if sent { LONGEST } else { budget.silence };
        let next = match timeout(patience, answer.next()).await {
            Ok(next) => next,
            Err(_) if wrote => Err(LinkFailure::Stall),
            Err(_) => Err(LinkFailure::Timeout),
        };
        wrote |= next.is_ok();
        let (pieces, end) = match next {
            Ok(Chunk::Text(text)) if bytes + text.len() > MOST => (Vec::new(), Some(Err(LinkFailure::Cut))),
            Ok(Chunk::Text(text)) => {
                bytes += text.len();
                (splitter.push(&text), None)
            }
            // A call at this point is no answer; what was written still is one.
            Ok(Chunk::Call(_)) => (Vec::new(), None),
            Ok(Chunk::End { finish, .. }) => match finish {
                Finish::Stop | Finish::Other | Finish::Calls => (splitter.end(), Some(Ok(()))),
                // What is cut off isn't a sentence.
                Finish::Length => (Vec::new(), Some(Err(LinkFailure::Cut))),
                Finish::Filter => (Vec::new(), Some(Err(LinkFailure::Refused))),
            },
            Err(failure) => (Vec::new(), Some(Err(failure))),
        };
        for piece in pieces {
            sent = true;
            if out.send(sentence(piece, &passages)).await.is_err() {
                // Nobody takes the draft any more; dropping the stream ends it there too.
                return Err(LinkFailure::Cut);
            }
        }
        if let Some(end) = end {
            break end;
        }
    };
    answer.end(done);
    done
}

/// A mark means the passage of that number; one that there is none of stays a citation, of
/// nothing, for the gate to find.
fn sentence(piece: Piece, passages: &[&Passage]) -> Sentence {
    let cites = piece
        .marks
        .iter()
        .take(CITES)
        .map(|n| {
            let place = usize::try_from(*n).ok().and_then(|n| n.checked_sub(1));
            place
                .and_then(|i| passages.get(i))
                .map_or(-i64::from(*n) - 1, |p| p.chunk_id)
        })
        .collect();
    Sentence {
        fixed: false,
        gap: Some(piece.gap),
        md: piece.md,
        cites,
    }
}
