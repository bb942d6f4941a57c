//! The kinds of connections, one row each.

use super::{Form, Key, Kind, Secrecy};

/// A shop that runs WooCommerce.
pub const WOOCOMMERCE: &str = "woocommerce";

/// All of them.
pub const KINDS: &[Kind] = &[Kind {
    name: WOOCOMMERCE,
    about: "orders, refunds and addresses of a shop that runs WooCommerce (REST API, version 3)",
    several: false,
    keys: &[Key {
        name: "url",
        form: Form::Url,
        required: true,
        help: "the shop's address, such as https://shop.example; where WordPress lies in a folder, with it",
    }],
    secret: Secrecy::Needed(
        "the key and its secret, ck_…:cs_…, made in WooCommerce under Settings, Advanced, REST API, with read and write access",
    ),
    fits: is_woocommerce_secret,
}];

fn is_woocommerce_secret(text: &str) -> bool {
    let part = |text: &str, prefix: &str| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            (8..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        })
    };
    text.split_once(':')
        .is_some_and(|(key, secret)| part(key, "ck_") && part(secret, "cs_"))
}
