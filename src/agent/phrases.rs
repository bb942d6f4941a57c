//! What the agent says without a brain, in the visitor's language: closing words and
//! lines of progress. Plain words; no promise that nobody keeps.

use crate::agent::machine::action::Template;
use crate::domain::event::AskKind;

/// The languages that these words exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// English, and whatever else is not listed.
    English,
    /// German.
    German,
}

impl Tongue {
    /// By a BCP 47 tag.
    #[must_use]
    pub fn of(locale: &str) -> Self {
        let primary = locale.split(['-', '_']).next().unwrap_or("");
        if primary.eq_ignore_ascii_case("de") {
            Self::German
        } else {
            Self::English
        }
    }
}

/// The words of a template.
#[must_use]
pub fn say(template: Template, tongue: Tongue) -> &'static str {
    let (english, german) = match template {
        Template::FollowUp => (
            "This is taking longer than it should. We're checking, and will follow up by e-mail.",
            "Das dauert länger, als es sollte. Wir prüfen das und melden uns per E-Mail.",
        ),
        Template::Incomplete => (
            "This answer breaks off here. We're checking the rest, and will follow up by e-mail.",
            "Diese Antwort bricht hier ab. Wir prüfen den Rest und melden uns per E-Mail.",
        ),
        Template::AskForAddress => (
            "Please leave your e-mail address so that our reply reaches you.",
            "Bitte hinterlassen Sie Ihre E-Mail-Adresse, damit unsere Antwort Sie erreicht.",
        ),
        Template::HandedOver => (
            "I can't answer this reliably myself, so I've noted it for our team.",
            "Das kann ich selbst nicht verlässlich beantworten; ich habe es für unser Team notiert.",
        ),
        Template::PassedOn => (
            "I've passed your message on to our team.",
            "Ich habe Ihre Nachricht an unser Team weitergegeben.",
        ),
        Template::StillWithTeam => (
            "Our team has your conversation already and will reply here. Meanwhile you can go on asking me.",
            "Ihre Unterhaltung liegt schon bei unserem Team; die Antwort kommt hier. Inzwischen können Sie mich weiter fragen.",
        ),
        Template::NobodyIn => ("Nobody is in at the moment.", "Im Moment ist niemand da."),
        Template::AwaitingApproval => (
            "A member of our team has to approve this first.",
            "Das muss zuerst jemand aus unserem Team freigeben.",
        ),
        Template::Blocked => (
            "I can't help with this here. If you'd like, our team can.",
            "Dabei kann ich hier nicht helfen. Wenn Sie möchten, hilft unser Team weiter.",
        ),
        Template::Declined => (
            "All right, nothing was done.",
            "In Ordnung, es wurde nichts unternommen.",
        ),
        Template::AddressSaved => (
            "Thank you, your address is noted.",
            "Danke, Ihre Adresse ist notiert.",
        ),
        Template::Withheld => (
            "Thank you. A member of our team will look at your question and reply.",
            "Danke. Jemand aus unserem Team sieht sich Ihre Frage an und antwortet.",
        ),
        Template::StoppedMidway => (
            "You stopped while something was being done. Our team checks whether it happened.",
            "Sie haben abgebrochen, während etwas ausgeführt wurde. Unser Team prüft, ob es geschehen ist.",
        ),
        Template::InDoubt => (
            "I can't tell yet whether that went through. Our team checks it and writes to you; please don't ask for it again until then.",
            "Ich kann noch nicht sagen, ob das durchgegangen ist. Unser Team prüft es und meldet sich bei Ihnen; bitte stoßen Sie es bis dahin nicht noch einmal an.",
        ),
        Template::NotStored => (
            "Something went wrong on our side. Please try again in a moment.",
            "Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es gleich noch einmal.",
        ),
    };
    match tongue {
        Tongue::English => english,
        Tongue::German => german,
    }
}

