//! What a site says of a customer who is logged in there: the profile that a session begins with
//! (AGT-12).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::address;

/// The longest name, in characters.
const NAME: usize = 200;
/// Orders that are kept.
const ORDERS: usize = 20;

/// A customer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// As the site shows it; may be empty.
    #[serde(default)]
    pub name: String,
    /// The address of the account.
    pub email: Option<String>,
    /// The last orders, as the site has them.
    #[serde(default)]
    pub orders: Vec<Value>,
}

impl Customer {
    /// Reads a site's answer. What can't be is left out.
    #[must_use]
    pub fn read(answer: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(answer).ok()?;
        let name: String = read.name.chars().filter(|c| !c.is_control()).take(NAME).collect();
        Some(Self {
            name: name.split_whitespace().collect::<Vec<_>>().join(" "),
            email: read
                .email
                .map(|e| e.trim().to_owned())
                .filter(|e| address::is_email(e)),
            orders: read.orders.into_iter().take(ORDERS).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cant_be_is_left_out() {
        let read = |text: &str| Customer::read(text.as_bytes());
        let anna =
            read(r#"{"name": " Anna\n Huber ", "email": "anna@example.com", "orders": [{"id": 1}], "x": 1}"#);
        let anna = anna.unwrap();
        assert_eq!(anna.name, "Anna Huber");
        assert_eq!(anna.email.as_deref(), Some("anna@example.com"));
        assert_eq!(anna.orders.len(), 1);
        let none = read(r#"{"name": "", "email": "nobody"}"#).unwrap();
        assert_eq!((none.name.as_str(), none.email), ("", None));
        assert!(read("").is_none() && read("[]").is_none() && read(r#"{"name": 1}"#).is_none());
    }
}
