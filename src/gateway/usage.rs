//! Usage as a table for spreadsheets: for each day one row that counts turns, and one for each
//! model that was called. A column is filled in one kind of row only, so that its sum is right.

use chrono::NaiveDate;

use crate::db::model_calls::DayOfCalls;
use crate::db::usage::DayOfTurns;

/// The names of the columns.
const COLUMNS: [&str; 13] = [
    "date",
    "site",
    "provider",
    "model",
    "turns",
    "answered",
    "handoffs",
    "degraded",
    "calls",
    "tokens_in",
    "tokens_out",
    "cost",
    "currency",
];

/// A site's usage.
pub struct Usage<'a> {
    /// Its slug.
    pub site: &'a str,
    /// Turns by day.
    pub turns: &'a [DayOfTurns],
    /// Calls of models by day, provider and model.
    pub calls: &'a [DayOfCalls],
}

/// The table, oldest day first.
#[must_use]
pub fn csv(all: &[Usage<'_>], currency: &str) -> String {
    let mut rows: Vec<(NaiveDate, [String; 13])> = Vec::new();
    for of in all {
        for t in of.turns {
            let [turns, answered, handoffs, degraded] =
                [t.turns, t.answered, t.handoffs, t.degraded].map(|n| n.to_string());
            let row = [
                t.day.to_string(),
                of.site.to_owned(),
                String::new(),
                String::new(),
                turns,
                answered,
                handoffs,
                degraded,
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ];
            rows.push((t.day, row));
        }
        for c in of.calls {
            let row = [
                c.day.to_string(),
                of.site.to_owned(),
                c.provider.clone(),
                c.model.clone(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
                c.calls.to_string(),
                c.tokens_in.to_string(),
                c.tokens_out.to_string(),
                format!(
                    "{}.{:06}",
                    c.cost_micro / 1_000_000,
                    c.cost_micro.rem_euclid(1_000_000)
                ),
                currency.to_owned(),
            ];
            rows.push((c.day, row));
        }
    }
    // Stable: within a day as they were given.
    rows.sort_by_key(|(day, _)| *day);
    let mut out = COLUMNS.join(",");
    out.push('\n');
    for (_, row) in rows {
        out.push_str(&row.map(|cell| quoted(&cell)).join(","));
        out.push('\n');
    }
    out
}

/// A cell as CSV has it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_sums_up_to_what_there_was() {
        let day = |d| NaiveDate::from_ymd_opt(2026, 3, d).unwrap();
        let turns = [DayOfTurns {
            day: day(2),
            turns: 5,
            answered: 3,
            handoffs: 1,
            degraded: 1,
        }];
        let call = |d, model: &str| DayOfCalls {
            day: day(d),
            provider: "main".to_owned(),
            model: model.to_owned(),
            calls: 4,
            tokens_in: 900,
            tokens_out: 70,
            cost_micro: 1_250_003,
        };
        let calls = [call(2, "large, \"new\""), call(1, "small")];
        let usage = Usage {
            site: "shop",
            turns: &turns,
            calls: &calls,
        };
        assert_eq!(
            csv(&[usage], "EUR"),
            "date,site,provider,model,turns,answered,handoffs,degraded,calls,tokens_in,tokens_out,cost,currency\n\
             2026-03-01,shop,main,small,,,,,4,900,70,1.250003,EUR\n\
             2026-03-02,shop,,,5,3,1,1,,,,,\n\
             2026-03-02,shop,main,\"large, \"\"new\"\"\",,,,,4,900,70,1.250003,EUR\n"
        );
    }
}
