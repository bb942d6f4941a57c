//! A postal address out of a message, where it was written in parts: name, street and number,
//! postal code and town, country; by commas or on lines. What can't be told apart surely isn't
//! guessed: the visitor is asked to write it so.

use serde_json::{Value, json};

/// Countries that are read, by how people write them.
const COUNTRIES: &[(&str, &str)] = &[
    ("austria", "AT"),
    ("österreich", "AT"),
    ("at", "AT"),
    ("germany", "DE"),
    ("deutschland", "DE"),
    ("de", "DE"),
    ("switzerland", "CH"),
    ("schweiz", "CH"),
    ("ch", "CH"),
    ("italy", "IT"),
    ("italien", "IT"),
    ("it", "IT"),
    ("france", "FR"),
    ("frankreich", "FR"),
    ("fr", "FR"),
    ("netherlands", "NL"),
    ("niederlande", "NL"),
    ("nl", "NL"),
    ("belgium", "BE"),
    ("belgien", "BE"),
    ("be", "BE"),
    ("norway", "NO"),
    ("norwegen", "NO"),
    ("no", "NO"),
    ("denmark", "DK"),
    ("dänemark", "DK"),
    ("dk", "DK"),
    ("sweden", "SE"),
    ("schweden", "SE"),
    ("se", "SE"),
    ("spain", "ES"),
    ("spanien", "ES"),
    ("es", "ES"),
    ("poland", "PL"),
    ("polen", "PL"),
    ("pl", "PL"),
    ("czech republic", "CZ"),
    ("czechia", "CZ"),
    ("tschechien", "CZ"),
    ("cz", "CZ"),
    ("slovenia", "SI"),
    ("slowenien", "SI"),
    ("si", "SI"),
    ("hungary", "HU"),
    ("ungarn", "HU"),
    ("hu", "HU"),
    ("ireland", "IE"),
    ("irland", "IE"),
    ("ie", "IE"),
    ("portugal", "PT"),
    ("pt", "PT"),
    ("luxembourg", "LU"),
    ("luxemburg", "LU"),
    ("lu", "LU"),
    ("finland", "FI"),
    ("finnland", "FI"),
    ("fi", "FI"),
    ("croatia", "HR"),
    ("kroatien", "HR"),
    ("hr", "HR"),
    ("slovakia", "SK"),
    ("slowakei", "SK"),
    ("sk", "SK"),
];

/// What is done with a parcel, before the address that it is to go to.
const LEADS: [&str; 14] = [
    "send", "deliver", "ship", "change", "redirect", "forward", "update", "schick", "liefer", "sende",
    "änder", "address", "adresse", "versand",
];
/// What stands between them.
const INTO: [&str; 5] = [" to ", " an ", " nach ", " auf ", " in "];
/// What may stand behind an address.
const BEHIND: [&str; 17] = [
    "my e-mail is",
    "my email is",
    "my address is",
    "meine e-mail ist",
    "e-mail",
    "email",
    "and",
    "please",
    "thanks",
    "thank you",
    "instead",
    "bitte",
    "danke",
    "vielen dank",
    "stattdessen",
    "now",
    "asap",
];

/// The part of a message that may be an address: behind a colon, or what is to be done; without
/// courtesies.
fn bare(message: &str) -> &str {
    // An address of e-mail stands before it or behind it.
    let message = match message.split_once("[EMAIL_") {
        Some((before, after)) if before.trim().is_empty() => {
            after.split_once(']').map_or("", |(_, rest)| rest)
        }
        Some((before, _)) => before,
        None => message,
    };
    let mut text = message
        .rsplit_once(':')
        .map_or(message, |(_, after)| after)
        .trim();
    // Small letters may be longer: where that is so, nothing is cut off.
    let lower = Some(text.to_lowercase()).filter(|l| l.len() == text.len());
    if let Some(lower) = lower {
        let lead = LEADS.iter().filter_map(|lead| lower.find(lead)).min();
        let into = lead.and_then(|from| {
            // Before the first comma: what stands behind it isn't what leads to the street.
            let first = text.get(from..)?.split([',', '\n']).next()?;
            // A street may be called "An der Donau": only small letters lead to it.
            let ends = INTO
                .iter()
                .filter_map(|into| Some(from + first.rfind(into)? + into.len()));
            ends.max()
        });
        text = into.and_then(|at| text.get(at..)).unwrap_or(text);
    }
    loop {
        let ended = text.trim_end_matches(['.', ',', '!', ' ', '\n']);
        let cut = BEHIND.iter().find_map(|word| {
            let at = ended.len().checked_sub(word.len())?;
            let last = ended.get(at..)?.eq_ignore_ascii_case(word);
            let apart = at == 0 || ended[..at].ends_with([' ', ',', '.', '\n']);
            (last && apart).then(|| &ended[..at])
        });
        match cut {
            Some(shorter) => text = shorter,
            None => return ended,
        }
    }
}

