//! The refund policy: data, and the one pure function that reads it. The hands ask it
//! before a proposal is made, and again before money moves.

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::money::Money;
use crate::domain::order::{Order, OrderStatus};

/// What a site allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RefundPolicy {
    /// Days from delivery; where the shop doesn't know that, from the day it was done with the
    /// order; else from the day it was placed.
    pub window_days: u32,
    /// The states in which an order may be paid back.
    pub states: Vec<OrderStatus>,
    /// Categories that are never paid back, as slugs.
    pub excluded_categories: Vec<String>,
    /// Above this amount staff approve, in hundredths of the order's currency.
    pub soft_limit_minor: i64,
    /// Staff approve every refund. A site begins so when refunds are first switched on.
    pub approve_all: bool,
}

impl Default for RefundPolicy {
    fn default() -> Self {
        Self {
            window_days: 30,
            states: vec![OrderStatus::Completed, OrderStatus::Processing],
            excluded_categories: vec!["made-to-measure".to_owned(), "gift-card".to_owned()],
            soft_limit_minor: 50_00,
            approve_all: true,
        }
    }
}

/// Why an order can't be paid back, or why somebody has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// The time for it is over.
    OutsideWindow,
    /// Not in this state of the order.
    WrongState,
    /// Only things that are never paid back.
    ExcludedItems,
    /// Some of its things are never paid back; the amount leaves them out.
    SomeItemsExcluded,
    /// All of it was paid back already.
    AlreadyRefunded,
    /// More than the site lets pass without a person.
    AboveSoftLimit,
    /// The site has a person look at every refund.
    ApprovalForAll,
}

/// What the policy says of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundVerdict {
    /// Whether anything may be paid back.
    pub eligible: bool,
    /// Why not, or why somebody must look.
    pub reasons: Vec<RefundReason>,
    /// What may be paid back at most.
    pub max: Money,
    /// Whether paying back `max` needs staff's approval.
    pub needs_approval: bool,
}

impl RefundPolicy {
    /// Names exactly this policy: a proposal that was made under another one is void.
    #[must_use]
    pub fn version(&self) -> String {
        let written = serde_json::to_vec(self).unwrap_or_default();
        hex::encode(&Sha256::digest(written)[..8])
    }

    /// Whether paying an amount of an order back has to be approved by staff. What went back of it
    /// before counts, so that many small refunds don't pass where a large one wouldn't.
    #[must_use]
    pub fn needs_approval(&self, order: &Order, amount: Money) -> bool {
        // Not every currency's minor unit is a hundredth.
        let unit = 10_i128.pow(amount.currency.decimals());
        let back = i128::from(order.refunded.minor) + i128::from(amount.minor);
        self.approve_all || back * 100 > i128::from(self.soft_limit_minor) * unit
    }

