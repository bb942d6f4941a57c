//! Places that visitors name and pages don't: a page that speaks of the EU answers one
//! who lives in Vienna. European countries, their people and their largest cities.

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

/// The countries and unions of the places that a question names.
#[must_use]
pub fn wider(question: &str) -> Vec<Wider> {
    let asked: Vec<String> = words(question).into_iter().map(|w| w.lower).collect();
    let mut out: Vec<Wider> = Vec::new();
    for line in PLACES.lines().filter(|l| !l.is_empty()) {
        let Some((head, tail)) = line.split_once(':') else {
            continue;
        };
        let (union, names) = head.split_once(' ').unwrap_or(("", head));
        let named = |name: &str| {
            let parts: Vec<&str> = name.split(' ').collect();
            asked
                .windows(parts.len())
                .find(|w| *w == parts.as_slice())
                .map(<[String]>::to_vec)
        };
        let by_name: Vec<String> = names.split('|').filter_map(named).flatten().collect();
        let by_part: Vec<String> = tail.split_whitespace().filter_map(named).flatten().collect();
        let all = [by_name.clone(), by_part.clone()].concat();
        if all.is_empty() {
            continue;
        }
        for name in names.split('|').filter(|n| named(n).is_none()) {
            out.push(Wider {
                name,
                weight: COUNTRY,
                stands_for: all.clone(),
            });
        }
        if union == "EU" {
            for name in ["EU", "european"] {
                out.push(Wider {
                    name,
                    weight: UNION,
                    stands_for: all.clone(),
                });
            }
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
