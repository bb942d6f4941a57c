//! The configuration files of a sentence-transformers folder, read with suspicion:
//! every number is bounded before anything is sized by it, and everything that the
//! encoder would compute differently is refused by name.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::BertError;
use super::elementwise::Activation;

/// The sizes of an encoder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    pub positions: usize,
    pub types: usize,
    pub epsilon: f32,
    pub activation: Activation,
}

/// How token vectors become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    Mean,
    Cls,
    Max,
}

/// Everything the folder says about its model.
#[derive(Debug)]
pub(super) struct Config {
    pub shape: Shape,
    /// The model's own name, where the configuration has one.
    pub name: Option<String>,
    /// Tokens of one text, special ones included.
    pub max_tokens: usize,
    pub lowercase: bool,
    pub labels: usize,
    pub classifier: bool,
    /// What was read, in a fixed order, for the model's id.
    pub sources: Vec<Vec<u8>>,
}

/// What `modules.json` says happens after the encoder.
#[derive(Debug)]
pub(super) struct Head {
    pub pooling: Pooling,
    pub normalize: bool,
}

/// No configuration file is larger.
const MAX_CONFIG_BYTES: u64 = 1 << 20;
const MAX_HIDDEN: u64 = 4096;
const MAX_LAYERS: u64 = 64;
const MAX_INTERMEDIATE: u64 = 16_384;
const MAX_VOCABULARY: u64 = 2_000_000;
const MAX_POSITIONS: u64 = 4096;
const MAX_TYPES: u64 = 64;

