//! Fixed sentences about tickets, in English and German. Figures come from what a tool returned.

use crate::agent::phrases::Tongue;

/// What is asked of who wishes for a ticket and says no more.
pub(super) fn asks_about(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::English => "What is it about? Please describe it briefly.",
        Tongue::German => "Worum geht es? Bitte beschreiben Sie es kurz.",
    }
}

/// A ticket is open.
pub(super) fn opened(ticket: &str, tongue: Tongue) -> Vec<String> {
    vec![match tongue {
        Tongue::English => format!("Thank you. Your ticket is {ticket}; our team replies by e-mail."),
        Tongue::German => format!("Danke. Ihr Ticket ist {ticket}; unser Team antwortet per E-Mail."),
    }]
}

/// Something was added.
pub(super) fn added(ticket: &str, tongue: Tongue) -> Vec<String> {
    vec![match tongue {
        Tongue::English => format!("I've added your message to ticket {ticket}; our team reads it."),
        Tongue::German => {
            format!("Ich habe Ihre Nachricht zum Ticket {ticket} hinzugefügt; unser Team liest sie.")
        }
    }]
}

/// There is no such ticket.
pub(super) fn missing(tongue: Tongue) -> Vec<String> {
    vec![
        match tongue {
            Tongue::English => "I can't find such a ticket of yours. If you tell me to open a ticket, I do.",
            Tongue::German => {
                "Ich finde kein solches Ticket von Ihnen. Wenn Sie möchten, dass ich ein Ticket anlege, sagen Sie es."
            }
        }
        .to_owned(),
    ]
}

/// Nothing is done.
pub(super) fn nothing(tongue: Tongue) -> Vec<String> {
    vec![
        match tongue {
            Tongue::English => "All right. Is there anything else you would like to know?",
            Tongue::German => "In Ordnung. Möchten Sie noch etwas wissen?",
        }
        .to_owned(),
    ]
}

/// It didn't work, by the error's code.
pub(super) fn failed(code: &str, tongue: Tongue) -> Vec<String> {
    let (english, german) = match code {
        "DISABLED" => (
            "I can't do that myself here; would you like me to pass it on to our team?",
            "Ich kann das hier nicht selbst tun; soll ich es an unser Team weitergeben?",
        ),
        "RATE_LIMIT" => (
            "You have told us a lot within a short time. Please try again a little later, or ask for a person.",
            "Sie haben uns in kurzer Zeit viel geschrieben. Bitte versuchen Sie es etwas später noch einmal, oder fragen Sie nach einem Menschen.",
        ),
        _ => (
            "That didn't work. Please try again in a moment, or ask for a person.",
            "Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal, oder fragen Sie nach einem Menschen.",
        ),
    };
    vec![
        match tongue {
            Tongue::English => english,
            Tongue::German => german,
        }
        .to_owned(),
    ]
}
