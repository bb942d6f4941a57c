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

/// The address of a message, as the tool takes it; none when there is none, or it isn't clear.
pub fn read(message: &str) -> Option<Value> {
    // Before a colon stands what is to be done.
    let text = message.rsplit_once(':').map_or(message, |(_, after)| after);
    let parts: Vec<&str> = text
        .split([',', '\n', ';'])
        .map(|p| p.trim().trim_end_matches('.'))
        .filter(|p| !p.is_empty())
        .collect();
    let (country, rest) = parts.split_last()?;
    let country = COUNTRIES
        .iter()
        .find(|(name, _)| *name == country.to_lowercase())?
        .1;
    let (town, rest) = rest.split_last()?;
    let (postcode, city) = town.split_once(' ')?;
    let coded = (3..=10).contains(&postcode.len()) && postcode.bytes().any(|b| b.is_ascii_digit());
    let (name, street, extra) = match rest {
        [name, street] => (name, street, None),
        [name, street, extra] => (name, street, Some(extra)),
        _ => return None,
    };
    let numbered = street.chars().any(|c| c.is_ascii_digit()) && street.chars().any(char::is_alphabetic);
    let named =
        name.chars().filter(|c| c.is_alphabetic()).count() >= 2 && !name.chars().any(|c| c.is_ascii_digit());
    let fits = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
    if !(coded && numbered && named && fits(name, 80) && fits(street, 120) && fits(city, 80)) {
        return None;
    }
    let mut address = json!({
        "name": name, "street": street, "postcode": postcode, "city": city.trim(), "country": country,
    });
    if let Some(extra) = extra {
        address["extra"] = json!(extra);
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
        ] {
            assert_eq!(read(text), Some(want.clone()), "{text}");
        }
        assert_eq!(
            read("A. Huber, Hauptplatz 1, Top 4, 4810 Gmunden, Austria").unwrap()["extra"],
            "Top 4"
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
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