/// What a visitor is asked for.
#[must_use]
pub fn asks(kind: AskKind, tongue: Tongue) -> &'static str {
    match (kind, tongue) {
        (AskKind::Identity, Tongue::English) => {
            "Please tell me the order number and the e-mail address that the order was placed with."
        }
        (AskKind::Identity, Tongue::German) => {
            "Bitte nennen Sie mir die Bestellnummer und die E-Mail-Adresse, mit der bestellt wurde."
        }
        (AskKind::Contact, Tongue::English) => {
            "Please leave your e-mail address so that our reply reaches you."
        }
        (AskKind::Contact, Tongue::German) => {
            "Bitte hinterlassen Sie Ihre E-Mail-Adresse, damit unsere Antwort Sie erreicht."
        }
        (AskKind::Confirm, Tongue::English) => "Shall I do that?",
        (AskKind::Confirm, Tongue::German) => "Soll ich das tun?",
    }
}

/// Whether a text of the agent's ends by asking for an address, or by noting one.
#[must_use]
pub fn wants_address(text: &str) -> bool {
    [Tongue::English, Tongue::German].into_iter().any(|tongue| {
        text.ends_with(say(Template::AskForAddress, tongue)) || text == say(Template::AddressSaved, tongue)
    })
}

/// Whether a text of the agent's is the question for an address and nothing else.
#[must_use]
pub fn only_asks_for_address(text: &str) -> bool {
    [Tongue::English, Tongue::German]
        .into_iter()
        .any(|tongue| text == asks(AskKind::Contact, tongue))
}

/// What the buttons under a proposal say.
#[must_use]
pub fn answered(accept: bool, tongue: Tongue) -> &'static str {
    match (accept, tongue) {
        (true, Tongue::English) => "Yes, go ahead",
        (true, Tongue::German) => "Ja, bitte",
        (false, Tongue::English) => "No, thanks",
        (false, Tongue::German) => "Nein, danke",
    }
}

/// What is said of a button that was pressed after staff had taken the conversation over.
#[must_use]
pub fn person_is_on_it(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::English => {
            "A person of our team is in this conversation now and sees your answer. Nothing has been done; they go on from here."
        }
        Tongue::German => {
            "Jemand aus unserem Team ist jetzt in dieser Unterhaltung und sieht Ihre Antwort. Es wurde nichts unternommen; es geht mit dieser Person weiter."
        }
    }
}

/// What became of a proposal that waited for staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It was approved and done.
    Done,
    /// Staff refused it.
    Refused,
    /// It was approved, and can't be done any more.
    Void,
    /// Nobody has decided in time.
    Lapsed,
    /// Nobody knows whether it was done; a person looks.
    Unknown,
    /// It was not known, and turns out to have been done.
    Settled,
    /// It was not known, and turns out not to have been done.
    Failed,
}

/// What a proposal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed<'a> {
    /// Pays this amount back.
    Refund(&'a str),
    /// Changes an order's address.
    Address,
    /// What a connected tool does.
    Other,
}

