//! What became of a write by a tool that the site's operator has connected: said without any word
//! of its server. The extractive brain calls no such tool itself; it may be the one that is left
//! to tell what a visitor's yes has done.

use crate::agent::brain::TurnView;
use crate::agent::phrases::Tongue;
use crate::domain::tool::Power;

/// In words; none when none ran in this turn.
pub fn done(view: &TurnView, tongue: Tongue) -> Option<&'static str> {
    let last = view
        .outcomes
        .iter()
        .rev()
        .find(|o| view.site_tools.power(&o.tool) == Some(Power::Guarded))?;
    Some(match (last.result.is_ok(), tongue) {
        (true, Tongue::English) => "That is done.",
        (true, Tongue::German) => "Das ist erledigt.",
        (false, Tongue::English) => "That couldn't be done; nothing was changed.",
        (false, Tongue::German) => "Das ging leider nicht; es wurde nichts geändert.",
    })
}
