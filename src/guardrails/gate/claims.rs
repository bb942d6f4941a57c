//! What a sentence says of a table: each figure, and each word that only a cell has, must be that
//! of the row that the sentence speaks of, and of the column where it names one.

use std::sync::Arc;

use super::figures::{Figure, Kind, Unit as Measure};
use super::negation::denies;
use super::tables::{Cell, Table};
use super::tongue::Tongue;
use super::words::{Term, same, terms};

/// A part of a sentence, as tables are asked about it.
#[derive(Debug)]
pub struct Said<'a> {
    figures: &'a [Figure],
    /// Its words, those of figures too.
    items: Vec<Term>,
    denies: bool,
    lower: String,
}

impl<'a> Said<'a> {
    /// Reads a part, which has these figures.
    pub fn read(part: &str, figures: &'a [Figure], tongue: Tongue) -> Self {
        let mut items = terms(part, tongue, &[]);
        items.retain(|t| part[t.at.clone()].contains(char::is_alphabetic));
        Self {
            figures,
            items,
            denies: denies(part),
            lower: part.to_lowercase(),
        }
    }
}

/// What a sentence says of one table, part by part.
#[derive(Debug)]
pub struct Claims {
    table: Arc<Table>,
    parts: Vec<Claim>,
}

#[derive(Debug)]
struct Claim {
    /// The rows that it speaks of; none where it names none.
    rows: Vec<usize>,
    holds: bool,
}

/// Who asks, and what else is known.
pub struct Around<'a> {
    /// The tongue of the sentence.
    pub tongue: Tongue,
    /// What the visitor asked about, where the sentence names no row.
    pub asked: &'a Said<'a>,
    /// Whether something else than a table has a word.
    pub elsewhere: &'a dyn Fn(&Term) -> bool,
}

