//! The keys of `[moderation]`.

use super::keys::{Key, key, text};

/// All of them, in the order of the reference.
pub const MODERATION_KEYS: &[Key] = &[
    text(
        "moderation.url",
        &["DESKHAND_MODERATION_URL"],
        None,
        "an https URL without user, query and fragment; http to this machine or a private network",
        "A moderation endpoint in OpenAI's protocol, up to and without `/moderations`. Visitors' messages are sent to it before any model sees them, and each sentence of an answer before it is released, personal data behind placeholders. Not set: the closed rules alone, which always hold.",
    ),
    text(
        "moderation.api_key",
        &["DESKHAND_MODERATION_API_KEY"],
        None,
        "the endpoint's key",
        "Sent to it as a bearer token.",
    ),
    text(
        "moderation.api_key_file",
        &["DESKHAND_MODERATION_API_KEY_FILE"],
        None,
        "a file that holds the key",
        "Used when `moderation.api_key` isn't set.",
    ),
    text(
        "moderation.model",
        &["DESKHAND_MODERATION_MODEL"],
        Some("omni-moderation-latest"),
        "a model's name, up to 200 characters without blanks",
        "The model that is asked.",
    ),
    key(
        "moderation.ms",
        &["DESKHAND_MODERATION_MS"],
        Some("1000"),
        "50 to 10000, and at most half of `agent.first_ms`",
        "Time for one call, in milliseconds. After five failures within a minute the endpoint is left alone for a minute.",
    ),
    key(
        "moderation.closed",
        &["DESKHAND_MODERATION_CLOSED"],
        Some("false"),
        "true or false",
        "While the endpoint gives no answer: `false`: the closed rules decide alone; `true`: nothing passes, a person answers.",
    ),
    text(
        "moderation.ignore",
        &["DESKHAND_MODERATION_IGNORE"],
        Some("harassment"),
        "names of the endpoint's categories with commas between",
        "Categories that trip nothing: an angry customer is answered.",
    ),
];
