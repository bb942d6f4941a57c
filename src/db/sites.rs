//! Sites and their keys. A key is looked up by its `kid` before any site is known, and
//! an origin over all sites; both through definer functions that give no more than that.

use chrono::{DateTime, Utc};

use super::pool::{Db, DbError, DbResult, SiteTx};
use crate::domain::ids::SiteId;
use crate::domain::keys::Alg;
use crate::domain::rules::Rules;
use crate::domain::settings::SiteSettings;
use crate::domain::site::{Mode, Site};

/// A stored key, still sealed.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// Whose it is.
    pub site: SiteId,
    /// The one algorithm that its tokens may use.
    pub alg: Alg,
    /// The sealed root secret, or
    pub sealed: Option<Vec<u8>>,
    /// the registered public key, PEM.
    pub public_key: Option<String>,
    /// Valid from.
    pub not_before: DateTime<Utc>,
    /// Valid until, once it is being replaced.
    pub not_after: Option<DateTime<Utc>>,
    /// The site's origins.
    pub origins: Vec<String>,
}

/// A key as `deskhand site keys` lists it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct KeyRow {
    /// Its id.
    pub kid: String,
    /// `root` or `token`.
    pub purpose: String,
    /// The algorithm of its tokens.
    pub alg: String,
    /// Valid from.
    pub not_before: DateTime<Utc>,
    /// Valid until.
    pub not_after: Option<DateTime<Utc>>,
}

fn mode(name: &str) -> DbResult<Mode> {
    Mode::parse(name).ok_or_else(|| DbError::Unreadable(format!("site mode `{name}`")))
}

