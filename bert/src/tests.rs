//! A tiny random model, written by the tests themselves, against a plain computation in
//! double precision.

mod cuts;
mod refusals;

use std::collections::HashMap;
use std::f64::consts::{FRAC_1_SQRT_2, PI};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::{Value, json};

use super::*;

// None of them a multiple of a vector's width, so that every tail is exercised.
const HIDDEN: usize = 27;
const HEADS: usize = 3;
const WIDE: usize = 75;
const LAYERS: usize = 2;
const POSITIONS: usize = 40;

type Tensors = HashMap<String, (Vec<usize>, Vec<f32>)>;

/// A folder with a model of this activation and pooling, and its tensors.
struct Model {
    folder: tempfile::TempDir,
    tensors: Tensors,
    vocabulary: usize,
}

fn words() -> Vec<String> {
    let mut words: Vec<String> = [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "order", ".", "我",
    ]
    .map(str::to_owned)
    .to_vec();
    for letter in 'a'..='z' {
        words.push(letter.to_string());
        words.push(format!("##{letter}"));
    }
    words
}

impl Model {
    fn new(activation: &str, pooling: &str, prefix: &str) -> Self {
        let vocabulary = words().len();
        let mut state = 7_u64;
        let mut tensors = Tensors::new();
        let mut put = |name: String, shape: &[usize], around: f32, spread: f32| {
            let values = (0..shape.iter().product())
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    around + spread * ((state >> 40) as f32 / (1 << 23) as f32 - 1.0)
                })
                .collect();
            tensors.insert(format!("{prefix}{name}"), (shape.to_vec(), values));
        };
        for (name, rows) in [("word", vocabulary), ("position", POSITIONS), ("token_type", 2)] {
            put(
                format!("embeddings.{name}_embeddings.weight"),
                &[rows, HIDDEN],
                0.0,
                1.0,
            );
        }
        let mut norms = vec!["embeddings.LayerNorm".to_owned()];
        for layer in 0..LAYERS {
            let base = format!("encoder.layer.{layer}");
            for (name, output, input) in [
                ("attention.self.query", HIDDEN, HIDDEN),
                ("attention.self.key", HIDDEN, HIDDEN),
                ("attention.self.value", HIDDEN, HIDDEN),
                ("attention.output.dense", HIDDEN, HIDDEN),
                ("intermediate.dense", WIDE, HIDDEN),
                ("output.dense", HIDDEN, WIDE),
            ] {
                put(format!("{base}.{name}.weight"), &[output, input], 0.0, 0.4);
                put(format!("{base}.{name}.bias"), &[output], 0.0, 0.4);
            }
            norms.push(format!("{base}.attention.output.LayerNorm"));
            norms.push(format!("{base}.output.LayerNorm"));
        }
        for name in norms {
            put(format!("{name}.weight"), &[HIDDEN], 1.0, 0.3);
            put(format!("{name}.bias"), &[HIDDEN], 0.0, 0.3);
        }
        let model = Self {
            folder: tempfile::tempdir().unwrap(),
            tensors,
            vocabulary,
        };
        model.write("config.json", &model.config(activation));
        model.write(
            "modules.json",
            &json!([
                {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
            ]),
        );
        fs::create_dir(model.path().join("1_Pooling")).unwrap();
        let mode = format!("pooling_mode_{pooling}");
        model.write(
            "1_Pooling/config.json",
            &json!({"word_embedding_dimension": HIDDEN, mode: true}),
        );
        model.write(
            "sentence_bert_config.json",
            &json!({"max_seq_length": 32, "do_lower_case": false}),
        );
        model.write("tokenizer.json", &tokenizer());
        model.save(Dtype::F32);
        model
    }

    fn config(&self, activation: &str) -> Value {
        json!({
            "architectures": ["BertModel"], "model_type": "bert", "_name_or_path": "maker/Tiny Bert",
            "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
            "intermediate_size": WIDE, "vocab_size": self.vocabulary,
            "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "hidden_act": activation,
        })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, file: &str, value: &Value) {
        fs::write(self.path().join(file), value.to_string()).unwrap();
    }

    fn save(&self, dtype: Dtype) {
        let bytes: HashMap<&String, (Vec<usize>, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, values))| {
                let bytes = match dtype {
                    Dtype::F16 => values
                        .iter()
                        .flat_map(|v| half::f16::from_f32(*v).to_le_bytes())
                        .collect(),
                    Dtype::BF16 => values
                        .iter()
                        .flat_map(|v| half::bf16::from_f32(*v).to_le_bytes())
                        .collect(),
                    Dtype::F64 => values.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect(),
                    _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                };
                (name, (shape.clone(), bytes))
            })
            .collect();
        let views = bytes
            .iter()
            .map(|(name, (shape, bytes))| (*name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
        serialize_to_file(views, None, &self.path().join("model.safetensors")).unwrap();
    }

    fn open(&self) -> Bert {
        Bert::open(self.path(), 1).unwrap()
    }

    fn refusal(&self) -> String {
        match Bert::open(self.path(), 1) {
            Ok(_) => panic!("the folder was accepted"),
            Err(error) => error.to_string(),
        }
    }

    fn get(&self, name: &str) -> Vec<f64> {
        self.tensors[name].1.iter().map(|v| f64::from(*v)).collect()
    }
}

