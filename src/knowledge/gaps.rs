//! Questions that found nothing, for the operator to write about: kept without personal
//! data, and shown in groups of what is alike (AGT-18).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::db::gaps::{Gap, MAX_QUESTION};
use crate::db::pool::DbResult;
use crate::db::{gaps, pool::SiteTx};
use crate::knowledge::words::{Stemmer, words};

/// Two questions whose vectors are nearer than this ask for the same.
const SAME_MEANING: f64 = 0.7;
/// Without vectors: the share of their words that two questions have in common.
const SAME_WORDS: f64 = 0.5;

/// Keeps a question. What identifies a person in it goes first; a question of nothing else
/// isn't kept.
///
/// # Errors
/// When the database refuses or is away.
pub async fn keep(tx: &mut SiteTx, at: DateTime<Utc>, question: &str, locale: &str) -> DbResult<()> {
    let masked = masked(question);
    if !masked.chars().any(char::is_alphabetic) {
        return Ok(());
    }
    let gap = Gap {
        question: masked,
        locale: locale.chars().take(35).collect(),
        at,
    };
    gaps::insert(tx, &gap).await
}

/// The question without addresses and long numbers: what could be an e-mail address, a
/// phone, a card, an order or a link becomes `…`.
#[must_use]
pub fn masked(question: &str) -> String {
    let clean = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let private = word.contains('@') || digits >= 3 || word.contains("://") || word.len() > 60;
        if private {
            "…".to_owned()
        } else {
            word.to_owned()
        }
    };
    let words: Vec<String> = question.split_whitespace().map(clean).collect();
    let mut out = words.join(" ");
    while out.contains("… …") {
        out = out.replace("… …", "…");
    }
    out.chars().take(MAX_QUESTION).collect()
}

/// Questions that ask for the same.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Group {
    /// The newest of them.
    pub question: String,
    /// How many there are.
    pub count: usize,
    /// When the newest was asked.
    pub last_at: DateTime<Utc>,
    /// Other wordings, newest first, a few.
    pub also: Vec<String>,
}

/// How many other wordings a group shows.
const ALSO: usize = 4;

/// Groups questions, given newest first, with their vectors where there are any; the
/// largest group first.
#[must_use]
pub fn grouped(gaps: &[Gap], vectors: Option<&[Vec<f32>]>) -> Vec<Group> {
    let stems: Vec<BTreeSet<String>> = gaps.iter().map(|g| stems(&g.question)).collect();
    let alike = |a: usize, b: usize| match vectors {
        Some(vectors) => cosine(&vectors[a], &vectors[b]) >= SAME_MEANING,
        None => shared(&stems[a], &stems[b]) >= SAME_WORDS,
    };
    // Each goes to the first group whose newest question it is like.
    let mut groups: Vec<(usize, Group)> = Vec::new();
    for (i, gap) in gaps.iter().enumerate() {
        match groups.iter_mut().find(|(leader, _)| alike(*leader, i)) {
            Some((_, group)) => {
                group.count += 1;
                let new = gap.question != group.question && !group.also.contains(&gap.question);
                if new && group.also.len() < ALSO {
                    group.also.push(gap.question.clone());
                }
            }
            None => groups.push((
                i,
                Group {
                    question: gap.question.clone(),
                    count: 1,
                    last_at: gap.at,
                    also: Vec::new(),
                },
            )),
        }
    }
    let mut groups: Vec<Group> = groups.into_iter().map(|(_, g)| g).collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then(b.last_at.cmp(&a.last_at)));
    groups
}

fn stems(question: &str) -> BTreeSet<String> {
    let english = Stemmer::of("english");
    let telling = words(question)
        .into_iter()
        .map(|w| w.lower)
        .filter(|w| w.chars().count() > 3);
    telling.map(|w| english.stem(&w)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a question's words")]
fn shared(a: &BTreeSet<String>, b: &BTreeSet<String>) -> f64 {
    a.intersection(b).count() as f64 / a.union(b).count().max(1) as f64
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_identifies_a_person_is_not_kept() {
        assert_eq!(
            masked("Where is  order 10023 for ann@example.com, phone +44 7700 900123?"),
            "Where is order … for … phone +44 …"
        );
        assert_eq!(masked("Do you sell E27 bulbs?"), "Do you sell E27 bulbs?");
        assert_eq!(masked(&"word ".repeat(500)).chars().count(), MAX_QUESTION);
    }

    #[test]
    fn alike_questions_are_one_group() {
        let gap = |minutes: i64, question: &str| Gap {
            question: question.to_owned(),
            locale: "en".to_owned(),
            at: DateTime::UNIX_EPOCH - TimeDelta::minutes(minutes),
        };
        let gaps = [
            gap(1, "Do you ship to Japan?"),
            gap(2, "Is there a student discount?"),
            gap(3, "do you ship japan"),
        ];
        let by_words = grouped(&gaps, None);
        assert_eq!((by_words.len(), by_words[0].count), (2, 2));
        assert_eq!(by_words[0].also, ["do you ship japan"]);
        let vectors = vec![vec![1.0, 0.0], vec![0.9, 0.436], vec![0.0, 1.0]];
        let by_meaning = grouped(&gaps, Some(&vectors));
        assert_eq!(by_meaning[0].question, "Do you ship to Japan?");
        assert_eq!(by_meaning[0].also, ["Is there a student discount?"]);
        assert!(grouped(&[], None).is_empty());
    }
}
