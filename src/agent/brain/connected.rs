//! What became of a write by a tool that the site's operator has connected: a fixed sentence,
//! whichever brain answers. No word of the tool's server is in it, and no model's.

use crate::agent::brain::{Sentence, TurnView};
use crate::agent::phrases::Tongue;
use crate::domain::tool::Power;

/// The sentence; none when no such write ran in this turn.
pub fn done(view: &TurnView) -> Option<Sentence> {
    let last = view.outcomes.iter().rev().find(|o| {
        // What the visitor said yes to; what was only planned changed nothing.
        o.args.get("proposal").is_some() && view.site_tools.power(&o.tool) == Some(Power::Guarded)
    })?;
    let waits = last.result == Err("NEEDS_APPROVAL".to_owned());
    let said = match (last.result.is_ok(), Tongue::of(&view.locale)) {
        (true, Tongue::English) => "That is done.",
        (true, Tongue::German) => "Das ist erledigt.",
        // The same was begun before, and nobody knows yet how that has ended.
        (false, Tongue::English) if waits => {
            "The same was asked for before, and our team is still looking at it. Nothing more was done now."
        }
        (false, Tongue::German) if waits => {
            "Dasselbe wurde schon einmal angestoßen und liegt noch bei unserem Team. Jetzt wurde nichts weiter unternommen."
        }
        (false, Tongue::English) => "That couldn't be done; nothing was changed.",
        (false, Tongue::German) => "Das ging leider nicht; es wurde nichts geändert.",
    };
    Some(Sentence {
        gap: None,
        md: said.to_owned(),
        cites: Vec::new(),
        fixed: true,
    })
}