fn tokenizer() -> Value {
    let vocab: serde_json::Map<String, Value> =
        words().into_iter().zip(0..).map(|(w, i)| (w, json!(i))).collect();
    let special = |id: u32, content: &str| {
        json!({"id": id, "special": true, "content": content, "single_word": false,
               "lstrip": false, "rstrip": false, "normalized": false})
    };
    let token = |id: &str, kind: u32| json!({"SpecialToken": {"id": id, "type_id": kind}});
    let text = |id: &str, kind: u32| json!({"Sequence": {"id": id, "type_id": kind}});
    json!({
        "version": "1.0",
        "truncation": {"max_length": 6, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {"strategy": {"Fixed": 6}, "direction": "Right", "pad_to_multiple_of": null,
                    "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)],
            "pair": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0), text("B", 1), token("[SEP]", 1)],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}
        },
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab}
    })
}

/// The definition of the model, one number at a time. `second` is where the second
/// text of a pair begins.
fn reference(model: &Model, ids: &[u32], second: usize, activation: &str) -> Vec<Vec<f64>> {
    let prefix = if model.tensors.contains_key("classifier.bias") {
        "bert."
    } else {
        ""
    };
    let norm = |rows: &mut [Vec<f64>], name: &str| {
        let name = format!("{prefix}{name}");
        let (gain, shift) = (
            model.get(&format!("{name}.weight")),
            model.get(&format!("{name}.bias")),
        );
        for row in rows {
            let mean = row.iter().sum::<f64>() / HIDDEN as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / HIDDEN as f64;
            for (i, x) in row.iter_mut().enumerate() {
                *x = (*x - mean) / (variance + 1e-12).sqrt() * gain[i] + shift[i];
            }
        }
    };
    let linear = |rows: &[Vec<f64>], name: &str| -> Vec<Vec<f64>> {
        let name = format!("{prefix}{name}");
        let (weights, bias) = (
            model.get(&format!("{name}.weight")),
            model.get(&format!("{name}.bias")),
        );
        let one = |row: &Vec<f64>| {
            let output = weights.chunks(row.len()).zip(&bias);
            output
                .map(|(w, b)| w.iter().zip(row).map(|(w, x)| w * x).sum::<f64>() + b)
                .collect()
        };
        rows.iter().map(one).collect()
    };
    let act = |x: f64| match activation {
        "relu" => x.max(0.0),
        "gelu_new" => 0.5 * x * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh()),
        _ => 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2)),
    };
    let tables = ["word", "position", "token_type"]
        .map(|n| model.get(&format!("{prefix}embeddings.{n}_embeddings.weight")));
    let mut x: Vec<Vec<f64>> = ids
        .iter()
        .enumerate()
        .map(|(position, id)| {
            let at = |table: &[f64], row: usize, i: usize| table[row * HIDDEN + i];
            (0..HIDDEN)
                .map(|i| {
                    at(&tables[0], *id as usize, i)
                        + at(&tables[1], position, i)
                        + at(&tables[2], usize::from(position >= second), i)
                })
                .collect()
        })
        .collect();
    norm(&mut x, "embeddings.LayerNorm");
    for layer in 0..LAYERS {
        let base = format!("encoder.layer.{layer}");
        let [q, k, v] = ["query", "key", "value"].map(|n| linear(&x, &format!("{base}.attention.self.{n}")));
        let width = HIDDEN / HEADS;
        let mut context = vec![vec![0.0; HIDDEN]; x.len()];
        for (head, row) in (0..HEADS).flat_map(|h| (0..x.len()).map(move |r| (h, r))) {
            let span = head * width..(head + 1) * width;
            let dot = |key: &Vec<f64>| span.clone().map(|i| q[row][i] * key[i]).sum::<f64>();
            let scores: Vec<f64> = k
                .iter()
                .map(|key| (dot(key) / (width as f64).sqrt()).exp())
                .collect();
            for i in span.clone() {
                let sum: f64 = scores.iter().zip(&v).map(|(s, v)| s * v[i]).sum();
                context[row][i] = sum / scores.iter().sum::<f64>();
            }
        }
        let add = |x: &mut Vec<Vec<f64>>, more: Vec<Vec<f64>>| {
            x.iter_mut()
                .flatten()
                .zip(more.into_iter().flatten())
                .for_each(|(x, m)| *x += m);
        };
        add(
            &mut x,
            linear(&context, &format!("{base}.attention.output.dense")),
        );
        norm(&mut x, &format!("{base}.attention.output.LayerNorm"));
        let mut wide = linear(&x, &format!("{base}.intermediate.dense"));
        wide.iter_mut().flatten().for_each(|x| *x = act(*x));
        add(&mut x, linear(&wide, &format!("{base}.output.dense")));
        norm(&mut x, &format!("{base}.output.LayerNorm"));
    }
    x
}

