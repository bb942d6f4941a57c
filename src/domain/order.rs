//! An order as the hands see it, wherever it comes from: WooCommerce, or the demo store.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::money::Money;

/// The longest number of an order, in characters.
pub const LONGEST_NUMBER: usize = 32;

/// Whether a text can be an order's number: letters, digits and `-`, beginning with one of the
/// first two.
#[must_use]
pub fn is_number(text: &str) -> bool {
    (1..=LONGEST_NUMBER).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.as_bytes()[0] != b'-'
}

/// Where an order stands; names as WooCommerce has them, with `shipped`, which many shops add.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OrderStatus {
    /// Not paid yet.
    Pending,
    /// Paid, being prepared.
    Processing,
    /// Held back, for example until a transfer arrives.
    OnHold,
    /// On its way.
    Shipped,
    /// Done: delivered, or as good as.
    Completed,
    /// Called off.
    Cancelled,
    /// All of it was paid back.
    Refunded,
    /// The payment failed.
    Failed,
    /// A state of the shop's own.
    #[serde(untagged)]
    Other(String),
}

impl OrderStatus {
    /// Reads a shop's name of it.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        match name {
            "pending" => Self::Pending,
            "processing" => Self::Processing,
            "on-hold" => Self::OnHold,
            "shipped" => Self::Shipped,
            "completed" => Self::Completed,
            "cancelled" => Self::Cancelled,
            "refunded" => Self::Refunded,
            "failed" => Self::Failed,
            other => Self::Other(other.chars().take(40).collect()),
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::OnHold => "on-hold",
            Self::Shipped => "shipped",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Other(name) => name,
        }
    }

    /// Whether the goods haven't left yet, so that the address may still change.
    #[must_use]
    pub fn is_before_shipping(&self) -> bool {
        matches!(self, Self::Pending | Self::Processing | Self::OnHold)
    }
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderItem {
    /// What it is called.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// What all of them cost together.
    pub total: Money,
    /// The shop's own id of the product; none where the product is gone.
    #[serde(default)]
    pub product: Option<String>,
    /// The shop's categories of it, as slugs; none where they aren't known.
    pub categories: Option<Vec<String>>,
}

/// A postal address; with `Option<String>` one as a visitor gives it, of which name and country may
/// stay as they were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Address")]
pub struct Address<Stays = String> {
    /// Who it goes to; where it may be left out, whom it was to go to before.
    #[schemars(length(min = 1, max = 200))]
    pub name: Stays,
    /// Street and number.
    #[schemars(length(min = 1, max = 200))]
    pub street: String,
    /// A second line: floor, company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200))]
    pub extra: Option<String>,
    /// The postal code.
    #[schemars(length(min = 1, max = 20))]
    pub postcode: String,
    /// The town.
    #[schemars(length(min = 1, max = 100))]
    pub city: String,
    /// The country's code of two capitals (ISO 3166); where it may be left out, the same as before.
    #[schemars(regex(pattern = "^[A-Z]{2}$"))]
    pub country: Stays,
}

impl Address {
    /// On one line, for people.
    #[must_use]
    pub fn one_line(&self) -> String {
        let extra = self
            .extra
            .as_deref()
            .map(|e| format!("{e}, "))
            .unwrap_or_default();
        format!(
            "{}, {}, {extra}{} {}, {}",
            self.name, self.street, self.postcode, self.city, self.country
        )
    }
}

impl Address<Option<String>> {
    /// The whole address, with what stays of the one before; none where that doesn't say it.
    #[must_use]
    pub fn whole(self, before: Option<&Address>) -> Option<Address> {
        let stays = |given: Option<String>, part: fn(&Address) -> &String| {
            given.or_else(|| before.map(|a| part(a).clone()).filter(|p| !p.is_empty()))
        };
        Some(Address {
            name: stays(self.name, |a| &a.name)?,
            street: self.street,
            extra: self.extra,
            postcode: self.postcode,
            city: self.city,
            country: stays(self.country, |a| &a.country)?,
        })
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number, as the customer knows it.
    pub number: String,
    /// The billing e-mail.
    pub email: String,
    /// The account that it was placed from, in the shop's own numbering.
    pub customer: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// What was bought.
    pub items: Vec<OrderItem>,
    /// What it costs.
    pub total: Money,
    /// What was paid back of it so far.
    pub refunded: Money,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it was delivered, where the shop knows.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When the shop was done with it, as a rule because it was sent.
    #[serde(default)]
    pub completed_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The parcel's number.
    pub tracking: Option<String>,
    /// Where it goes.
    pub shipping: Option<Address>,
}

/// Whether two addresses of e-mail are the same to a shop: without case and blanks around.
/// Compared in constant time. An order without an address is nobody's.
#[must_use]
pub fn same_email(a: &str, b: &str) -> bool {
    let digest =
        |s: &str| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, s.trim().to_lowercase().as_bytes());
    aws_lc_rs::constant_time::verify_slices_are_equal(digest(a).as_ref(), digest(b).as_ref()).is_ok()
        && !a.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_keep_their_names() {
        for name in [
            "pending",
            "processing",
            "on-hold",
            "shipped",
            "completed",
            "cancelled",
            "refunded",
            "failed",
            "wc-odd",
        ] {
            let status = OrderStatus::parse(name);
            assert_eq!(status.as_str(), name);
            let json = serde_json::to_value(&status).unwrap();
            assert_eq!(json, name);
            assert_eq!(serde_json::from_value::<OrderStatus>(json).unwrap(), status);
        }
    }

    #[test]
    fn what_a_visitor_leaves_out_of_an_address_stays() {
        let given = serde_json::json!({ "street": "Neue Straße 7", "postcode": "4020", "city": "Linz" });
        let given: Address<Option<String>> = serde_json::from_value(given).unwrap();
        let before = Address {
            name: "Anna Huber".to_owned(),
            street: "Seegasse 4".to_owned(),
            extra: Some("Top 3".to_owned()),
            postcode: "4810".to_owned(),
            city: "Gmunden".to_owned(),
            country: "AT".to_owned(),
        };
        let whole = given.clone().whole(Some(&before)).unwrap();
        assert_eq!(whole.one_line(), "Anna Huber, Neue Straße 7, 4020 Linz, AT");
        assert_eq!(given.clone().whole(None), None);
        let nobody = Address {
            name: String::new(),
            ..before
        };
        assert_eq!(given.whole(Some(&nobody)), None);
        // A whole one has all of them.
        let lacks = serde_json::json!({ "name": "A", "street": "B 1", "postcode": "1", "city": "C" });
        assert!(serde_json::from_value::<Address>(lacks).is_err());
    }

    #[test]
    fn numbers_and_addresses_are_told_apart() {
        assert!(is_number("1001") && is_number("WC-2024-17"));
        for bad in ["", "-1", "1001/2", "../1", "1 0", "№1"] {
            assert!(!is_number(bad), "{bad}");
        }
        assert!(same_email(" Anna.Huber@Example.com ", "anna.huber@example.com"));
        assert!(!same_email("anna@example.com", "anna@example.co"));
        assert!(!same_email("", " "), "no address is nobody's");
    }
}
