//! Figures of many tries: means with their intervals, times with their percentiles.

use serde::{Deserialize, Serialize};

use crate::evals::metrics::{interval, mean};

/// A mean with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// The interval's ends.
    pub ci: [f64; 2],
    /// Of how many values.
    pub n: usize,
}

impl Mean {
    /// Of these; none of nothing.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        (!values.is_empty()).then(|| Self {
            mean: mean(values),
            ci: interval(values),
            n: values.len(),
        })
    }
}

/// Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Times {
    /// The mean.
    #[serde(flatten)]
    pub mean: Mean,
    /// The median.
    pub p50: f64,
    /// The 95th percentile (the nearest rank).
    pub p95: f64,
}

impl Times {
    /// Of these; none of nothing.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        let mean = Mean::of(&values)?;
        values.sort_by(f64::total_cmp);
        let rank = |percent: usize| values[(values.len() * percent).div_ceil(100).max(1) - 1];
        Some(Self {
            mean,
            p50: rank(50),
            p95: rank(95),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times = Times::of((1..=20).map(f64::from).collect()).unwrap();
        assert_eq!((times.p50, times.p95, times.mean.mean), (10.0, 19.0, 10.5));
        assert_eq!(Times::of(vec![7.0]).unwrap().p95, 7.0);
        assert_eq!(Times::of(vec![]), None);
    }
}
