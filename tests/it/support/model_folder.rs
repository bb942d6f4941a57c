//! Where the default embedding model is: `DESKHAND_MODEL_DIR`, or where `./dev` puts it.

use std::path::PathBuf;

/// Its folder, whether or not it is there.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests and benchmarks")]
pub fn model_folder() -> PathBuf {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from);
    of("DESKHAND_MODEL_DIR").unwrap_or_else(|| {
        let cache = deskhand::db::embedded::cache_dir(of("XDG_CACHE_HOME").as_deref(), of("HOME").as_deref());
        cache.expect("a cache folder").join("all-minilm-l6-v2")
    })
}
