//! What goods are, for the refund policy: their categories, which an order's lines don't have.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::client::{Client, Fault};
use super::wire::id;
use crate::domain::order::Order;

/// Products that are asked for in one request; an order keeps fewer lines.
const MOST: usize = 100;

/// The order with the categories of its goods. Of a product that is gone none are known, and
/// the policy takes it for one that isn't paid back.
pub(super) async fn with_categories(client: &Client, mut order: Order) -> Result<Order, Fault> {
    let products: BTreeSet<&str> = order.items.iter().filter_map(|i| i.product.as_deref()).collect();
    if products.is_empty() {
        return Ok(order);
    }
    let include = products.into_iter().take(MOST).collect::<Vec<_>>().join(",");
    let query = [
        ("include", include.as_str()),
        ("per_page", "100"),
        ("_fields", "id,categories"),
    ];
    let answer = client.get("products", &query).await?;
    let known: BTreeMap<String, Vec<String>> = answer
        .iter()
        .flat_map(|a| a.body.as_array().into_iter().flatten())
        .filter_map(|product| Some((id(&product["id"])?.to_string(), slugs(product)?)))
        .collect();
    for item in &mut order.items {
        item.categories = item.product.as_ref().and_then(|p| known.get(p)).cloned();
    }
    Ok(order)
}

fn slugs(product: &Value) -> Option<Vec<String>> {
    let categories = product["categories"].as_array()?;
    let slug = |c: &Value| Some(c["slug"].as_str()?.chars().take(100).collect());
    categories.iter().map(slug).collect()
}
