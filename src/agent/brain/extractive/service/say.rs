//! Fixed sentences about what the tools of orders returned, in English and German. Figures and
//! names come from the result; nothing is promised that the result doesn't say.

use serde_json::Value;

use super::sum::No;
use super::{POLICY, REFUND};
use crate::agent::phrases::Tongue;

fn text<'a>(output: &'a Value, key: &str) -> &'a str {
    output[key].as_str().unwrap_or_default()
}

/// What a state of an order means for who waits for it.
fn state(status: &str, tongue: Tongue) -> Option<&'static str> {
    let (english, german) = match status {
        "pending" => ("is waiting for its payment", "wartet auf die Zahlung"),
        "processing" => ("is being prepared", "wird gerade vorbereitet"),
        "on-hold" => ("is on hold", "ist angehalten"),
        "shipped" => ("is on its way", "ist unterwegs"),
        "completed" => ("is completed", "ist abgeschlossen"),
        "cancelled" => ("was cancelled", "wurde storniert"),
        "refunded" => ("was refunded", "wurde zurückgezahlt"),
        "failed" => ("has a payment that failed", "hat eine fehlgeschlagene Zahlung"),
        _ => return None,
    };
    Some(match tongue {
        Tongue::English => english,
        Tongue::German => german,
    })
}

/// Where an order stands.
pub fn status(output: &Value, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let (number, status) = (text(output, "order_id"), text(output, "status"));
    let what = state(status, tongue).map_or_else(
        || {
            if english {
                format!("has the state “{status}”")
            } else {
                format!("hat den Status „{status}“")
            }
        },
        str::to_owned,
    );
    let mut first = if english {
        format!("Your order {number} {what}")
    } else {
        format!("Ihre Bestellung {number} {what}")
    };
    if let Some(day) = output["delivered_at"].as_str() {
        first += &if english {
            format!(", delivered on {day}")
        } else {
            format!(", zugestellt am {day}")
        };
    }
    let mut out = vec![first + "."];
    let items: Vec<String> = output["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|i| format!("{} × {}", i["quantity"], text(i, "name")))
        .collect();
    if !items.is_empty() {
        let (total, currency) = (text(output, "total"), text(output, "currency"));
        out.push(if english {
            format!("It has {} for {total} {currency}.", items.join(", "))
        } else {
            format!("Sie enthält {} für {total} {currency}.", items.join(", "))
        });
    }
    if let Some(tracking) = output["tracking"].as_str() {
        out.push(if english {
            format!("The tracking number is {tracking}.")
        } else {
            format!("Die Sendungsnummer ist {tracking}.")
        });
    }
    if let Some(back) = output["refunded"].as_str() {
        let currency = text(output, "currency");
        out.push(if english {
            format!("{back} {currency} of it was refunded.")
        } else {
            format!("Davon wurden {back} {currency} zurückgezahlt.")
        });
    }
    out
}

/// All orders.
pub fn list(output: &Value, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let orders = output.as_array().map(Vec::as_slice).unwrap_or_default();
    if orders.is_empty() {
        return vec![
            if english {
                "I can't find any orders of yours."
            } else {
                "Ich finde keine Bestellungen von Ihnen."
            }
            .to_owned(),
        ];
    }
    let mut out = vec![
        if english {
            "These are your last orders:"
        } else {
            "Das sind Ihre letzten Bestellungen:"
        }
        .to_owned(),
    ];
    out.extend(orders.iter().map(|o| {
        let status = text(o, "status");
        let (of, what) = match (english, state(status, tongue)) {
            (true, what) => ("of", what.unwrap_or(status)),
            (false, what) => ("vom", what.unwrap_or(status)),
        };
        format!(
            "- {} {of} {}: {} {}, {what}",
            text(o, "order_id"),
            text(o, "placed_at"),
            text(o, "total"),
            text(o, "currency")
        )
    }));
    out
}

/// What the refund policy says, where nothing is proposed.
pub fn policy(output: &Value, switched_off: bool, asks: bool, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let number = text(output, "order_id");
    if output["eligible"] == Value::Bool(true) {
        let (max, currency) = (text(output, "max_amount"), text(output, "currency"));
        let may = if english {
            format!("Up to {max} {currency} of order {number} can be refunded.")
        } else {
            format!("Von der Bestellung {number} können bis zu {max} {currency} zurückgezahlt werden.")
        };
        let not_here = if english {
            "I can't do that myself here; would you like me to pass it on to our team?"
        } else {
            "Ich kann das hier nicht selbst tun; soll ich es an unser Team weitergeben?"
        };
        return if switched_off {
            vec![may, not_here.to_owned()]
        } else if asks {
            vec![may, ask_for_it(number, tongue)]
        } else {
            vec![may]
        };
    }
    let days = &output["window_days"];
    let reason = output["reasons"][0].as_str().unwrap_or_default();
    let why = match (reason, english) {
        ("outside_window", true) => format!("the {days} days for a return are over"),
        ("outside_window", false) => format!("die {days} Tage für eine Rückgabe sind vorbei"),
        ("wrong_state", true) => "its state doesn't allow it".to_owned(),
        ("wrong_state", false) => "ihr Status lässt das nicht zu".to_owned(),
        ("excluded_items", true) => "what was ordered can't be returned".to_owned(),
        ("excluded_items", false) => "das Bestellte kann nicht zurückgegeben werden".to_owned(),
        ("already_refunded", true) => "it was refunded before".to_owned(),
        ("already_refunded", false) => "sie wurde schon zurückgezahlt".to_owned(),
        (_, true) => "our policy doesn't allow it".to_owned(),
        (_, false) => "unsere Regeln lassen es nicht zu".to_owned(),
    };
    let (not, person) = if english {
        (
            format!("Order {number} can't be refunded: {why}."),
            "If you think that this is wrong, I can pass it on to our team; just ask for a person.",
        )
    } else {
        (
            format!("Die Bestellung {number} kann nicht zurückgezahlt werden: {why}."),
            "Wenn Sie das anders sehen, gebe ich es an unser Team weiter; fragen Sie einfach nach einem Menschen.",
        )
    };
    vec![not, person.to_owned()]
}

/// How a refund is asked for.
fn ask_for_it(number: &str, tongue: Tongue) -> String {
    match tongue {
        Tongue::English => format!("If you want it, write \"refund order {number}\"."),
        Tongue::German => format!("Wenn Sie das möchten, schreiben Sie „Bestellung {number} erstatten“."),
    }
}

/// Why the amount that was named can't be paid back, and what can.
pub fn amount(no: No, output: &Value, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let number = text(output, "order_id");
    let most = format!("{} {}", text(output, "max_amount"), text(output, "currency"));
    let why = match (no, english) {
        (No::TooMuch, true) => {
            format!("That is more than can be refunded: at most {most} of order {number}.")
        }
        (No::TooMuch, false) => {
            format!("So viel kann nicht zurückgezahlt werden: von der Bestellung {number} höchstens {most}.")
        }
        (No::Nothing, true) => {
            format!("Only a positive amount can be refunded: up to {most} of order {number}.")
        }
        (No::Nothing, false) => {
            format!(
                "Nur ein positiver Betrag kann zurückgezahlt werden: von der Bestellung {number} bis zu {most}."
            )
        }
        (No::Currency, true) => {
            format!(
                "Order {number} was paid in {}: up to {most} of it can be refunded.",
                text(output, "currency")
            )
        }
        (No::Currency, false) => format!(
            "Die Bestellung {number} wurde in {} bezahlt: davon können bis zu {most} zurückgezahlt werden.",
            text(output, "currency")
        ),
        (No::Unclear, true) => format!("Up to {most} of order {number} can be refunded."),
        (No::Unclear, false) => {
            format!("Von der Bestellung {number} können bis zu {most} zurückgezahlt werden.")
        }
    };
    vec![why, how_much(tongue).to_owned()]
}

/// How an amount is asked for.
pub fn how_much(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::English => "How much should go back?",
        Tongue::German => "Wie viel soll zurückgehen?",
    }
}

