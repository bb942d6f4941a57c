//! E-mail addresses: what looks like one, and the one form by which a person is found.

/// One `@`, a dotted domain, nothing that can't stand in an address. Whether mail arrives
/// only sending tells.
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let dotted =
        domain.split('.').count() > 1 && domain.split('.').all(|l| !l.is_empty() && !l.starts_with('-'));
    text.len() <= 254
        && !local.is_empty()
        && !local.contains('@')
        && dotted
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || "<>,;\"()".contains(c))
}

/// The form in which two spellings of an address are the same: without blanks around it, in
/// small letters. Strictly, the part before the `@` may tell capitals apart; no provider that
/// people use does.
#[must_use]
pub fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_garbage() {
        for good in ["a@b.example", "anna.huber+x@mail.shop.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.example",
            "a@b..example",
            "a b@c.example",
            "a@b@c.example",
            "a@-b.example",
            "<a@b.example>",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn spellings_fold() {
        assert_eq!(folded(" Anna.Huber@Example.COM "), "anna.huber@example.com");
    }
}