    /// What may be paid back of an order at this moment.
    #[must_use]
    pub fn check(&self, order: &Order, now: DateTime<Utc>) -> RefundVerdict {
        let none = Money::zero(order.total.currency);
        let refuse = |reason| RefundVerdict {
            eligible: false,
            reasons: vec![reason],
            max: none,
            needs_approval: false,
        };
        let left = order.total.less(order.refunded).unwrap_or(none);
        if order.status == OrderStatus::Refunded || (left.minor == 0 && order.refunded.minor > 0) {
            return refuse(RefundReason::AlreadyRefunded);
        }
        if !self.states.contains(&order.status) {
            return refuse(RefundReason::WrongState);
        }
        let from = order
            .delivered_at
            .or(order.completed_at)
            .unwrap_or(order.placed_at);
        if now - from > TimeDelta::days(i64::from(self.window_days)) {
            return refuse(RefundReason::OutsideWindow);
        }
        // What isn't known could be anything.
        let is_excluded = |categories: &Option<Vec<String>>| match categories {
            Some(categories) => categories
                .iter()
                .any(|c| self.excluded_categories.iter().any(|e| e == c)),
            None => !self.excluded_categories.is_empty(),
        };
        let kept = order
            .items
            .iter()
            .filter(|i| is_excluded(&i.categories))
            .try_fold(none, |sum, i| sum.plus(i.total));
        let excluded = order.items.iter().filter(|i| is_excluded(&i.categories)).count();
        if excluded > 0 && excluded == order.items.len() {
            return refuse(RefundReason::ExcludedItems);
        }
        // Sums that can't be made (mixed currencies) leave nothing to pay back by rule.
        let Some(max) = kept.and_then(|kept| left.less(kept)).filter(|m| m.minor > 0) else {
            return refuse(RefundReason::ExcludedItems);
        };
        let mut reasons = Vec::new();
        if excluded > 0 {
            reasons.push(RefundReason::SomeItemsExcluded);
        }
        if self.approve_all {
            reasons.push(RefundReason::ApprovalForAll);
        } else if self.needs_approval(order, max) {
            reasons.push(RefundReason::AboveSoftLimit);
        }
        RefundVerdict {
            eligible: true,
            reasons,
            max,
            needs_approval: self.needs_approval(order, max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;
    use crate::domain::order::OrderItem;
    use proptest::prelude::*;

    fn eur(minor: i64) -> Money {
        Money {
            minor,
            currency: Currency::EUR,
        }
    }

    fn order(status: &str, items: &[(i64, &str)], days: i64, now: DateTime<Utc>) -> Order {
        Order {
            number: "1".into(),
            email: "a@b.example".into(),
            customer: None,
            status: OrderStatus::parse(status),
            items: items
                .iter()
                .map(|(minor, category)| OrderItem {
                    name: "x".into(),
                    quantity: 1,
                    total: eur(*minor),
                    product: None,
                    categories: Some(vec![(*category).into()]),
                })
                .collect(),
            total: eur(items.iter().map(|i| i.0).sum()),
            refunded: eur(0),
            placed_at: now - TimeDelta::days(days + 3),
            delivered_at: Some(now - TimeDelta::days(days)),
            completed_at: None,
            updated_at: now,
            tracking: None,
            shipping: None,
        }
    }

    fn lenient() -> RefundPolicy {
        RefundPolicy {
            approve_all: false,
            ..RefundPolicy::default()
        }
    }

    #[test]
    fn the_demos_orders_end_as_the_policy_says() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let check = |o: &Order| lenient().check(o, now);
        let bulbs = check(&order("completed", &[(3870, "bulbs")], 3, now));
        assert!(bulbs.eligible && !bulbs.needs_approval && bulbs.max == eur(3870));
        let desk = check(&order("completed", &[(42_900, "furniture")], 6, now));
        assert!(desk.eligible && desk.needs_approval);
        assert_eq!(desk.reasons, [RefundReason::AboveSoftLimit]);
        for (o, reason) in [
            (
                order("completed", &[(11_800, "lamps")], 45, now),
                RefundReason::OutsideWindow,
            ),
            (
                order("completed", &[(6400, "made-to-measure")], 2, now),
                RefundReason::ExcludedItems,
            ),
            (
                order("cancelled", &[(14_900, "lamps")], 2, now),
                RefundReason::WrongState,
            ),
            (
                order("pending", &[(10_000, "gift-card")], 0, now),
                RefundReason::WrongState,
            ),
        ] {
            let verdict = check(&o);
            assert!(!verdict.eligible && verdict.max.minor == 0);
            assert_eq!(verdict.reasons, [reason]);
        }
        // The last day counts, the moment after it doesn't.
        assert!(check(&order("completed", &[(100, "lamps")], 30, now)).eligible);
        let mut late = order("completed", &[(100, "lamps")], 30, now);
        late.delivered_at = late.delivered_at.map(|d| d - TimeDelta::seconds(1));
        assert!(!check(&late).eligible);
    }

    #[test]
    fn what_was_paid_back_is_not_paid_back_again() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let mut o = order("completed", &[(3000, "lamps"), (2000, "gift-card")], 1, now);
        assert_eq!(lenient().check(&o, now).max, eur(3000));
        o.refunded = eur(1000);
        assert_eq!(lenient().check(&o, now).max, eur(2000));
        o.refunded = eur(5000);
        assert_eq!(lenient().check(&o, now).reasons, [RefundReason::AlreadyRefunded]);
    }

    #[test]
    fn slices_of_a_large_refund_add_up() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let mut o = order("completed", &[(42_900, "furniture")], 1, now);
        assert!(!lenient().needs_approval(&o, eur(5_000)));
        assert!(lenient().needs_approval(&o, eur(5_001)));
        o.refunded = eur(4_000);
        assert!(!lenient().needs_approval(&o, eur(1_000)));
        assert!(lenient().needs_approval(&o, eur(1_001)));
        assert!(lenient().check(&o, now).needs_approval);
    }

    #[test]
    fn a_site_that_says_nothing_has_every_refund_approved() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let verdict = RefundPolicy::default().check(&order("completed", &[(100, "lamps")], 1, now), now);
        assert!(verdict.eligible && verdict.needs_approval);
        assert_ne!(RefundPolicy::default().version(), lenient().version());
    }

    proptest! {
        #[test]
        fn never_more_than_is_left(total in 1..100_000i64, back in 0..100_000i64, days in -5..60i64) {
            let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
            let mut o = order("completed", &[(total, "lamps")], days, now);
            o.refunded = eur(back.min(total));
            let verdict = lenient().check(&o, now);
            prop_assert!(verdict.max.minor + o.refunded.minor <= total);
            prop_assert_eq!(verdict.eligible, verdict.max.minor > 0);
        }
    }
}
