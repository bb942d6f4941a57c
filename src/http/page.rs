//! Lists that are given page by page: how long a page may be, and whether there is another one.

use super::error::Problem;

/// A page's length where none is asked for, and the longest.
const USUAL: i64 = 50;
const MOST: i64 = 200;

/// How many a page is to have.
///
/// # Errors
/// When it is none that a page can have.
pub(super) fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    let limit = asked.unwrap_or(USUAL);
    if (1..=MOST).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::field("/limit", format!("1 to {MOST}.")))
    }
}

/// Cuts what was read, one more than the limit, to a page; whether there is another one.
pub(super) fn cut<T>(found: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_long_as_it_may_be() {
        assert_eq!((limit(None).ok(), limit(Some(200)).ok()), (Some(50), Some(200)));
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
        let mut found = vec![1, 2, 3];
        assert!(cut(&mut found, 2));
        assert!(!cut(&mut found, 2));
        assert_eq!(found, [1, 2]);
    }
}