impl Claims {
    /// Reads what the parts of a sentence say.
    pub fn read(table: &Arc<Table>, parts: &[Said<'_>], around: &Around<'_>) -> Self {
        let subjects: Vec<&Cell> = table.rows.iter().filter_map(|r| r.first()).collect();
        let mut rows: Vec<usize> = Vec::new();
        let mut all = Vec::new();
        let named_here: Vec<Vec<usize>> = parts.iter().map(|p| named(&subjects, p, around.tongue)).collect();
        if named_here.iter().all(Vec::is_empty) {
            rows = named(&subjects, around.asked, around.tongue);
        }
        for (part, here) in parts.iter().zip(named_here) {
            if !here.is_empty() {
                rows = here;
            }
            let columns = columns(table, part, around.tongue);
            let holds = figures_hold(table, &rows, &columns, part)
                && words_hold(table, &rows, &columns, part, around);
            all.push(Claim {
                rows: rows.clone(),
                holds,
            });
        }
        Self {
            table: Arc::clone(table),
            parts: all,
        }
    }

    /// Whether these are about a table.
    pub fn are_of(&self, table: &Arc<Table>) -> bool {
        Arc::ptr_eq(&self.table, table)
    }

    /// Whether the table says what a part, or the whole sentence, says of it.
    pub fn holds(&self, part: Option<usize>) -> bool {
        self.of(part).all(|c| c.holds)
    }

    /// Whether a row may bear out a part of the sentence, or the whole of it.
    pub fn allow(&self, part: Option<usize>, row: Option<usize>) -> bool {
        let of_it = |row| self.of(part).any(|c| c.rows.is_empty() || c.rows.contains(&row));
        self.holds(part) && row.is_none_or(of_it)
    }

    /// Whether a part speaks of rows of the table, and says what they say.
    pub fn confirm(&self, part: Option<usize>) -> bool {
        self.holds(part) && self.of(part).all(|c| !c.rows.is_empty())
    }

    fn of(&self, part: Option<usize>) -> impl Iterator<Item = &Claim> {
        let all = self.parts.iter().enumerate();
        all.filter(move |(i, _)| part.is_none_or(|p| p == *i))
            .map(|(_, c)| c)
    }
}

/// Which labels a part names, in the order in which it does: a word names the labels that fit the part
/// best of those that have it.
fn named(labels: &[&Cell], part: &Said<'_>, tongue: Tongue) -> Vec<usize> {
    let words = part.items.iter().map(|t| {
        let has = |c: &&Cell| c.items.iter().any(|i| same(&t.key, &i.key, tongue));
        (t.at.start, labels.iter().map(has).collect::<Vec<bool>>())
    });
    let figures = part.figures.iter().map(|f| {
        let has = |c: &&Cell| c.says(f);
        (f.at.start, labels.iter().map(has).collect::<Vec<bool>>())
    });
    let mut mentions: Vec<(usize, Vec<bool>)> = words
        .chain(figures)
        .filter(|(_, of)| of.iter().any(|o| *o))
        .collect();
    mentions.sort_by_key(|(at, _)| *at);
    let fit: Vec<(usize, bool, usize)> = labels
        .iter()
        .enumerate()
        .map(|(k, label)| {
            let hits = mentions.iter().filter(|(_, of)| of[k]).count();
            let all = (label.items.len() + label.figures.len()).max(1);
            (hits, label.stands_in(&part.lower), 1_000 * hits.min(all) / all)
        })
        .collect();
    let mut out = Vec::new();
    for (_, of) in &mentions {
        let best = (0..labels.len()).filter(|k| of[*k]).map(|k| fit[k]).max();
        let new: Vec<usize> = (0..labels.len())
            .filter(|k| of[*k] && Some(fit[*k]) == best && !out.contains(k))
            .collect();
        out.extend(new);
    }
    out
}

/// The columns that a part names, beside that of the subjects.
fn columns(table: &Table, part: &Said<'_>, tongue: Tongue) -> Vec<usize> {
    let heads: Vec<&Cell> = table.head.iter().skip(1).collect();
    named(&heads, part, tongue).into_iter().map(|c| c + 1).collect()
}

fn figures_hold(table: &Table, rows: &[usize], columns: &[usize], part: &Said<'_>) -> bool {
    let values = |r: usize| table.rows[r].iter().enumerate().skip(1);
    let labels = |f: &Figure| {
        let subjects = rows
            .iter()
            .any(|r| table.rows[*r].first().is_some_and(|c| c.says(f)));
        subjects || columns.iter().any(|c| table.head[*c].says(f))
    };
    let concerned: Vec<&Figure> = part
        .figures
        .iter()
        .filter(|f| !labels(f))
        .filter(|f| (0..table.rows.len()).any(|r| values(r).any(|(_, c)| c.is_like(f))))
        .collect();
    concerned.iter().all(|f| {
        let alike: Vec<&&Figure> = concerned.iter().filter(|g| f.is_like(g)).collect();
        let rank = alike.iter().position(|g| g.at == f.at).unwrap_or(0);
        let asked: Vec<usize> = match rows {
            [] => (0..table.rows.len()).collect(),
            // `S, M and L are 22, 31 and 45 cm high`
            several if several.len() > 1 && several.len() == alike.len() => vec![several[rank]],
            _ => rows.to_vec(),
        };
        let mut said = false;
        let all = asked.iter().all(|r| {
            let like: Vec<usize> = values(*r).filter(|(_, c)| c.is_like(f)).map(|(c, _)| c).collect();
            let meant = meant(table, &like, columns, f);
            if meant.is_empty() {
                return rows.is_empty();
            }
            said = true;
            if meant.len() > 1 && meant.len() == alike.len() && asked.len() == 1 {
                return table.rows[*r][meant[rank]].says(f);
            }
            meant.iter().all(|c| table.rows[*r][*c].says(f))
        });
        all && (said || rows.is_empty())
    })
}

/// Of a row's cells that a figure could be meant to be, those that are meant: the named columns', in
/// the order in which they are named; of amounts of money else what something costs.
fn meant(table: &Table, like: &[usize], named: &[usize], figure: &Figure) -> Vec<usize> {
    let these: Vec<usize> = named.iter().copied().filter(|c| like.contains(c)).collect();
    if !these.is_empty() {
        return these;
    }
    let money = matches!(
        figure.kind,
        Kind::Amount {
            unit: Measure::Money(_),
            ..
        }
    );
    let costs: Vec<usize> = like
        .iter()
        .copied()
        .filter(|c| money && table.head[*c].items.iter().any(is_cost))
        .collect();
    if costs.is_empty() { like.to_vec() } else { costs }
}

/// Whether a word says that something costs.
pub fn is_cost(term: &Term) -> bool {
    use std::sync::LazyLock;
    static COST: LazyLock<Option<String>> =
        LazyLock::new(|| terms("cost", Tongue::English, &[]).pop().map(|t| t.key));
    COST.as_deref() == Some(term.key.as_str())
}

fn words_hold(
    table: &Table,
    rows: &[usize],
    columns: &[usize],
    part: &Said<'_>,
    around: &Around<'_>,
) -> bool {
    let has = |cell: &Cell, t: &Term| cell.items.iter().any(|i| same(&t.key, &i.key, around.tongue));
    let of_values = |t: &Term| -> Vec<usize> {
        let within = |r: &usize| table.rows[*r].iter().skip(1).any(|c| has(c, t));
        (0..table.rows.len()).filter(within).collect()
    };
    let words_fit = part.items.iter().filter(|t| t.weight >= 1.0).all(|t| {
        let labels = table
            .head
            .iter()
            .chain(table.rows.iter().filter_map(|r| r.first()));
        if labels.clone().any(|c| has(c, t)) || (around.elsewhere)(t) {
            return true;
        }
        let having = of_values(t);
        having.is_empty()
            || if rows.is_empty() {
                having.len() == table.rows.len()
            } else {
                rows.iter().all(|r| having.contains(r))
            }
    });
    let denied = |r: &usize| columns.iter().all(|c| table.rows[*r][*c].says_no);
    words_fit && (part.denies || columns.is_empty() || !rows.iter().any(denied))
}