/// What was done after the visitor's yes.
pub fn acted(output: &Value, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let number = text(output, "order_id");
    let amount = output["amount"]
        .as_str()
        .map(|a| format!("{a} {}", text(output, "currency")));
    vec![match (amount, english) {
        (Some(amount), true) => {
            format!("Done: {amount} of order {number} goes back to the means of payment that you used.")
        }
        (Some(amount), false) => {
            format!(
                "Erledigt: {amount} der Bestellung {number} gehen an das Zahlungsmittel zurück, das Sie benutzt haben."
            )
        }
        (None, true) => format!("Done: order {number} goes to the new address."),
        (None, false) => format!("Erledigt: Die Bestellung {number} geht an die neue Adresse."),
    }]
}

/// An address change that nothing can be proposed for yet.
pub fn address_wanted(output: &Value, switched_off: bool, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let number = text(output, "order_id");
    let left = !matches!(text(output, "status"), "pending" | "processing" | "on-hold");
    vec![match (left, switched_off, english) {
        (true, _, true) => {
            format!("The address of order {number} can't be changed any more: it has left already.")
        }
        (true, _, false) => format!(
            "Die Adresse der Bestellung {number} lässt sich nicht mehr ändern: Sie ist nicht mehr bei uns."
        ),
        (_, true, true) => {
            "I can't change addresses here; would you like me to pass it on to our team?".to_owned()
        }
        (_, true, false) => {
            "Ich kann hier keine Adressen ändern; soll ich es an unser Team weitergeben?".to_owned()
        }
        (_, _, true) => format!(
            "{} for order {number} like this: name, street and number, postal code and town, country.",
            address_form(tongue)
        ),
        (_, _, false) => format!(
            "{} für die Bestellung {number} so: Name, Straße und Nummer, Postleitzahl und Ort, Land.",
            address_form(tongue)
        ),
    }]
}

