//! A share of a whole, as people write it.

/// Percent: of `35`, `35%` and `0.35` the same. `1` is one percent, `1.0` all.
pub(super) fn share(text: &str) -> Option<u8> {
    let (number, percent) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), true),
        None => (text, !text.contains('.')),
    };
    let value: f64 = number.parse().ok()?;
    let value = if percent { value } else { value * 100.0 };
    (0..=100_u8).find(|whole| (f64::from(*whole) - value).abs() <= 0.5)
}
