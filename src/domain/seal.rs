//! Secrets at rest: AES-256-GCM with a random nonce, bound to whom and what they belong
//! to (associated data), so that a sealed value moved to another row can't be opened.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use secrecy::{ExposeSecret, SecretBox};

use crate::domain::address::folded;
use crate::domain::ids::{SiteId, VisitorId};

/// The only format so far; the first byte of what is sealed.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;
/// What the key of [`MasterKey::fingerprint`] is derived with.
const FINGERPRINT: &[u8] = b"deskhand/v1/fingerprint";

/// Why something sealed can't be opened, or sealed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The bytes aren't of this format.
    #[error("the sealed value is damaged")]
    Malformed,
    /// Another master key, another owner, or changed bytes.
    #[error("the sealed value can't be opened with this master key")]
    WrongKey,
    /// The key has a wrong length, or the system gave no randomness.
    #[error("sealing failed")]
    Failed,
}

/// What the address that a visitor left is sealed to.
#[must_use]
pub fn owner_of_email(site: SiteId, visitor: VisitorId) -> String {
    format!("site/{site}/visitor/{visitor}/email")
}

/// The keyed hash by which an address is found on a site, without being readable.
#[must_use]
pub fn hash_of_email(master: &MasterKey, site: SiteId, email: &str) -> [u8; 32] {
    master.fingerprint(&format!("site/{site}/email"), folded(email).as_bytes())
}

/// The key that all other secrets are sealed with. It comes from the configuration.
pub struct MasterKey(SecretBox<[u8; 32]>);

impl MasterKey {
    /// Takes the 32 bytes over.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The key as text, to write it where it is kept.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex::encode(self.0.expose_secret())
    }

    /// Tells this key from another one, and nothing else: for a backup that the key isn't in.
    #[must_use]
    pub fn check_value(&self) -> String {
        hex::encode(&self.fingerprint("deskhand/backup", b"key")[..8])
    }

    /// Seals `plain` for `owner`, a text that names tenant, purpose and key, for example
    /// `site/…/root/KID`. Gives version ‖ nonce ‖ ciphertext and tag.
    ///
    /// # Errors
    /// [`SealError::Failed`] when the system gives no randomness.
    pub fn seal(&self, owner: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut body = plain.to_vec();
        let nonce = self
            .cipher()?
            .seal_in_place_append_tag(Aad::from(owner.as_bytes()), &mut body)
            .map_err(|_| SealError::Failed)?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + body.len());
        out.push(VERSION);
        out.extend_from_slice(nonce.as_ref());
        out.append(&mut body);
        Ok(out)
    }

    /// Opens what [`MasterKey::seal`] gave for the same owner.
    ///
    /// # Errors
    /// When the bytes are damaged, or belong to another key or owner.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (version, rest) = sealed.split_first().ok_or(SealError::Malformed)?;
        if *version != VERSION || rest.len() < NONCE_LEN {
            return Err(SealError::Malformed);
        }
        let (nonce, body) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
        let mut body = body.to_vec();
        let plain = self
            .cipher()?
            .open_in_place(nonce, Aad::from(owner.as_bytes()), &mut body)
            .map_err(|_| SealError::WrongKey)?;
        Ok(plain.to_vec())
    }

    /// A keyed hash of a value, for `owner` as in [`MasterKey::seal`]: the same for the same
    /// value, so that what is sealed can be found, and nobody without the key can try values.
    #[must_use]
    pub fn fingerprint(&self, owner: &str, value: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret());
        // A key of its own: the master key itself signs this one label only.
        let key = hmac::sign(&key, FINGERPRINT);
        let mut signing = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()));
        signing.update(owner.as_bytes());
        // No owner holds a zero, so that no two pairs are one text.
        signing.update(&[0]);
        signing.update(value);
        let mut out = [0; 32];
        out.copy_from_slice(signing.sign().as_ref());
        out
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM, self.0.expose_secret()).map_err(|_| SealError::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_for_the_same_owner_and_key_only() {
        let key = MasterKey::new([1; 32]);
        let sealed = key.seal("site/a", b"secret").unwrap();
        assert_eq!(key.open("site/a", &sealed).unwrap(), b"secret");
        assert_eq!(key.open("site/b", &sealed), Err(SealError::WrongKey));
        assert_eq!(
            MasterKey::new([2; 32]).open("site/a", &sealed),
            Err(SealError::WrongKey)
        );
        let mut bent = sealed.clone();
        *bent.last_mut().unwrap() ^= 1;
        assert_eq!(key.open("site/a", &bent), Err(SealError::WrongKey));
        assert_eq!(key.open("site/a", &sealed[..5]), Err(SealError::Malformed));
        assert_ne!(
            key.seal("site/a", b"secret").unwrap(),
            sealed,
            "the nonce must differ each time"
        );
    }

    #[test]
    fn fingerprints_differ_by_key_owner_and_value() {
        let key = MasterKey::new([1; 32]);
        let one = key.fingerprint("site/a/email", b"x@y.example");
        assert_eq!(key.fingerprint("site/a/email", b"x@y.example"), one);
        assert_ne!(key.fingerprint("site/b/email", b"x@y.example"), one);
        assert_ne!(key.fingerprint("site/a/email", b"z@y.example"), one);
        assert_ne!(
            MasterKey::new([2; 32]).fingerprint("site/a/email", b"x@y.example"),
            one
        );
    }
}
