//! Signatures of messages between servers: a table of the schemes, and the one verifier.
//! Pure; keys come from [`crate::domain::keys`].

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// What a signature is made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The raw body.
    Body,
    /// The timestamp's header, a point, and the raw body.
    TimestampDotBody,
}

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `sha256=` and 64 hex digits.
    PrefixedHex,
    /// 64 hex digits.
    Hex,
    /// Base64 with padding.
    Base64,
}

/// One way to sign, always by HMAC-SHA256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheme {
    /// Where the signature stands.
    pub header: &'static str,
    /// What is signed.
    pub message: Message,
    /// The forms that are taken; the first one is written.
    pub forms: &'static [Form],
}

/// A site's webhooks; the timestamp is inside the signed body.
pub const WORDPRESS: Scheme = Scheme {
    header: "x-wp-signature",
    message: Message::Body,
    forms: &[Form::PrefixedHex, Form::Hex],
};

/// Events of the bridge; when they were signed stands in the token beside it.
pub const BRIDGE: Scheme = Scheme {
    header: "x-signature",
    message: Message::Body,
    forms: &[Form::PrefixedHex],
};

/// Results and questions that are sent to a site.
pub const CALLBACK: Scheme = Scheme {
    header: "x-ai-signature",
    message: Message::TimestampDotBody,
    forms: &[Form::Base64],
};

/// The key of Standard Webhooks: base64 behind `whsec_`, else the text itself.
fn standard_key(secret: &str) -> Vec<u8> {
    secret
        .strip_prefix("whsec_")
        .and_then(|text| BASE64.decode(text).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec())
}

/// Signs by Standard Webhooks, over the message's id, its time in seconds and its body; gives the
/// value of `webhook-signature`.
#[must_use]
pub fn standard(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, &standard_key(secret)));
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    format!("v1,{}", BASE64.encode(context.sign()))
}

/// A message that is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// As it was sent, byte for byte.
    pub body: &'a [u8],
    /// As its header has it; empty where the scheme has none.
    pub timestamp: &'a str,
}

impl Scheme {
    /// Signs.
    #[must_use]
    pub fn sign(&self, key: &[u8], signed: &Signed<'_>) -> String {
        let tag = self.tag(key, signed);
        match self.forms.first() {
            Some(Form::PrefixedHex) => format!("sha256={}", hex::encode(tag)),
            Some(Form::Base64) => BASE64.encode(tag),
            Some(Form::Hex) | None => hex::encode(tag),
        }
    }

    /// Which of the keys the signature was made with; none when it was with none of them. All
    /// keys are tried, so that the time tells nothing.
    #[must_use]
    pub fn verify(&self, keys: &[&[u8]], signed: &Signed<'_>, shown: &str) -> Option<usize> {
        let shown = self.forms.iter().find_map(|form| read(*form, shown.trim()));
        let mut fits = None;
        for (i, key) in keys.iter().enumerate() {
            let tag = self.tag(key, signed);
            let same = verify_slices_are_equal(&tag, &shown.unwrap_or_default()).is_ok();
            if same && shown.is_some() && fits.is_none() {
                fits = Some(i);
            }
        }
        fits
    }

    fn tag(&self, key: &[u8], signed: &Signed<'_>) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key));
        if self.message == Message::TimestampDotBody {
            context.update(signed.timestamp.as_bytes());
            context.update(b".");
        }
        context.update(signed.body);
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }
}

fn read(form: Form, shown: &str) -> Option<[u8; 32]> {
    let bytes = match form {
        Form::PrefixedHex => hex::decode(shown.strip_prefix("sha256=")?).ok()?,
        Form::Hex => hex::decode(shown).ok()?,
        Form::Base64 => BASE64.decode(shown).ok()?,
    };
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: Signed<'static> = Signed {
        body: b"{\"a\":1}",
        timestamp: "",
    };

    #[test]
    fn the_tags_are_those_of_rfc_4231() {
        // Test case 2.
        let signed = Signed {
            body: b"what do ya want for nothing?",
            timestamp: "",
        };
        let known = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(WORDPRESS.sign(b"Jefe", &signed), format!("sha256={known}"));
        assert_eq!(WORDPRESS.verify(&[b"Jefe"], &signed, known), Some(0));
    }

    #[test]
    fn the_key_that_fits_is_named_and_forms_of_other_schemes_are_not_taken() {
        let keys: [&[u8]; 2] = [b"old", b"new"];
        let by_new = WORDPRESS.sign(b"new", &BODY);
        assert_eq!(WORDPRESS.verify(&keys, &BODY, &by_new), Some(1));
        assert_eq!(WORDPRESS.verify(&keys[..1], &BODY, &by_new), None);
        assert_eq!(WORDPRESS.verify(&[], &BODY, &by_new), None);
        assert_eq!(WORDPRESS.verify(&keys, &BODY, &by_new.to_uppercase()), None);
        let digits = by_new.trim_start_matches("sha256=");
        assert_eq!(WORDPRESS.verify(&keys, &BODY, &digits.to_uppercase()), Some(1));
        let base64 = BASE64.encode(hex::decode(digits).unwrap());
        assert_eq!(WORDPRESS.verify(&keys, &BODY, &base64), None);
        for broken in ["", "sha256=", "sha256=00", "é", &digits[1..]] {
            assert_eq!(WORDPRESS.verify(&keys, &BODY, broken), None, "{broken}");
        }
        // Nothing that can't be read passes for the tag of zeroes.
        assert_eq!(WORDPRESS.verify(&keys, &BODY, &"0".repeat(64)), None);
    }

    #[test]
    fn a_callbacks_timestamp_is_signed_too() {
        let at = |timestamp| Signed { timestamp, ..BODY };
        let shown = CALLBACK.sign(b"key", &at("1700000000"));
        assert_eq!(CALLBACK.verify(&[b"key"], &at("1700000000"), &shown), Some(0));
        assert_eq!(CALLBACK.verify(&[b"key"], &at("1700000001"), &shown), None);
    }

    #[test]
    fn the_standards_own_example_is_signed_alike() {
        // From the specification of Standard Webhooks.
        let signed = standard(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(standard("a", "id", "1", b"x"), standard("a", "id", "2", b"x"));
    }

    proptest! {
        #[test]
        fn only_the_same_key_and_message_fit(key in prop::collection::vec(any::<u8>(), 1..64), body in prop::collection::vec(any::<u8>(), 0..200), flip in any::<prop::sample::Index>(), bit in 0..8u8) {
            let signed = Signed { body: &body, timestamp: "" };
            let shown = WORDPRESS.sign(&key, &signed);
            prop_assert_eq!(WORDPRESS.verify(&[&key], &signed, &shown), Some(0));
            let mut other = body.clone();
            other.push(0);
            let i = flip.index(other.len());
            other[i] ^= 1 << bit;
            prop_assert_eq!(WORDPRESS.verify(&[&key], &Signed { body: &other, timestamp: "" }, &shown), None);
        }
    }
}
