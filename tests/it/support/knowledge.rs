//! Knowledge bases for tests: one that searches by words alone, and one with the real
//! model, which `./dev setup` fetches.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deskhand::knowledge::base::Knowledge;
use deskhand::knowledge::chunk::ChunkLimits;
use deskhand::knowledge::extract::reader::Settings;
use deskhand::models::embedder::ModelSpec;
use deskhand::models::embedders::{EmbedderSettings, Embedders};
use deskhand::models::openai::embeddings::OpenAiSettings;

use crate::support::model_folder::model_folder;

/// How files are read in tests: by the built binary.
pub fn reading() -> Settings {
    Settings {
        program: env!("CARGO_BIN_EXE_deskhand").into(),
        ..Settings::default()
    }
}

/// Settings with this model, and a provider at this address.
pub fn settings(model: Option<ModelSpec>, base_url: &str) -> EmbedderSettings {
    EmbedderSettings {
        model,
        folder: model_folder().parent().unwrap().to_owned(),
        threads: 1,
        openai: OpenAiSettings {
            base_url: base_url.to_owned(),
            key: None,
            dimensions: None,
            connect: Duration::from_secs(2),
            query: Duration::from_millis(800),
            passages: Duration::from_secs(5),
        },
    }
}

pub fn knowledge(settings: EmbedderSettings) -> Arc<Knowledge> {
    of(Arc::new(Embedders::new(settings)), COPIES)
}

/// Room for every site of a test.
const COPIES: usize = 64 << 20;

fn of(embedders: Arc<Embedders>, copies: usize) -> Arc<Knowledge> {
    Arc::new(Knowledge::new(embedders, ChunkLimits::default(), reading()).with_copies(copies))
}

/// Words alone.
pub fn words_alone() -> Arc<Knowledge> {
    knowledge(settings(None, "http://127.0.0.1:9"))
}

/// The model that a fresh install has, opened once for all tests.
pub fn with_model() -> Arc<Knowledge> {
    with_model_and_copies(COPIES)
}

/// The same with this much room for copies of sites' knowledge, in bytes.
pub fn with_model_and_copies(copies: usize) -> Arc<Knowledge> {
    static EMBEDDERS: OnceLock<Arc<Embedders>> = OnceLock::new();
    let embedders = EMBEDDERS.get_or_init(|| {
        let folder = model_folder();
        assert!(
            folder.is_dir(),
            "{} is missing; run ./dev setup",
            folder.display()
        );
        let spec = ModelSpec::Local(folder.to_string_lossy().into_owned());
        Arc::new(Embedders::new(settings(Some(spec), "http://127.0.0.1:9")))
    });
    of(Arc::clone(embedders), copies)
}