#[test]
fn a_re_ranker_scores_as_the_definition_says() {
    let mut model = Model::new("gelu", "mean_tokens", "bert.");
    let rows = |n: usize, by: f32| {
        (0..n * HIDDEN)
            .map(|i| ((i * 37 % 23) as f32 - 11.0) * by)
            .collect::<Vec<f32>>()
    };
    for (name, shape, values) in [
        (
            "bert.pooler.dense.weight",
            vec![HIDDEN, HIDDEN],
            rows(HIDDEN, 0.02),
        ),
        ("bert.pooler.dense.bias", vec![HIDDEN], rows(1, 0.01)),
        ("classifier.weight", vec![1, HIDDEN], rows(1, 0.1)),
        ("classifier.bias", vec![1], vec![0.25]),
    ] {
        model.tensors.insert(name.to_owned(), (shape, values));
    }
    model.save(Dtype::F32);
    let mut config = model.config("gelu");
    config["architectures"] = json!(["BertForSequenceClassification"]);
    config["num_labels"] = json!(1);
    model.write("config.json", &config);
    // [CLS] hello order [SEP] h ##i . [SEP]
    let states = reference(&model, &[2, 5, 6, 3, 23, 26, 7, 3], 4, "gelu");
    let dot = |weights: &[f64], x: &[f64]| weights.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    let [dense, bias, weights] = [
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
        "classifier.weight",
    ]
    .map(|name| model.get(name));
    let pooled: Vec<f64> = dense
        .chunks(HIDDEN)
        .zip(bias)
        .map(|(row, bias)| (dot(row, &states[0]) + bias).tanh())
        .collect();
    let expected = dot(&weights, &pooled) + 0.25;
    let reranker = Reranker::open(model.path(), 1).unwrap();
    let long = "hello ".repeat(200);
    let scores = reranker.score("hello order", &["order", "hi.", &long]).unwrap();
    assert_eq!(scores.len(), 3);
    close(&scores[1..2], &[expected], 1e-5);
    assert!(model.refusal().contains("re-ranker"));
    config["num_labels"] = json!(3);
    model.write("config.json", &config);
    assert!(matches!(
        Reranker::open(model.path(), 1),
        Err(BertError::Unsupported { .. })
    ));
}

