//! What a site allows its agent's hands: the refund policy, and the tools that are switched
//! off. Read from the site's settings; a key that isn't there has its default.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::money::{Currency, Money};
use crate::domain::order::OrderStatus;
use crate::domain::refund::RefundPolicy;
use crate::domain::settings::{
    CONFIDENCE, REFUND_APPROVE_ALL, REFUND_EXCLUDED, REFUND_SOFT_LIMIT, REFUND_STATES, REFUND_WINDOW_DAYS,
    TOOLS_OFF,
};

/// A site's rules for the hands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// When money may go back.
    pub refund: RefundPolicy,
    /// Tools that answer `DISABLED` here.
    pub off: BTreeSet<String>,
    /// How well the best passage must fit for an answer, in percent.
    pub confidence: u8,
}

impl Rules {
    /// Reads them out of a site's settings. What can't be read holds as by default, which is
    /// the stricter way everywhere.
    #[must_use]
    pub fn read(settings: &Value) -> Self {
        let policy = RefundPolicy::default();
        let list = |key: &str| -> Option<Vec<String>> {
            let items = settings.get(key)?.as_array()?;
            Some(
                items
                    .iter()
                    .filter_map(|v| v.as_str().map(str::to_owned))
                    .collect(),
            )
        };
        let refund = RefundPolicy {
            window_days: settings
                .get(REFUND_WINDOW_DAYS)
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(policy.window_days),
            states: list(REFUND_STATES).map_or(policy.states, |all| {
                all.iter().map(|s| OrderStatus::parse(s)).collect()
            }),
            excluded_categories: list(REFUND_EXCLUDED).unwrap_or(policy.excluded_categories),
            soft_limit_minor: settings
                .get(REFUND_SOFT_LIMIT)
                .and_then(Value::as_str)
                .and_then(|text| Money::parse(text, Currency::EUR))
                .map_or(policy.soft_limit_minor, |m| m.minor),
            approve_all: settings
                .get(REFUND_APPROVE_ALL)
                .and_then(Value::as_bool)
                .unwrap_or(policy.approve_all),
        };
        Self {
            refund,
            off: list(TOOLS_OFF).unwrap_or_default().into_iter().collect(),
            confidence: settings
                .get(CONFIDENCE)
                .and_then(Value::as_u64)
                .and_then(|n| u8::try_from(n).ok())
                .unwrap_or_default()
                .min(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_site_without_settings_has_the_strict_ones() {
        assert_eq!(Rules::read(&json!({})), Rules::default());
        assert_eq!(
            Rules::read(&json!({"refund_approve_all": "no", "tools_off": 3})),
            Rules::default()
        );
        // What the command line says of a default is what holds.
        let said: serde_json::Map<String, Value> = crate::domain::settings::SETTINGS
            .iter()
            .map(|s| crate::domain::settings::parse(&format!("{}={}", s.key, s.default)))
            .filter_map(|parsed| parsed.ok().map(|(key, value)| (key.to_owned(), value)))
            .collect();
        assert_eq!(Rules::read(&Value::Object(said)), Rules::default());
        let set = Rules::read(&json!({
            "refund_window_days": 14, "refund_soft_limit": "20.50", "refund_approve_all": false,
            "refund_states": ["completed"], "refund_excluded": [], "tools_off": ["issue_refund"],
        }));
        assert_eq!(set.refund.soft_limit_minor, 2050);
        assert_eq!(set.refund.window_days, 14);
        assert!(!set.refund.approve_all && set.refund.excluded_categories.is_empty());
        assert_eq!(set.refund.states, [OrderStatus::Completed]);
        assert!(set.off.contains("issue_refund"));
    }
}
