//! What tokens cost, in whole numbers: a millionth of the currency's unit is the smallest
//! amount, so that a single token can be priced and sums are exact. Costs round up: a cap
//! that is kept by them is kept in truth.

use std::fmt;
use std::str::FromStr;

use super::chat::Usage;

/// Millionths of a currency's unit: 1.00 is 1 000 000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub u64);

impl Micros {
    /// What amounts look like in the configuration.
    pub const ALLOWED: &'static str = "an amount with up to six decimals, for example \"0.15\"";
    /// The largest that is taken: a billion units.
    pub const MOST: Self = Self(1_000_000_000_000_000);

    /// The sum, which stays at the largest number instead of wrapping.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl FromStr for Micros {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}`");
        let text_trimmed = text.trim();
        let (whole, part) = text_trimmed.split_once('.').unwrap_or((text_trimmed, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 6 || whole.len() > 10 {
            return Err(wrong());
        }
        let number = format!("{whole}{part:0<6}");
        let micros = Self(number.parse().map_err(|_| wrong())?);
        if micros > Self::MOST {
            Err(wrong())
        } else {
            Ok(micros)
        }
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:06}", self.0 % 1_000_000);
        // Two decimals at least, as people write money.
        let part = format!("{:0<2}", part.trim_end_matches('0'));
        write!(f, "{}.{part}", self.0 / 1_000_000)
    }
}

/// A model's prices per million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// Of what is sent.
    pub input: Micros,
    /// Of what is written.
    pub output: Micros,
}

impl Price {
    /// What a call cost, rounded up to the next millionth.
    #[must_use]
    pub fn cost(&self, usage: Usage) -> Micros {
        let sum = u128::from(usage.input) * u128::from(self.input.0)
            + u128::from(usage.output) * u128::from(self.output.0);
        Micros(u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }

    /// What a call can cost at most, before it is made: `input` tokens as counted (or
    /// estimated upward, `tokens.rs`) and an answer of full length.
    #[must_use]
    pub fn most(&self, input: u32, max_tokens: u32) -> Micros {
        self.cost(Usage {
            input,
            output: max_tokens,
        })
    }

    /// Whether nothing is ever charged.
    #[must_use]
    pub fn is_free(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_and_written_exactly() {
        for (text, micros, written) in [
            ("0.15", 150_000, "0.15"),
            ("5", 5_000_000, "5.00"),
            ("5.00", 5_000_000, "5.00"),
            ("0.000001", 1, "0.000001"),
            ("12.3456", 12_345_600, "12.3456"),
            (" 0.6 ", 600_000, "0.60"),
        ] {
            let read: Micros = text.parse().unwrap();
            assert_eq!((read, read.to_string().as_str()), (Micros(micros), written));
        }
        for wrong in [
            "",
            ".",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            "0.0000001",
            "99999999999",
            "NaN",
            "٣",
        ] {
            assert!(wrong.parse::<Micros>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_call_costs_what_its_tokens_cost_rounded_up() {
        let price = Price {
            input: Micros(150_000),
            output: Micros(600_000),
        };
        let usage = |input, output| Usage { input, output };
        assert_eq!(price.cost(usage(1_000_000, 1_000_000)), Micros(750_000));
        assert_eq!(price.cost(usage(1, 0)), Micros(1));
        assert_eq!(price.cost(usage(0, 0)), Micros(0));
        assert_eq!(price.cost(usage(1000, 200)), Micros(270));
        let most = Price {
            input: Micros::MOST,
            output: Micros::MOST,
        };
        assert_eq!(
            most.cost(usage(u32::MAX, u32::MAX)),
            Micros(8_589_934_590_000_000_000)
        );
    }

    proptest! {
        #[test]
        fn amounts_survive_being_written(micros in 0..=Micros::MOST.0) {
            prop_assert_eq!(Micros(micros).to_string().parse(), Ok(Micros(micros)));
        }

        #[test]
        fn what_is_reserved_covers_what_is_spent(
            (input, output) in (0..=10_000_000_u64, 0..=10_000_000_u64),
            (sent, limit) in (0..=1_000_000_u32, 0..=100_000_u32),
            part in 0.0..=1.0_f64,
        ) {
            let price = Price { input: Micros(input), output: Micros(output) };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and limit")]
            let written = (f64::from(limit) * part) as u32;
            let spent = price.cost(Usage { input: sent, output: written });
            prop_assert!(spent <= price.most(sent, limit));
        }
    }
}
