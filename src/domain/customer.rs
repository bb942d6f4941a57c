//! A customer who is logged in at the site: the account that their token names, and what the site
//! says of them, the profile that a session begins with (AGT-12).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::address;

/// The longest name, in characters.
const NAME: usize = 200;
/// Orders that are kept.
const ORDERS: usize = 20;

/// The account of WordPress that a visitor is logged in to, as the site's token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user's number there.
    pub user: i64,
    /// Where that WordPress says who its users are; another WordPress numbers its own anew.
    pub profile: String,
}

impl Account {
    /// Whether the account is one of the WordPress at this address, and not of another one in a
    /// folder beside it.
    #[must_use]
    pub fn is_at(&self, home: &str) -> bool {
        let rest = self.profile.strip_prefix(home.trim_end_matches('/'));
        rest.is_some_and(|rest| {
            ["/wp-json/", "/?rest_route=", "/index.php?rest_route="]
                .iter()
                .any(|rest_api| rest.starts_with(rest_api))
        })
    }
}

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
    fn an_account_is_of_one_wordpress() {
        let account = |profile: &str| Account {
            user: 7,
            profile: profile.to_owned(),
        };
        let shop = "https://shop.example";
        for profile in [
            "https://shop.example/wp-json/deskhand/v1/profile",
            "https://shop.example/?rest_route=/deskhand/v1/profile",
            "https://shop.example/index.php?rest_route=/deskhand/v1/profile",
        ] {
            assert!(account(profile).is_at(shop), "{profile}");
            assert!(account(profile).is_at("https://shop.example/"), "{profile}");
            assert!(!account(profile).is_at("https://shop.example/store"), "{profile}");
        }
        for other in [
            "https://shop.example/blog/wp-json/deskhand/v1/profile",
            "https://shop.example.evil.example/wp-json/deskhand/v1/profile",
            "http://shop.example/wp-json/deskhand/v1/profile",
            "",
        ] {
            assert!(!account(other).is_at(shop), "{other}");
        }
        let folder = account("https://shop.example/store/wp-json/deskhand/v1/profile");
        assert!(folder.is_at("https://shop.example/store") && !folder.is_at(shop));
    }

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
