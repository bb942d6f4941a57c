//! How good a ranking is. nDCG after Järvelin and Kekäläinen (2002), with the grade itself
//! as gain; recall and the reciprocal rank of the first right answer; means with bootstrap
//! confidence intervals.

use std::collections::{BTreeMap, HashMap};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// How many resamples an interval is made of.
const RESAMPLES: usize = 1_000;

/// What one ranking is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worth {
    /// nDCG of the first ten.
    pub ndcg10: f64,
    /// The share of the right documents among the first five.
    pub recall5: f64,
    /// One over the place of the first right one among the first ten.
    pub mrr: f64,
}

/// Measures a ranking of documents, best first, each once.
#[must_use]
pub fn worth(ranking: &[&str], grades: &HashMap<String, f64>) -> Worth {
    let grade = |d: &&str| grades.get(*d).copied().unwrap_or(0.0);
    #[expect(clippy::cast_precision_loss, reason = "at most ten")]
    let discount = |place: usize| ((place + 2) as f64).log2();
    let gained: f64 = ranking
        .iter()
        .take(10)
        .enumerate()
        .map(|(i, d)| grade(d) / discount(i))
        .sum();
    let mut best: Vec<f64> = grades.values().copied().collect();
    best.sort_by(|a, b| b.total_cmp(a));
    let ideal: f64 = best
        .iter()
        .take(10)
        .enumerate()
        .map(|(i, g)| g / discount(i))
        .sum();
    let right = |d: &&&str| grade(d) > 0.0;
    #[expect(clippy::cast_precision_loss, reason = "counts of documents")]
    let (found, all) = (
        ranking.iter().take(5).filter(right).count() as f64,
        grades.len().max(1) as f64,
    );
    let first = ranking.iter().take(10).position(|d| grade(d) > 0.0);
    #[expect(clippy::cast_precision_loss, reason = "at most ten")]
    Worth {
        ndcg10: if ideal > 0.0 { gained / ideal } else { 0.0 },
        recall5: found / all,
        mrr: first.map_or(0.0, |i| 1.0 / (i + 1) as f64),
    }
}

/// Means over queries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Means {
    /// Of [`Worth::ndcg10`].
    #[serde(rename = "ndcg@10")]
    pub ndcg10: f64,
    /// Of [`Worth::recall5`].
    #[serde(rename = "recall@5")]
    pub recall5: f64,
    /// Of [`Worth::mrr`].
    pub mrr: f64,
    /// By the same names: the lower and the upper end of the 95 % interval.
    pub ci: BTreeMap<&'static str, [f64; 2]>,
}

/// The means, with intervals by resampling queries; the same each time.
#[must_use]
pub fn means(all: &[Worth]) -> Means {
    let parts: [(&'static str, Vec<f64>); 3] = [
        ("ndcg@10", all.iter().map(|w| w.ndcg10).collect()),
        ("recall@5", all.iter().map(|w| w.recall5).collect()),
        ("mrr", all.iter().map(|w| w.mrr).collect()),
    ];
    let [ndcg10, recall5, mrr] = [0, 1, 2].map(|i: usize| mean(&parts[i].1));
    let ci = parts
        .iter()
        .map(|(name, values)| (*name, interval(values)))
        .collect();
    Means {
        ndcg10,
        recall5,
        mrr,
        ci,
    }
}

/// The mean, rounded to a millionth.
#[expect(clippy::cast_precision_loss, reason = "counts of queries")]
pub(super) fn mean(values: &[f64]) -> f64 {
    rounded(values.iter().sum::<f64>() / values.len().max(1) as f64)
}

fn rounded(value: f64) -> f64 {
    // Plus zero: minus zero is no figure.
    (value * 1e6).round() / 1e6 + 0.0
}

/// The 95 % interval of the mean, by resampling values; the same each time.
pub(super) fn interval(values: &[f64]) -> [f64; 2] {
    if values.is_empty() {
        return [0.0, 0.0];
    }
    let mut luck = StdRng::seed_from_u64(7);
    let mut resampled: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<f64> = values
                .iter()
                .map(|_| values[luck.random_range(0..values.len())])
                .collect();
            mean(&drawn)
        })
        .collect();
    resampled.sort_by(f64::total_cmp);
    [
        resampled[RESAMPLES * 25 / 1000],
        resampled[RESAMPLES * 975 / 1000 - 1],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades(of: &[(&str, f64)]) -> HashMap<String, f64> {
        of.iter().map(|(d, g)| ((*d).to_owned(), *g)).collect()
    }

    #[test]
    fn worth_is_as_worked_out_by_hand() {
        let grades = grades(&[("a", 2.0), ("b", 1.0)]);
        let perfect = worth(&["a", "b", "c"], &grades);
        assert_eq!((perfect.ndcg10, perfect.recall5, perfect.mrr), (1.0, 1.0, 1.0));
        // (1/1 + 2/log2(4)) / (2/1 + 1/log2(3))
        let later = worth(&["b", "c", "a"], &grades);
        assert!((later.ndcg10 - 2.0 / (2.0 + 1.0 / 3.0_f64.log2())).abs() < 1e-12);
        let sixth = worth(&["1", "2", "3", "4", "5", "a"], &grades);
        assert_eq!((sixth.recall5, sixth.mrr), (0.0, 1.0 / 6.0));
        let nothing = worth(&[], &grades);
        assert_eq!((nothing.ndcg10, nothing.recall5, nothing.mrr), (0.0, 0.0, 0.0));
    }

    #[test]
    fn an_interval_holds_the_mean_and_is_the_same_each_time() {
        let all: Vec<Worth> = (0..200)
            .map(|i| Worth {
                ndcg10: f64::from(i % 2),
                recall5: 1.0,
                mrr: 0.5,
            })
            .collect();
        let means = super::means(&all);
        let [low, high] = means.ci["ndcg@10"];
        assert!(
            low < means.ndcg10 && means.ndcg10 < high && high - low < 0.2,
            "{low} {high}"
        );
        assert_eq!(means.ci["recall@5"], [1.0, 1.0]);
        assert_eq!(super::means(&all), means);
    }
}