/// Stores a new site. The transaction must be of that site's id.
///
/// # Errors
/// A unique violation when the slug is taken.
pub async fn insert(tx: &mut SiteTx, site: &Site) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO sites (id, slug, name, origins, mode, locale, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        site.id.0,
        site.slug,
        site.name,
        &site.origins,
        site.mode.as_str(),
        site.locale,
        site.created_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The transaction's own site.
///
/// # Errors
/// When the database does.
pub async fn own(tx: &mut SiteTx) -> DbResult<Option<Site>> {
    let row = sqlx::query!("SELECT id, slug, name, origins, mode, locale, settings, created_at FROM sites")
        .fetch_optional(tx.conn())
        .await?;
    row.map(|r| {
        Ok(Site {
            id: r.id.into(),
            slug: r.slug,
            name: r.name,
            origins: r.origins,
            mode: mode(&r.mode)?,
            locale: r.locale,
            rules: Rules::read(&r.settings),
            created_at: r.created_at,
        })
    })
    .transpose()
}

/// Sets how far the agent may go on the transaction's own site.
///
/// # Errors
/// When the database does.
pub async fn set_mode(tx: &mut SiteTx, mode: Mode) -> DbResult<()> {
    sqlx::query!("UPDATE sites SET mode = $1", mode.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Sets settings of the transaction's own site; others stay as they are.
///
/// # Errors
/// When the database does.
pub async fn merge_settings(tx: &mut SiteTx, settings: &serde_json::Value) -> DbResult<()> {
    sqlx::query!("UPDATE sites SET settings = settings || $1", settings)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// All sites, oldest first; the operator's list.
///
/// # Errors
/// When the database does.
pub async fn list(db: &Db) -> DbResult<Vec<Site>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id!", slug AS "slug!", name AS "name!", origins AS "origins!", mode AS "mode!",
                  locale AS "locale!", created_at AS "created_at!" FROM deskhand_site_list()"#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|r| {
            Ok(Site {
                id: r.id.into(),
                slug: r.slug,
                name: r.name,
                origins: r.origins,
                mode: mode(&r.mode)?,
                locale: r.locale,
                // The list over all sites doesn't read them.
                rules: Rules::default(),
                created_at: r.created_at,
            })
        })
        .collect()
}

/// Deletes a site that an evaluation made, with all of its documents; no other site.
///
/// # Errors
/// When the database refuses or is away.
pub async fn delete_eval(db: &Db, site: SiteId) -> DbResult<()> {
    sqlx::query!("SELECT deskhand_delete_eval_site($1)", site.0)
        .fetch_one(db.pool())
        .await?;
    Ok(())
}

/// Sets the origins whose pages may talk to the backend.
///
/// # Errors
/// When the database does.
pub async fn set_origins(tx: &mut SiteTx, origins: &[String]) -> DbResult<()> {
    sqlx::query!("UPDATE sites SET origins = $1", origins)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether any site has this origin.
///
/// # Errors
/// When the database does.
pub async fn origin_known(db: &Db, origin: &str) -> DbResult<bool> {
    let known = sqlx::query_scalar!(r#"SELECT deskhand_origin_known($1) AS "known!""#, origin)
        .fetch_one(db.pool())
        .await?;
    Ok(known)
}

/// Stores a sealed root secret.
///
/// # Errors
/// When the database does.
pub async fn add_root_key(tx: &mut SiteTx, kid: &str, sealed: &[u8]) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO site_keys (site_id, kid, purpose, alg, sealed) VALUES ($1, $2, 'root', 'HS256', $3)",
        tx.site().0,
        kid,
        sealed
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Registers a public key that verifies tokens.
///
/// # Errors
/// When the database does.
pub async fn add_token_key(tx: &mut SiteTx, kid: &str, alg: Alg, pem: &str) -> DbResult<()> {
    sqlx::query!(
        "INSERT INTO site_keys (site_id, kid, purpose, alg, public_key) VALUES ($1, $2, 'token', $3, $4)",
        tx.site().0,
        kid,
        alg.as_str(),
        pem
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the site's root keys but `keep` at `at`; none is made to live longer.
///
/// # Errors
/// When the database does.
pub async fn retire_root_keys(tx: &mut SiteTx, keep: &str, at: DateTime<Utc>) -> DbResult<u64> {
    let done = sqlx::query!(
        "UPDATE site_keys SET not_after = least(not_after, $2) WHERE purpose = 'root' AND kid <> $1",
        keep,
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected())
}

/// Ends one key at once.
///
/// # Errors
/// When the database does.
pub async fn revoke_key(tx: &mut SiteTx, kid: &str, at: DateTime<Utc>) -> DbResult<bool> {
    let done = sqlx::query!(
        "UPDATE site_keys SET not_after = least(not_after, $2) WHERE kid = $1",
        kid,
        at
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The site's keys, newest first.
///
/// # Errors
/// When the database does.
pub async fn keys(tx: &mut SiteTx) -> DbResult<Vec<KeyRow>> {
    let rows = sqlx::query_as!(
        KeyRow,
        "SELECT kid, purpose, alg, not_before, not_after FROM site_keys ORDER BY not_before DESC, kid"
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// The newest valid root key of the transaction's site: its id and the sealed secret.
///
/// # Errors
/// When the database does.
pub async fn current_root(tx: &mut SiteTx, now: DateTime<Utc>) -> DbResult<Option<(String, Vec<u8>)>> {
    let row = sqlx::query!(
        r#"SELECT kid, sealed AS "sealed!" FROM site_keys
           WHERE purpose = 'root' AND (not_after IS NULL OR not_after > $1)
           ORDER BY not_before DESC, kid DESC LIMIT 1"#,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|r| (r.kid, r.sealed)))
}

/// A key by its id, over all sites.
///
/// # Errors
/// When the database does, or the row is of a later version.
pub async fn key_by_kid(db: &Db, kid: &str) -> DbResult<Option<StoredKey>> {
    let row = sqlx::query!(
        r#"SELECT site_id AS "site_id!", alg AS "alg!", sealed, public_key, not_before AS "not_before!", not_after,
                  origins AS "origins!" FROM deskhand_key($1)"#,
        kid
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(|r| {
        Ok(StoredKey {
            site: r.site_id.into(),
            alg: Alg::parse(&r.alg)
                .ok_or_else(|| DbError::Unreadable(format!("key algorithm `{}`", r.alg)))?,
            sealed: r.sealed,
            public_key: r.public_key,
            not_before: r.not_before,
            not_after: r.not_after,
            origins: r.origins,
        })
    })
    .transpose()
}

/// Whose token an id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceUse {
    /// Seen for the first time, or again with the same token.
    Own,
    /// Another token has it already.
    Taken,
}

/// Binds a token's id to the token's digest.
///
/// # Errors
/// When the database does.
pub async fn bind_nonce(
    tx: &mut SiteTx,
    kid: &str,
    nonce: &str,
    digest: &[u8],
    expires_at: DateTime<Utc>,
) -> DbResult<NonceUse> {
    let site = tx.site().0;
    sqlx::query!(
        "INSERT INTO nonces (site_id, kid, nonce, digest, expires_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        site,
        kid,
        nonce,
        digest,
        expires_at
    )
    .execute(tx.conn())
    .await?;
    let stored = sqlx::query_scalar!(
        "SELECT digest FROM nonces WHERE kid = $1 AND nonce = $2",
        kid,
        nonce
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(if stored == digest {
        NonceUse::Own
    } else {
        NonceUse::Taken
    })
}

/// A root key of a site, still sealed.
#[derive(Debug, Clone)]
pub struct StoredRoot {
    /// Its id.
    pub kid: String,
    /// The sealed secret.
    pub sealed: Vec<u8>,
    /// Valid from.
    pub not_before: DateTime<Utc>,
    /// Valid until, once it is being replaced.
    pub not_after: Option<DateTime<Utc>>,
}

/// The root keys of the transaction's site, newest first; those that have ended are left out.
///
/// # Errors
/// When the database does.
pub async fn roots(tx: &mut SiteTx, now: DateTime<Utc>) -> DbResult<Vec<StoredRoot>> {
    let rows = sqlx::query_as!(
        StoredRoot,
        r#"SELECT kid, sealed AS "sealed!", not_before, not_after FROM site_keys
           WHERE purpose = 'root' AND (not_after IS NULL OR not_after > $1)
           ORDER BY not_before DESC, kid DESC LIMIT 16"#,
        now
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows)
}

/// What the owner of the transaction's site has set.
///
/// # Errors
/// When the database does.
pub async fn settings(tx: &mut SiteTx) -> DbResult<SiteSettings> {
    let stored = sqlx::query_scalar!("SELECT settings FROM sites")
        .fetch_optional(tx.conn())
        .await?;
    Ok(stored.map(SiteSettings::new).unwrap_or_default())
}

/// Sets one of the settings, or with null takes it back.
///
/// # Errors
/// When the database does.
pub async fn set_setting(tx: &mut SiteTx, key: &str, value: &serde_json::Value) -> DbResult<()> {
    sqlx::query!(
        "UPDATE sites SET settings = CASE WHEN $2::jsonb = 'null'::jsonb THEN settings - $1
                                          ELSE jsonb_set(settings, ARRAY[$1], $2) END",
        key,
        value
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