/// The address of a message, as the tool takes it; none when there is none, or it isn't clear. A name
/// and a country that aren't given stay as they are.
pub fn read(message: &str) -> Option<Value> {
    let text = bare(message);
    let parts: Vec<&str> = text
        .split([',', '\n', ';'])
        .map(|p| p.trim().trim_end_matches('.'))
        .filter(|p| !p.is_empty())
        .collect();
    let (last, rest) = parts.split_last()?;
    let named = COUNTRIES.iter().find(|(name, _)| *name == last.to_lowercase());
    let country = named.map(|(_, code)| *code);
    let (town, rest) = if country.is_some() {
        rest.split_last()?
    } else {
        (last, rest)
    };
    let (postcode, city) = town.split_once(' ')?;
    let coded = (3..=10).contains(&postcode.len()) && postcode.bytes().any(|b| b.is_ascii_digit());
    let numbered =
        |street: &str| street.chars().any(|c| c.is_ascii_digit()) && street.chars().any(char::is_alphabetic);
    let (name, street, extra) = match rest {
        [street] => (None, street, None),
        [street, extra] if numbered(street) => (None, street, Some(extra)),
        [name, street] => (Some(name), street, None),
        [name, street, extra] => (Some(name), street, Some(extra)),
        _ => return None,
    };
    // "my new address Hauptstr. 5" is what leads to a street.
    let owned = [
        "my", "our", "the", "your", "meine", "unsere", "die", "this", "address", "adresse",
    ];
    let first = street
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    if owned.contains(&first.as_str()) {
        return None;
    }
    let is_name = |name: &str| {
        name.chars().filter(|c| c.is_alphabetic()).count() >= 2 && !name.chars().any(|c| c.is_ascii_digit())
    };
    let fits = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
    let called = name.is_none_or(|name| is_name(name) && fits(name, 80));
    // Where it is the street and the town alone, a town is written as one.
    let sure = name.is_some() || country.is_some() || city.trim().starts_with(char::is_uppercase);
    let placed = sure && city.chars().all(|c| !c.is_ascii_digit()) && fits(city, 80);
    if !(coded && placed && called && numbered(street) && fits(street, 60)) {
        return None;
    }
    let mut address = json!({ "street": street, "postcode": postcode, "city": city.trim() });
    for (key, part) in [("name", name), ("extra", extra)] {
        if let Some(part) = part {
            address[key] = json!(part);
        }
    }
    if let Some(country) = country {
        address["country"] = json!(country);
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_parts_is_read() {
        let want = json!({
            "name": "Anna Huber", "street": "Neue Straße 7", "postcode": "4020", "city": "Linz", "country": "AT",
        });
        for text in [
            "Please send order 1001 to: Anna Huber, Neue Straße 7, 4020 Linz, Austria",
            "Anna Huber\nNeue Straße 7\n4020 Linz\nÖsterreich",
            "New address: Anna Huber, Neue Straße 7, 4020 Linz, AT.",
            "Please change the address of order 1001 to Anna Huber, Neue Straße 7, 4020 Linz, Austria, please. Thanks!",
        ] {
            assert_eq!(read(text), Some(want.clone()), "{text}");
        }
        assert_eq!(
            read("A. Huber, Hauptplatz 1, Top 4, 4810 Gmunden, Austria").unwrap()["extra"],
            "Top 4"
        );
    }

    #[test]
    fn name_and_country_may_stay_as_they_are() {
        let want = json!({ "street": "Hauptstr. 5", "postcode": "1010", "city": "Wien" });
        for text in [
            "please send it to Hauptstr. 5, 1010 Wien",
            "Bitte schicken Sie es an Hauptstr. 5, 1010 Wien, danke!",
            "Hauptstr. 5, 1010 Wien",
        ] {
            assert_eq!(read(text), Some(want.clone()), "{text}");
        }
        for text in [
            "Please send it to Hauptstr. 5, 1010 Wien. My e-mail is [EMAIL_1]",
            "Hauptstr. 5, 1010 Wien, [EMAIL_1]",
            "[EMAIL_1], Hauptstr. 5, 1010 Wien",
        ] {
            assert_eq!(read(text), Some(want.clone()), "{text}");
        }
        let with_floor = read("Bitte liefern an: An der Donau 5, Top 4, 4020 Linz").unwrap();
        assert_eq!(
            (with_floor["street"].as_str(), with_floor["extra"].as_str()),
            (Some("An der Donau 5"), Some("Top 4"))
        );
        assert_eq!(
            read("Schicken Sie es bitte an An der Donau 5, 4020 Linz").unwrap()["street"],
            "An der Donau 5"
        );
    }

    #[test]
    fn what_is_unclear_is_not_guessed() {
        for text in [
            "",
            "Linz",
            "Send it to my office",
            "Neue Straße 7, Linz",
            "Anna, Neue Straße, 4020 Linz, Austria",
            "Anna Huber, Neue Straße 7, Linz, Austria",
            "Anna Huber, Neue Straße 7, 4020 Linz, Atlantis",
            "1, 2, 3 4, at",
            "I ordered 2 lamps, 1010 days ago",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
