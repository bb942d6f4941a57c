//! Money: whole minor units (cents) with their currency. There is no arithmetic between
//! currencies: an amount that doesn't fit its currency isn't one. Only a share is rounded, down.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest amount that is handled, in minor units: far above any order, far below overflow.
const MOST: i64 = 100_000_000_000;

/// A currency by its ISO 4217 code, in capitals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");

    /// Reads three letters of any case.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.trim().as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Self(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// Decimals of its minor unit (ISO 4217): two for most, none for yen and a few, three for
    /// some dinars.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF"
            | b"UGX" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl TryFrom<String> for Currency {
    type Error = String;
    fn try_from(code: String) -> Result<Self, String> {
        Self::parse(&code).ok_or_else(|| format!("`{code}` is no currency code"))
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$" })
    }
}

/// An amount of zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// In minor units.
    pub minor: i64,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// Nothing.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a plain decimal as shops' interfaces write it, `89`, `89.9` or `89.00`: digits with
    /// at most one point. More decimals than the currency has are taken only when they are zeros.
    #[must_use]
    pub fn parse(text: &str, currency: Currency) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 12 || !digits(whole) || !digits(fraction) {
            return None;
        }
        if text.ends_with('.') {
            return None;
        }
        let decimals = usize::try_from(currency.decimals()).ok()?;
        let (counted, rest) = fraction.split_at(fraction.len().min(decimals));
        if rest.bytes().any(|b| b != b'0') {
            return None;
        }
        let minor: i64 = format!("{whole}{counted:0<decimals$}").parse().ok()?;
        (minor <= MOST).then_some(Self { minor, currency })
    }

    /// The plain decimal, for example `89.00`.
    #[must_use]
    pub fn decimal(&self) -> String {
        let decimals = self.currency.decimals();
        if decimals == 0 {
            return self.minor.to_string();
        }
        let unit = 10_i64.pow(decimals);
        let width = usize::try_from(decimals).unwrap_or(2);
        format!("{}.{:0width$}", self.minor / unit, self.minor % unit)
    }

    /// What is left of it; none where the currencies differ or it is less than `other`.
    #[must_use]
    pub fn less(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_sub(other.minor)?;
        (self.currency == other.currency && minor >= 0).then_some(Self { minor, ..self })
    }

    /// So many parts of so many, rounded down to the minor unit; none of more than all, or of none.
    #[must_use]
    pub fn share(self, parts: u32, of: u32) -> Option<Self> {
        if parts > of {
            return None;
        }
        let minor = i128::from(self.minor)
            .checked_mul(parts.into())?
            .checked_div(of.into())?;
        Some(Self {
            minor: minor.try_into().ok()?,
            ..self
        })
    }

    /// Both together; none where the currencies differ or it is too much.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_add(other.minor)?;
        (self.currency == other.currency && minor <= MOST).then_some(Self { minor, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_of_a_shop_are_read_exactly() {
        let eur = Currency::EUR;
        for (text, minor) in [
            ("89.00", 8900),
            ("89", 8900),
            ("89.9", 8990),
            ("0.05", 5),
            ("38.7000", 3870),
        ] {
            assert_eq!(Money::parse(text, eur).map(|m| m.minor), Some(minor), "{text}");
        }
        for bad in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1,00",
            "1.001",
            "1e3",
            "1 0",
            "٣",
            "9999999999999",
            "1.0.0",
        ] {
            assert_eq!(Money::parse(bad, eur), None, "{bad}");
        }
        let yen = Currency::parse("jpy").unwrap();
        assert_eq!(Money::parse("500", yen).unwrap().to_string(), "500 JPY");
        assert_eq!(Money::parse("500.5", yen), None);
        let dinar = Currency::parse("KWD").unwrap();
        assert_eq!(Money::parse("1.5", dinar).unwrap().to_string(), "1.500 KWD");
    }

    #[test]
    fn currencies_dont_mix() {
        let (a, b) = (
            Money {
                minor: 5,
                currency: Currency::EUR,
            },
            Money {
                minor: 3,
                currency: Currency::parse("CHF").unwrap(),
            },
        );
        assert_eq!(a.less(b), None);
        assert_eq!(a.plus(b), None);
        assert_eq!(Money { minor: 3, ..a }.less(a), None);
    }

    #[test]
    fn a_share_is_rounded_down_and_never_more_than_all() {
        let all = Money {
            minor: 3_871,
            currency: Currency::EUR,
        };
        assert_eq!(all.share(1, 2).map(|m| m.minor), Some(1_935));
        assert_eq!(all.share(2, 2), Some(all));
        assert_eq!(all.share(3, 2), None);
        assert_eq!(all.share(0, 0), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor in 0..MOST, code in "[A-Z]{3}") {
            let money = Money { minor, currency: Currency::parse(&code).unwrap() };
            prop_assert_eq!(Money::parse(&money.decimal(), money.currency), Some(money));
        }
    }
}