/// The offer of a person for what the agent can't do itself. A yes to it hands over.
pub fn offer(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::English => "A person has to see to that; would you like me to pass it on to our team?",
        Tongue::German => "Darum muss sich ein Mensch kümmern; soll ich es an unser Team weitergeben?",
    }
}

/// An order that isn't wanted any more.
pub fn cancel(output: &Value, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let number = text(output, "order_id");
    match (text(output, "status"), english) {
        ("pending" | "processing" | "on-hold", true) => vec![
            format!("Your order {number} hasn't left yet; I can't cancel it myself."),
            offer(tongue).to_owned(),
        ],
        ("pending" | "processing" | "on-hold", false) => vec![
            format!(
                "Ihre Bestellung {number} ist noch nicht unterwegs; stornieren kann ich sie nicht selbst."
            ),
            offer(tongue).to_owned(),
        ],
        ("shipped" | "completed", true) => vec![
            format!("Your order {number} has left already, so it can't be cancelled any more."),
            format!(
                "If you want your money back, write \"refund order {number}\", and I check what is possible."
            ),
        ],
        ("shipped" | "completed", false) => vec![
            format!("Ihre Bestellung {number} ist schon verschickt und lässt sich nicht mehr stornieren."),
            format!(
                "Wenn Sie Ihr Geld zurück möchten, schreiben Sie „Bestellung {number} erstatten“; dann prüfe ich, was möglich ist."
            ),
        ],
        // Cancelled or refunded already, or a state of the shop's own.
        _ => status(output, tongue).into_iter().take(1).collect(),
    }
}

/// Something that is to be made good.
pub fn claim(output: &Value, tongue: Tongue) -> Vec<String> {
    let mut lines = status(output, tongue);
    lines.push(offer(tongue).to_owned());
    lines
}

/// How a whole address is asked for.
pub fn address_form(tongue: Tongue) -> &'static str {
    match tongue {
        Tongue::English => "Please write the whole new address",
        Tongue::German => "Bitte schreiben Sie die ganze neue Adresse",
    }
}

/// A tool that couldn't.
pub fn failed(code: &str, tool: &str, tongue: Tongue) -> Vec<String> {
    let english = tongue == Tongue::English;
    let acts = tool == REFUND;
    vec![
        match (code, english) {
            ("NOT_FOUND", true) => {
                "I can't find an order with this number and e-mail address. Please check both, and write them once more, or ask for a person."
            }
            ("NOT_FOUND", false) => {
                "Ich finde keine Bestellung mit dieser Nummer und E-Mail-Adresse. Bitte prüfen Sie beides und schreiben Sie es noch einmal, oder fragen Sie nach einem Menschen."
            }
            ("RATE_LIMIT", true) => {
                "That was tried too often. Please try again a little later, or ask for a person."
            }
            ("RATE_LIMIT", false) => {
                "Das wurde zu oft versucht. Bitte versuchen Sie es etwas später noch einmal, oder fragen Sie nach einem Menschen."
            }
            ("NEEDS_APPROVAL", true) => {
                "Another change of this order is still with our team. They will get back to you; nothing more can be started until then."
            }
            ("NEEDS_APPROVAL", false) => {
                "Eine andere Änderung dieser Bestellung liegt noch bei unserem Team. Es meldet sich bei Ihnen; bis dahin kann nichts weiter begonnen werden."
            }
            ("DISABLED", true) => "I can't do that myself here; would you like me to pass it on to our team?",
            ("DISABLED", false) => "Ich kann das hier nicht selbst tun; soll ich es an unser Team weitergeben?",
            ("INVALID_INPUT", true) if acts => {
                "This refund can't be made as it was asked for. If you ask once more, I check again what is possible."
            }
            ("INVALID_INPUT", false) if acts => {
                "Diese Rückzahlung ist so nicht möglich. Wenn Sie noch einmal fragen, prüfe ich neu, was möglich ist."
            }
            ("INVALID_INPUT", true) if tool != POLICY => {
                "This change can't be made any more. If you ask once more, I check again what is possible."
            }
            ("INVALID_INPUT", false) if tool != POLICY => {
                "Diese Änderung ist so nicht mehr möglich. Wenn Sie noch einmal fragen, prüfe ich neu, was möglich ist."
            }
            (_, true) => "The shop's orders can't be looked up at the moment. Please try again a little later.",
            (_, false) => "Die Bestellungen lassen sich gerade nicht nachsehen. Bitte versuchen Sie es etwas später noch einmal.",
        }
        .to_owned(),
    ]
}
