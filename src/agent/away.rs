//! What is said when nobody of the site is in: when somebody is back, in the visitor's language,
//! by the clock of the site.

use chrono::{Datelike, NaiveDateTime, Timelike};

use super::phrases::Tongue;
use crate::db::hours::Away;
use crate::domain::settings::OPENS;

const DAYS: [(&str, &str); 7] = [
    ("Monday", "Montag"),
    ("Tuesday", "Dienstag"),
    ("Wednesday", "Mittwoch"),
    ("Thursday", "Donnerstag"),
    ("Friday", "Freitag"),
    ("Saturday", "Samstag"),
    ("Sunday", "Sonntag"),
];
const MONTHS: [(&str, &str); 12] = [
    ("January", "Januar"),
    ("February", "Februar"),
    ("March", "März"),
    ("April", "April"),
    ("May", "Mai"),
    ("June", "Juni"),
    ("July", "Juli"),
    ("August", "August"),
    ("September", "September"),
    ("October", "Oktober"),
    ("November", "November"),
    ("December", "Dezember"),
];

/// The sentence.
pub(super) fn said(away: &Away, tongue: Tongue) -> String {
    let opens = away.opens.map(|opens| at(opens, away.local, tongue));
    if let Some(words) = &away.words {
        let soon = match tongue {
            Tongue::English => "soon",
            Tongue::German => "bald",
        };
        return words.replace(OPENS, opens.as_deref().unwrap_or(soon));
    }
    match (opens, tongue) {
        (Some(opens), Tongue::English) => {
            format!("Nobody is in at the moment; somebody will be back {opens}.")
        }
        (Some(opens), Tongue::German) => format!("Im Moment ist niemand da; {opens} ist wieder jemand hier."),
        (None, Tongue::English) => "Nobody is in at the moment.".to_owned(),
        (None, Tongue::German) => "Im Moment ist niemand da.".to_owned(),
    }
}

fn at(opens: NaiveDateTime, now: NaiveDateTime, tongue: Tongue) -> String {
    let time = format!("{}:{:02}", opens.hour(), opens.minute());
    let days = (opens.date() - now.date()).num_days();
    let (english, german) = match days {
        0 => ("today".to_owned(), "heute".to_owned()),
        1 => ("tomorrow".to_owned(), "morgen".to_owned()),
        2..=6 => {
            let (english, german) = DAYS[opens.weekday().num_days_from_monday() as usize];
            (format!("on {english}"), format!("am {german}"))
        }
        _ => {
            let (english, german) = MONTHS[opens.month0() as usize];
            (
                format!("on {} {english}", opens.day()),
                format!("am {}. {german}", opens.day()),
            )
        }
    };
    match tongue {
        Tongue::English => format!("{english} at {time}"),
        Tongue::German => format!("{german} um {time} Uhr"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away(opens: Option<&str>, words: Option<&str>) -> Away {
        let read = |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
        Away {
            local: read("2026-11-27 18:30"),
            opens: opens.map(read),
            words: words.map(str::to_owned),
        }
    }

    #[test]
    fn the_next_opening_is_told_as_people_do() {
        for (opens, english, german) in [
            ("2026-11-27 20:00", "today at 20:00", "heute um 20:00 Uhr"),
            ("2026-11-28 09:05", "tomorrow at 9:05", "morgen um 9:05 Uhr"),
            ("2026-11-30 09:00", "on Monday at 9:00", "am Montag um 9:00 Uhr"),
            (
                "2027-01-07 09:00",
                "on 7 January at 9:00",
                "am 7. Januar um 9:00 Uhr",
            ),
        ] {
            let away = away(Some(opens), None);
            assert!(said(&away, Tongue::English).contains(english), "{opens}");
            assert!(said(&away, Tongue::German).contains(german), "{opens}");
        }
        assert_eq!(
            said(&away(None, None), Tongue::English),
            "Nobody is in at the moment."
        );
        let own = away(Some("2026-11-30 09:00"), Some("Wir sind {opens} für Sie da."));
        assert_eq!(
            said(&own, Tongue::German),
            "Wir sind am Montag um 9:00 Uhr für Sie da."
        );
    }
}
