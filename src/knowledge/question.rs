//! A question's vector: computed by the model that the site is searched by, remembered for a
//! while, and done without where the model is away.

use std::sync::Arc;

use crate::db::models::Model;
use crate::domain::ids::SiteId;
use crate::knowledge::base::Knowledge;
use crate::knowledge::search::{Mode, SearchQuery};
use crate::knowledge::{embed, measure};
use crate::models::embedder::{EmbedError, Purpose};

/// The question's vector where one is wanted, or why there is none.
pub(in crate::knowledge) async fn vector_of(
    knowledge: &Knowledge,
    site: SiteId,
    model: Option<&Model>,
    query: &SearchQuery,
) -> (Option<Arc<Vec<f32>>>, Option<String>) {
    let Some(model) = model.filter(|_| query.mode != Mode::Words) else {
        return (None, None);
    };
    match vector(knowledge, model, &query.text).await {
        Ok(vector) => (Some(vector), None),
        Err(error) => {
            tracing::warn!(site = site.hashed(), %error, "a question is searched by words alone");
            (None, Some(error.to_string()))
        }
    }
}

/// The question's vector.
async fn vector(knowledge: &Knowledge, model: &Model, text: &str) -> Result<Arc<Vec<f32>>, EmbedError> {
    let key = (model.name.clone(), text.to_owned());
    let before = knowledge.remembered.vectors.get(&key);
    measure::cache("vector", before.is_some());
    if let Some(vector) = before {
        return Ok(vector);
    }
    let in_use = embed::open(&knowledge.embedders, model).await?;
    let vectors = in_use.embedder.embed(vec![text.to_owned()], Purpose::Query);
    let vectors = measure::part("embed", vectors).await?;
    let vector = vectors.into_iter().next();
    let vector = Arc::new(vector.ok_or_else(|| EmbedError::Refused("no vector came back".to_owned()))?);
    knowledge.remembered.vectors.insert(key, Arc::clone(&vector));
    Ok(vector)
}