/// The power series of the error function.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    if x.abs() > 5.0 {
        x.signum()
    } else {
        2.0 / PI.sqrt() * sum
    }
}

fn unit(vector: Vec<f64>) -> Vec<f64> {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector.into_iter().map(|x| x / length).collect()
}

fn close(found: &[f32], expected: &[f64], within: f64) {
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f64::from(*f) - e).abs() < within, "{f} is not {e}");
    }
}

#[test]
fn it_computes_what_the_definition_says() {
    for (activation, pooling) in [
        ("gelu", "mean_tokens"),
        ("gelu_new", "cls_token"),
        ("relu", "max_tokens"),
    ] {
        let model = Model::new(activation, pooling, "");
        // [CLS] hello order h ##i . [SEP]
        let ids = [2, 5, 6, 23, 26, 7, 3];
        let rows = reference(&model, &ids, ids.len(), activation);
        let column = |i: usize| rows.iter().map(move |row| row[i]);
        let pooled = (0..HIDDEN).map(|i| match pooling {
            "mean_tokens" => column(i).sum::<f64>() / ids.len() as f64,
            "cls_token" => rows[0][i],
            _ => column(i).fold(f64::MIN, f64::max),
        });
        let expected = unit(pooled.collect());
        close(
            &model.open().embed(&["Hello order hi."]).unwrap()[0],
            &expected,
            1e-6,
        );
    }
}

#[test]
fn half_precision_and_prefixed_tensors_are_read() {
    let exact = Model::new("gelu", "mean_tokens", "")
        .open()
        .embed(&["hello"])
        .unwrap();
    let expected: Vec<f64> = exact[0].iter().map(|v| f64::from(*v)).collect();
    let model = Model::new("gelu", "mean_tokens", "bert.");
    close(&model.open().embed(&["hello"]).unwrap()[0], &expected, 1e-7);
    for (dtype, within) in [(Dtype::F16, 2e-3), (Dtype::BF16, 2e-2)] {
        model.save(dtype);
        close(&model.open().embed(&["hello"]).unwrap()[0], &expected, within);
    }
}

#[test]
fn the_id_names_the_model_wherever_it_lies_and_whatever_changes_it() {
    let [first, second] = [0, 1].map(|_| Model::new("gelu", "mean_tokens", ""));
    let id = first.open().id().to_owned();
    assert!(
        id.starts_with("tiny-bert-") && id.len() == "tiny-bert-".len() + 12,
        "{id}"
    );
    assert_eq!(second.open().id(), id);
    second.write("1_Pooling/config.json", &json!({"pooling_mode_cls_token": true}));
    assert_ne!(second.open().id(), id);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn neighbours_and_threads_never_change_a_vector(
        texts in prop::collection::vec("([a-z]{1,9}[ .]|我|\\PC){0,60}", 1..40),
        threads in 1..4_usize,
    ) {
        let model = Model::new("gelu", "mean_tokens", "");
        let bert = Bert::open(model.path(), threads).unwrap();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = bert.embed(&texts).unwrap();
        prop_assert_eq!(together.len(), texts.len());
        for (text, vector) in texts.iter().zip(together) {
            let alone: Vec<f64> = bert.embed(&[text]).unwrap()[0].iter().map(|v| f64::from(*v)).collect();
            close(&vector, &alone, 1e-5);
        }
    }
}
