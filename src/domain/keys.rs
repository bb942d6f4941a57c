//! A site's secrets: one root secret, and a key for each purpose derived from it by
//! HKDF-SHA256 (RFC 5869) with the purpose as label, so that one that leaks tells
//! nothing about the others.

use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::ids::SiteId;
use crate::domain::seal::{MasterKey, SealError};

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signing the visitors' tokens.
    Token,
    /// Signing webhooks to deskhand.
    Webhook,
    /// Signing callbacks to the site.
    Callback,
    /// Signing links to the console.
    Console,
    /// Asking questions from a server of the site's own.
    Api,
}

impl Purpose {
    /// HKDF's label. Part of the wire: the plugin derives the same.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Token => "deskhand/v1/token",
            Self::Webhook => "deskhand/v1/webhook",
            Self::Callback => "deskhand/v1/callback",
            Self::Console => "deskhand/v1/console",
            Self::Api => "deskhand/v1/api",
        }
    }
}

/// How tokens of a key are signed. Pinned per `kid`; a token's header can't choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Alg {
    /// HMAC with the derived token key.
    HS256,
    /// RSA with a registered public key.
    RS256,
    /// ECDSA on P-256 with a registered public key.
    ES256,
}

impl Alg {
    /// The name in the database and in a token's header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::RS256 => "RS256",
            Self::ES256 => "ES256",
        }
    }

    /// Reads [`Alg::as_str`]'s names.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::HS256, Self::RS256, Self::ES256]
            .into_iter()
            .find(|a| a.as_str() == name)
    }
}

/// 32 bytes from which all of a site's keys come.
pub struct RootSecret(SecretBox<[u8; 32]>);

/// A key for one purpose.
pub struct DerivedKey(SecretBox<[u8; 32]>);

impl RootSecret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The bytes, to seal them or to show them once.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// The key for a purpose; the site's id is HKDF's salt.
    #[must_use]
    pub fn derive(&self, site: SiteId, purpose: Purpose) -> DerivedKey {
        let mut okm = [0_u8; 32];
        let filled = Hkdf::<Sha256>::new(Some(site.0.as_bytes()), self.expose())
            .expand(purpose.label().as_bytes(), &mut okm);
        debug_assert!(
            filled.is_ok(),
            "HKDF-SHA256 gives up to 8160 bytes; 32 are asked for"
        );
        DerivedKey(SecretBox::new(Box::new(okm)))
    }
}

impl DerivedKey {
    /// The bytes, to sign or verify with.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

/// What a root secret is sealed for.
#[must_use]
pub fn owner_of(site: SiteId, kid: &str) -> String {
    format!("site/{site}/root/{kid}")
}

/// Opens a site's sealed root secret.
///
/// # Errors
/// When it is damaged or sealed with another master key.
pub fn open_root(
    master: &MasterKey,
    site: SiteId,
    kid: &str,
    sealed: &[u8],
) -> Result<RootSecret, SealError> {
    let bytes = master.open(&owner_of(site, kid), sealed)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| SealError::Malformed)?;
    Ok(RootSecret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_site_and_purpose_and_are_stable() {
        let root = RootSecret::new([7; 32]);
        let (a, b) = (SiteId::new(), SiteId::new());
        let key = |s, p| *root.derive(s, p).expose();
        assert_eq!(key(a, Purpose::Token), key(a, Purpose::Token));
        assert_ne!(key(a, Purpose::Token), key(a, Purpose::Webhook));
        assert_ne!(key(a, Purpose::Token), key(b, Purpose::Token));
        assert_ne!(key(a, Purpose::Token), [0; 32]);
    }
}