/// The words for what became of a proposal.
#[must_use]
pub fn decided(decision: Decision, deed: Deed<'_>, order: &str, tongue: Tongue) -> String {
    let english = tongue == Tongue::English;
    let what = match (deed, english) {
        (Deed::Refund(amount), true) => format!("the refund of {amount} for order {order}"),
        (Deed::Refund(amount), false) => format!("die Rückzahlung von {amount} für die Bestellung {order}"),
        (Deed::Address, true) => format!("the change of address for order {order}"),
        (Deed::Address, false) => format!("die Adressänderung für die Bestellung {order}"),
        (Deed::Other, true) => "the change that you confirmed".to_owned(),
        (Deed::Other, false) => "die von Ihnen bestätigte Änderung".to_owned(),
    };
    match (decision, english) {
        (Decision::Done, true) => format!("Our team has approved {what}, and it is done."),
        (Decision::Done, false) => format!("Unser Team hat {what} freigegeben; sie ist erledigt."),
        (Decision::Refused, true) => format!("Our team has not approved {what}."),
        (Decision::Refused, false) => format!("Unser Team hat {what} nicht freigegeben."),
        (Decision::Void, true) => {
            format!(
                "Our team has approved {what}, but it can't be carried out any more. Somebody will write to you."
            )
        }
        (Decision::Void, false) => {
            format!(
                "Unser Team hat {what} freigegeben, sie ist aber nicht mehr möglich. Es meldet sich jemand bei Ihnen."
            )
        }
        (Decision::Lapsed, true) => format!(
            "Our team hasn't decided about {what} in time, so nothing was done. If you still want it, please ask again."
        ),
        (Decision::Lapsed, false) => format!(
            "Unser Team hat über {what} nicht rechtzeitig entschieden; es wurde nichts unternommen. Wenn Sie das noch möchten, fragen Sie bitte noch einmal."
        ),
        (Decision::Settled, true) => format!("We have checked: {what} has gone through."),
        (Decision::Settled, false) => format!("Wir haben nachgesehen: {what} ist durchgegangen."),
        (Decision::Failed, true) => {
            format!("We have checked: {what} was not made. A person looks at it and writes to you.")
        }
        (Decision::Failed, false) => {
            format!(
                "Wir haben nachgesehen: {what} wurde nicht ausgeführt. Jemand sieht sich das an und meldet sich bei Ihnen."
            )
        }
        (Decision::Unknown, true) => {
            format!("Our team has approved {what}. A person checks that it went through, and writes to you.")
        }
        (Decision::Unknown, false) => {
            format!(
                "Unser Team hat {what} freigegeben. Jemand prüft, ob sie durchgegangen ist, und meldet sich bei Ihnen."
            )
        }
    }
}

/// The line of progress while a tool works.
#[must_use]
pub fn working(tool: &str, tongue: Tongue) -> &'static str {
    let (english, german) = match tool {
        "kb_search" => ("Searching the help pages…", "Die Hilfeseiten werden durchsucht…"),
        "get_order_status" | "list_orders" => ("Looking up the order…", "Die Bestellung wird nachgesehen…"),
        "check_refund_policy" => (
            "Checking the return conditions…",
            "Die Rückgabebedingungen werden geprüft…",
        ),
        "issue_refund" => ("Preparing the refund…", "Die Rückzahlung wird vorbereitet…"),
        "update_shipping_address" => (
            "Preparing the change of address…",
            "Die Adressänderung wird vorbereitet…",
        ),
        "verify_identity" => ("Checking your details…", "Ihre Angaben werden geprüft…"),
        "create_ticket" => ("Opening a ticket…", "Ein Ticket wird angelegt…"),
        "update_ticket" => ("Adding to your ticket…", "Ihr Ticket wird ergänzt…"),
        "handoff_human" => (
            "Passing it on to our team…",
            "Es wird an unser Team weitergegeben…",
        ),
        "notify_human" => ("Telling our team…", "Unser Team wird verständigt…"),
        _ => ("Working on it…", "In Arbeit…"),
    };
    match tongue {
        Tongue::English => english,
        Tongue::German => german,
    }
}

/// The line of progress when a tool has worked, or hasn't.
#[must_use]
pub fn worked(tool: &str, ok: bool, tongue: Tongue) -> &'static str {
    let (english, german) = match (tool, ok) {
        ("kb_search", true) => ("Searched the help pages", "Hilfeseiten durchsucht"),
        ("get_order_status" | "list_orders", true) => ("Looked up the order", "Bestellung nachgesehen"),
        ("check_refund_policy", true) => ("Checked the return conditions", "Rückgabebedingungen geprüft"),
        ("create_ticket", true) => ("Opened a ticket", "Ticket angelegt"),
        ("update_ticket", true) => ("Added to your ticket", "Ticket ergänzt"),
        ("handoff_human", true) => ("Passed on to our team", "An unser Team weitergegeben"),
        ("notify_human", true) => ("Told our team", "Unser Team verständigt"),
        (_, true) => ("Done", "Erledigt"),
        (_, false) => ("That didn't work", "Das hat nicht geklappt"),
    };
    match tongue {
        Tongue::English => english,
        Tongue::German => german,
    }
}
