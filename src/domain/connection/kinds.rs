//! The kinds of connections, one row each.

use super::tools::{HTTP_TOOL_KIND, MCP_KIND};
use super::{Form, Key, Kind, Secrecy, is_address};

/// A shop that runs WooCommerce.
pub const WOOCOMMERCE: &str = "woocommerce";

/// Notices to staff in Slack, or in a program that takes the same messages.
pub const SLACK: &str = "slack";
/// A system that gets a site's tickets by signed webhook.
pub const TICKET_WEBHOOK: &str = "ticket_webhook";
/// A GitHub repository whose issues mirror a site's tickets.
pub const GITHUB: &str = "github";
/// The kinds that mirror tickets.
pub const MIRRORS: &[&str] = &[TICKET_WEBHOOK, GITHUB];

const PERSONAL: Key = Key {
    name: "personal",
    form: Form::Bool,
    required: false,
    help: "true: personal data goes along; else placeholders stand for it",
};

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind {
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
    },
    Kind {
        name: SLACK,
        about: "notices of handoffs, tickets and trouble in a channel of Slack, or of a program that takes the same messages",
        several: false,
        keys: &[],
        secret: Secrecy::Needed(
            "the address of an incoming webhook: whoever has it can write into the channel",
        ),
        fits: is_address,
    },
    Kind {
        name: TICKET_WEBHOOK,
        about: "a system that is sent every ticket and every change of one, signed (Standard Webhooks)",
        several: true,
        keys: &[
            Key {
                name: "url",
                form: Form::Url,
                required: true,
                help: "where it is sent to, such as https://crm.example/hooks/tickets",
            },
            PERSONAL,
        ],
        secret: Secrecy::Needed(
            "what both sides know: whsec_ and base64, or a text of 16 characters and more",
        ),
        fits: is_signing_secret,
    },
    Kind {
        name: GITHUB,
        about: "a GitHub repository whose issues mirror the tickets",
        several: true,
        keys: &[
            Key {
                name: "repo",
                form: Form::Names,
                required: true,
                help: "owner/name",
            },
            Key {
                name: "labels",
                form: Form::Names,
                required: false,
                help: "labels of the issues, beside deskhand",
            },
            Key {
                name: "api",
                form: Form::Url,
                required: false,
                help: "the API's address where it isn't https://api.github.com, for GitHub Enterprise",
            },
            PERSONAL,
        ],
        secret: Secrecy::Needed("a token that may read and write the repository's issues"),
        fits: is_token,
    },
    MCP_KIND,
    HTTP_TOOL_KIND,
];

fn is_signing_secret(text: &str) -> bool {
    (16..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

fn is_token(text: &str) -> bool {
    (8..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_woocommerce_secret(text: &str) -> bool {
    let part = |text: &str, prefix: &str| {
        text.strip_prefix(prefix).is_some_and(|rest| {
            (8..=128).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        })
    };
    text.split_once(':')
        .is_some_and(|(key, secret)| part(key, "ck_") && part(secret, "cs_"))
}
