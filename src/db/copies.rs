//! What a copy of a site's knowledge in memory is made of: its documents, and its passages
//! with their lexemes and vectors. Only what has changed since a revision is read again.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use pgvector::HalfVector;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Postgres, Type};
use uuid::Uuid;

use crate::db::pool::{DbResult, SiteTx};

/// A document as filters see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: Uuid,
    /// Where it comes from.
    pub source: String,
    /// Its title.
    pub title: String,
    /// The channels that may answer from it; none: all.
    pub channels: Vec<String>,
    /// The words that it is filed under.
    pub tags: Vec<String>,
    /// Whether it is public, approved and not deleted.
    pub answers: bool,
    /// At which revision it last changed.
    pub revision: i64,
}

/// The documents that changed after a revision, by id; all without one.
///
/// # Errors
/// When the database refuses or is away.
pub async fn documents(tx: &mut SiteTx, since: Option<i64>) -> DbResult<Vec<Document>> {
    let rows = sqlx::query_as!(
        Document,
        r#"SELECT id, source, title, channels, tags, revision,
                  (deleted_at IS NULL AND visibility = 'public' AND review = 'approved') AS "answers!"
           FROM documents WHERE revision > $1 ORDER BY id"#,
        since.unwrap_or(-1),
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// Lexemes and how often each is there, as the database packs them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lexemes(Vec<u8>);

impl Lexemes {
    /// Each with its number; as far as they can be read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u8)> {
        // A count, then for each a text that ends with a zero, the number of its positions,
        // and these.
        let mut rest = self.0.get(4..).unwrap_or_default();
        std::iter::from_fn(move || {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let lexeme = std::str::from_utf8(&rest[..end]).ok()?;
            let (high, low) = (*rest.get(end + 1)?, *rest.get(end + 2)?);
            let often = u16::from_be_bytes([high, low]);
            rest = rest.get(end + 3 + 2 * usize::from(often)..)?;
            Some((lexeme, u8::try_from(often).unwrap_or(u8::MAX)))
        })
    }
}

impl Type<Postgres> for Lexemes {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("tsvector")
    }
}

impl<'r> Decode<'r, Postgres> for Lexemes {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => Ok(Self(value.as_bytes()?.to_vec())),
            PgValueFormat::Text => Err("a tsvector as text".into()),
        }
    }
}

/// A passage as it is searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Searched {
    /// The chunk.
    pub id: i64,
    /// Its text search configuration.
    pub lang: String,
    /// How many lexemes it has.
    pub length: i32,
    /// Which.
    pub lexemes: Lexemes,
    /// Its vector.
    pub vector: Option<HalfVector>,
}

/// The passages of these documents, with their vectors of a model; by document, by id.
///
/// # Errors
/// When the database refuses or is away.
pub async fn searched(
    tx: &mut SiteTx,
    model: Option<i32>,
    documents: &[Uuid],
) -> DbResult<BTreeMap<Uuid, Vec<Searched>>> {
    let mut rows = sqlx::query!(
        r#"SELECT c.document_id, c.id, c.lang, c.length, c.lexemes AS "lexemes!: Lexemes",
                  (SELECT e.embedding FROM embeddings e
                   WHERE e.model_id = $1 AND e.document_id = c.document_id AND e.chunk_id = c.id) AS "vector: HalfVector"
           FROM chunks c WHERE c.document_id = ANY ($2) ORDER BY c.document_id, c.id"#,
        model,
        documents,
    )
    .fetch(tx.conn());
    let mut found: BTreeMap<Uuid, Vec<Searched>> = BTreeMap::new();
    while let Some(row) = rows.try_next().await? {
        found.entry(row.document_id).or_default().push(Searched {
            id: row.id,
            lang: row.lang,
            length: row.length,
            lexemes: row.lexemes,
            vector: row.vector,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lexemes_are_read_as_they_are_packed() {
        let packed = b"\0\0\0\x02lamp\0\0\x02\0\x01\0\x05oil\0\0\0";
        let lexemes = Lexemes(packed.to_vec());
        assert_eq!(lexemes.iter().collect::<Vec<_>>(), [("lamp", 2), ("oil", 0)]);
        for cut in 0..packed.len() {
            let _ = Lexemes(packed[..cut].to_vec()).iter().count();
        }
        assert_eq!(Lexemes::default().iter().count(), 0);
    }
}
