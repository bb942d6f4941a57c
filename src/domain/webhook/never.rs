//! Types of posts that are never taken in, whatever a site's plugin says: they hold people's data,
//! what visitors wrote, or what WordPress and its plugins keep for themselves. The plugin leaves
//! out the same ones, from the same file, which stands with it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The file.
const FILE: &str = include_str!("../../../wp-plugin/deskhand/src/Knowledge/never-taken-in.json");

static NEVER: LazyLock<BTreeSet<&str>> = LazyLock::new(|| serde_json::from_str(FILE).unwrap_or_default());

/// Whether posts of this type are never taken in. Where the list can't be read, no post is.
pub(super) fn holds(post_type: &str) -> bool {
    NEVER.is_empty() || NEVER.contains(post_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_bought_or_booked_is_on_the_list() {
        for kind in [
            "comment",
            "edd_payment",
            "flamingo_contact",
            "flamingo_inbound",
            "give_payment",
            "llms_order",
            "nf_sub",
            "revision",
            "shop_order",
            "shop_order_placehold",
            "shop_order_refund",
            "shop_subscription",
            "user_request",
            "wc_booking",
            "wpcf7_contact_form",
        ] {
            assert!(holds(kind), "{kind}");
        }
        for kind in ["post", "page", "product", "docs", "faq"] {
            assert!(!holds(kind), "{kind}");
        }
        let names: Vec<String> = serde_json::from_str(FILE).unwrap();
        assert!(
            names.is_sorted() && names.len() == NEVER.len(),
            "in order, each once"
        );
    }
}