#[derive(Deserialize)]
struct RawConfig {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Option<Vec<String>>,
    #[serde(rename = "_name_or_path")]
    name: Option<String>,
    hidden_size: Option<u64>,
    num_hidden_layers: Option<u64>,
    num_attention_heads: Option<u64>,
    intermediate_size: Option<u64>,
    vocab_size: Option<u64>,
    max_position_embeddings: Option<u64>,
    type_vocab_size: Option<u64>,
    layer_norm_eps: Option<f64>,
    hidden_act: Option<String>,
    position_embedding_type: Option<String>,
    embedding_size: Option<u64>,
    is_decoder: Option<bool>,
    num_labels: Option<u64>,
    id2label: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct RawModule {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct RawSentence {
    max_seq_length: Option<u64>,
    #[serde(default)]
    do_lower_case: bool,
}

#[derive(Deserialize)]
struct RawPrompts {
    #[serde(default)]
    prompts: serde_json::Map<String, serde_json::Value>,
    default_prompt_name: Option<String>,
}

/// Reads `config.json` and `sentence_bert_config.json` (which a classifier may lack).
/// `weight_bytes` is the size of the weight file: a model that claims more parameters
/// than it can hold is refused.
pub(super) fn read(folder: &Path, weight_bytes: u64) -> Result<Config, BertError> {
    let file = "config.json";
    let bytes = load(folder, file)?;
    let raw: RawConfig = parse(file, &bytes)?;
    let architecture = raw
        .architectures
        .as_ref()
        .and_then(|names| names.first())
        .map_or("no architecture", String::as_str);
    let kind = raw.model_type.as_deref().unwrap_or("model without a type");
    let classifier = architecture == "BertForSequenceClassification";
    let known = classifier
        || matches!(
            architecture,
            "BertModel" | "BertForMaskedLM" | "BertForPreTraining"
        );
    if kind != "bert" || !known {
        return Err(BertError::Architecture {
            kind: kind.to_owned(),
            architecture: architecture.to_owned(),
        });
    }
    let positional = raw.position_embedding_type.as_deref().unwrap_or("absolute");
    if positional != "absolute" {
        return Err(unsupported(format!("position embeddings `{positional}`")));
    }
    if raw.is_decoder == Some(true) {
        return Err(unsupported("a decoder".to_owned()));
    }
    if raw.embedding_size.is_some() && raw.embedding_size != raw.hidden_size {
        return Err(unsupported("an embedding size unlike the hidden size".to_owned()));
    }
    let activation = match raw.hidden_act.as_deref().unwrap_or("gelu") {
        "gelu" | "gelu_python" => Activation::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Activation::GeluTanh,
        "relu" => Activation::Relu,
        other => return Err(unsupported(format!("the activation `{other}`"))),
    };
    let epsilon = raw.layer_norm_eps.unwrap_or(1e-12);
    if !(0.0..=0.1).contains(&epsilon) {
        return Err(bad(file, format!("layer_norm_eps is {epsilon}")));
    }
    let shape = Shape {
        hidden: bounded(file, "hidden_size", raw.hidden_size, MAX_HIDDEN)?,
        layers: bounded(file, "num_hidden_layers", raw.num_hidden_layers, MAX_LAYERS)?,
        heads: bounded(file, "num_attention_heads", raw.num_attention_heads, MAX_HIDDEN)?,
        intermediate: bounded(file, "intermediate_size", raw.intermediate_size, MAX_INTERMEDIATE)?,
        vocabulary: bounded(file, "vocab_size", raw.vocab_size, MAX_VOCABULARY)?,
        positions: bounded(
            file,
            "max_position_embeddings",
            raw.max_position_embeddings,
            MAX_POSITIONS,
        )?,
        types: bounded(
            file,
            "type_vocab_size",
            raw.type_vocab_size.or(Some(2)),
            MAX_TYPES,
        )?,
        epsilon: epsilon as f32,
        activation,
    };
    if !shape.hidden.is_multiple_of(shape.heads) {
        let what = format!(
            "{} heads do not divide a hidden size of {}",
            shape.heads, shape.hidden
        );
        return Err(bad(file, what));
    }
    // Two bytes for each is the least that a supported type takes.
    let least = shape.parameters().saturating_mul(2);
    if least > weight_bytes {
        return Err(bad(
            file,
            format!(
                "a model of these sizes has at least {least} bytes of weights; the file has {weight_bytes}"
            ),
        ));
    }
    let labels = raw
        .num_labels
        .or(raw.id2label.map(|labels| labels.len() as u64))
        .unwrap_or(2);
    let mut config = Config {
        shape,
        name: raw.name,
        max_tokens: shape.positions,
        lowercase: false,
        labels: usize::try_from(labels).unwrap_or(usize::MAX),
        classifier,
        sources: vec![bytes],
    };
    let file = "sentence_bert_config.json";
    if !classifier || folder.join(file).exists() {
        let bytes = load(folder, file)?;
        let raw: RawSentence = parse(file, &bytes)?;
        if let Some(limit) = raw.max_seq_length {
            // Two special tokens and one of the text.
            if limit < 3 {
                return Err(bad(file, format!("max_seq_length is {limit}")));
            }
            config.max_tokens = usize::try_from(limit).map_or(shape.positions, |l| l.min(shape.positions));
        }
        config.lowercase = raw.do_lower_case;
        config.sources.push(bytes);
    }
    if config.max_tokens < 3 {
        return Err(bad(
            "config.json",
            format!("only {} positions", config.max_tokens),
        ));
    }
    Ok(config)
}

/// Reads `modules.json`, the pooling's configuration, and the prompts, if there are any.
pub(super) fn read_head(folder: &Path, config: &mut Config) -> Result<Head, BertError> {
    let file = "modules.json";
    let bytes = load(folder, file)?;
    let modules: Vec<RawModule> = parse(file, &bytes)?;
    config.sources.push(bytes);
    let kinds: Vec<&str> = modules
        .iter()
        .map(|module| module.kind.rsplit('.').next().unwrap_or_default())
        .collect();
    let normalize = match kinds.as_slice() {
        ["Transformer", "Pooling"] => false,
        ["Transformer", "Pooling", "Normalize"] => true,
        other => return Err(unsupported(format!("the modules {}", other.join(", ")))),
    };
    if !modules[0].path.is_empty() {
        return Err(unsupported(format!(
            "an encoder in the subfolder `{}`",
            modules[0].path
        )));
    }
    let path = Path::new(&modules[1].path);
    let inside = path
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if !inside {
        return Err(bad(file, "the pooling's path leads out of the folder".to_owned()));
    }
    let file = format!("{}/config.json", modules[1].path);
    let bytes = load(folder, &file)?;
    let pooling = pooling(&file, &bytes, config.shape.hidden)?;
    config.sources.push(bytes);
    let file = "config_sentence_transformers.json";
    if folder.join(file).exists() {
        let raw: RawPrompts = parse(file, &load(folder, file)?)?;
        let prompt = raw
            .default_prompt_name
            .and_then(|name| raw.prompts.get(&name).cloned());
        if prompt.is_some_and(|prompt| prompt.as_str() != Some("")) {
            return Err(unsupported("a default prompt before every text".to_owned()));
        }
    }
    Ok(Head { pooling, normalize })
}

fn pooling(file: &str, bytes: &[u8], hidden: usize) -> Result<Pooling, BertError> {
    let raw: serde_json::Map<String, serde_json::Value> = parse(file, bytes)?;
    let dims = raw
        .get("word_embedding_dimension")
        .or(raw.get("embedding_dimension"));
    if let Some(dims) = dims.filter(|dims| dims.as_u64() != Some(hidden as u64)) {
        return Err(bad(
            file,
            format!("the dimension is {dims}, the hidden size {hidden}"),
        ));
    }
    let mut modes: Vec<&str> = raw
        .iter()
        .filter(|(_, value)| value.as_bool() == Some(true))
        .filter_map(|(key, _)| key.strip_prefix("pooling_mode_"))
        .collect();
    if let Some(mode) = raw.get("pooling_mode") {
        modes.push(mode.as_str().unwrap_or("unknown"));
    }
    match modes.as_slice() {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::Cls),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        [] => Err(bad(file, "no pooling mode is chosen".to_owned())),
        other => Err(unsupported(format!("the pooling {}", other.join(" with ")))),
    }
}

impl Shape {
    /// The number of parameters; the bounds of the sizes keep it far from overflow.
    fn parameters(&self) -> u64 {
        let [hidden, wide, layers] = [self.hidden, self.intermediate, self.layers].map(|n| n as u64);
        let rows = (self.vocabulary + self.positions + self.types) as u64;
        rows * hidden + layers * (4 * hidden * hidden + 2 * hidden * wide)
    }
}

/// Reads a file of the folder that must be there.
fn load(folder: &Path, file: &str) -> Result<Vec<u8>, BertError> {
    read_limited(&folder.join(file), MAX_CONFIG_BYTES)
}

/// Reads a whole file that is at most `limit` bytes long.
pub(super) fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>, BertError> {
    let size = super::weights::size_of(path)?;
    if size > limit {
        return Err(BertError::TooLarge {
            path: path.to_owned(),
            size,
            limit,
        });
    }
    std::fs::read(path).map_err(|source| BertError::Io {
        path: path.to_owned(),
        source,
    })
}

fn parse<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, BertError> {
    serde_json::from_slice(bytes).map_err(|error| bad(file, error.to_string()))
}

fn bounded(file: &str, key: &str, value: Option<u64>, limit: u64) -> Result<usize, BertError> {
    match value {
        Some(value) if (1..=limit).contains(&value) => {
            usize::try_from(value).map_err(|error| bad(file, error.to_string()))
        }
        Some(value) => Err(bad(file, format!("{key} is {value}, outside 1 to {limit}"))),
        None => Err(bad(file, format!("{key} is missing"))),
    }
}

fn bad(file: &str, detail: String) -> BertError {
    BertError::Config {
        file: file.to_owned(),
        detail,
    }
}

fn unsupported(what: String) -> BertError {
    BertError::Unsupported { what }
}
