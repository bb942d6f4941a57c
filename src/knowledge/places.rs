//! Places that visitors name and pages don't: a page that speaks of the EU answers one
//! who lives in Vienna. European countries, their people and their largest cities.

use std::sync::LazyLock;

use crate::knowledge::words::words;

/// How much the country's own name counts when a visitor named its city.
pub const COUNTRY: f64 = 0.8;
/// How much a union of countries counts when one of them was named.
pub const UNION: f64 = 0.6;

/// What may stand for a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Wider {
    /// The country, or the union that it is in.
    pub name: &'static str,
    /// [`COUNTRY`] or [`UNION`].
    pub weight: f64,
    /// The words of the question that it may stand for, in lower case.
    pub stands_for: Vec<String>,
}

/// The country's names (`|` between them), then its people and cities; `EU` first marks
/// the members of the European Union.
const PLACES: &str = "
EU austria|österreich: austrian vienna wien graz linz salzburg innsbruck klagenfurt
EU germany|deutschland: german berlin munich münchen hamburg cologne köln frankfurt stuttgart düsseldorf leipzig dresden nuremberg nürnberg hannover bremen
EU france|frankreich: french paris lyon marseille nice toulouse bordeaux strasbourg lille
EU spain|spanien: spanish madrid barcelona valencia seville sevilla malaga bilbao
EU italy|italien: italian rome milan naples turin florence venice bologna mailand rom
EU portugal|portugal: portuguese lisbon porto lissabon
EU netherlands|holland|niederlande: dutch amsterdam rotterdam utrecht hague
EU belgium|belgien: belgian brussels antwerp ghent brüssel
EU luxembourg|luxemburg: luxembourgish
EU denmark|dänemark: danish copenhagen kopenhagen aarhus
EU sweden|schweden: swedish stockholm gothenburg malmö
EU finland|finnland: finnish helsinki tampere
EU poland|polen: polish warsaw krakow warschau gdansk wroclaw
EU czechia|czech republic|tschechien: czech prague prag brno
EU slovakia|slowakei: slovak bratislava
EU slovenia|slowenien: slovenian ljubljana
EU hungary|ungarn: hungarian budapest
EU croatia|kroatien: croatian zagreb split
EU romania|rumänien: romanian bucharest
EU bulgaria|bulgarien: bulgarian sofia
EU greece|griechenland: greek athens athen thessaloniki
EU ireland|irland: irish dublin cork
EU estonia|estland: estonian tallinn
EU latvia|lettland: latvian riga
EU lithuania|litauen: lithuanian vilnius
EU cyprus|zypern: cypriot nicosia
EU malta|malta: maltese valletta
-- switzerland|schweiz: swiss zurich zürich geneva basel bern lausanne lucerne luzern
-- norway|norwegen: norwegian oslo bergen trondheim
-- liechtenstein|liechtenstein: vaduz
-- iceland|island: icelandic reykjavik
-- uk|united kingdom|britain|england|großbritannien: british english london manchester birmingham edinburgh glasgow liverpool bristol leeds scotland wales scottish welsh
-- turkey|türkei: turkish istanbul ankara
-- ukraine|ukraine: ukrainian kyiv kiev
-- serbia|serbien: serbian belgrade belgrad
-- usa|united states|america: american chicago boston seattle
-- canada|kanada: canadian toronto montreal vancouver
";

/// A line of the table, its names cut into words.
struct Place {
    in_union: bool,
    names: Vec<(&'static str, Vec<&'static str>)>,
    parts: Vec<&'static str>,
}

static TABLE: LazyLock<Vec<Place>> = LazyLock::new(|| {
    let lines = PLACES.lines().filter_map(|line| line.split_once(':'));
    let place = |(head, tail): (&'static str, &'static str)| {
        let (union, names) = head.split_once(' ').unwrap_or(("", head));
        Place {
            in_union: union == "EU",
            names: names.split('|').map(|n| (n, n.split(' ').collect())).collect(),
            parts: tail.split_whitespace().collect(),
        }
    };
    lines.map(place).collect()
});

/// The countries and unions of the places that a question names.
#[must_use]
pub fn wider(question: &str) -> Vec<Wider> {
    let asked: Vec<String> = words(question).into_iter().map(|w| w.lower).collect();
    let named = |words: &[&str]| asked.windows(words.len()).any(|w| w == words);
    let mut out: Vec<Wider> = Vec::new();
    for place in &*TABLE {
        let by_name = place.names.iter().filter(|(_, words)| named(words));
        let by_name = by_name.flat_map(|(_, words)| words.iter().copied());
        let by_part = place
            .parts
            .iter()
            .copied()
            .filter(|part| asked.iter().any(|a| a == part));
        let all: Vec<String> = by_name.chain(by_part).map(str::to_owned).collect();
        if all.is_empty() {
            continue;
        }
        let mut add = |name: &'static str, weight: f64| {
            out.push(Wider {
                name,
                weight,
                stands_for: all.clone(),
            });
        };
        for (name, _) in place.names.iter().filter(|(_, words)| !named(words)) {
            add(name, COUNTRY);
        }
        if place.in_union {
            add("EU", UNION);
            add("european", UNION);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(question: &str) -> Vec<&'static str> {
        wider(question).into_iter().map(|w| w.name).collect()
    }

    #[test]
    fn a_city_brings_its_country_and_union() {
        assert_eq!(
            names("Do you deliver to Vienna?"),
            ["austria", "österreich", "EU", "european"]
        );
        assert_eq!(names("I live in Zürich"), ["switzerland", "schweiz"]);
        assert_eq!(names("delivery time Spain"), ["spanien", "EU", "european"]);
        assert_eq!(
            names("to the United Kingdom?"),
            ["uk", "britain", "england", "großbritannien"]
        );
        assert!(names("an oak desk").is_empty());
        assert_eq!(wider("to London")[0].stands_for, ["london"]);
    }
}
