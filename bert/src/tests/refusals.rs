//! What must be refused: other architectures, sizes that would not fit, broken folders and
//! damaged weights.

use std::fs;

use serde_json::json;

use super::*;

#[test]
fn another_architecture_is_refused_by_its_name() {
    let model = Model::new("gelu", "mean_tokens", "");
    let refused = |key: &str, value: Value| {
        let mut config = model.config("gelu");
        config[key] = value;
        model.write("config.json", &config);
        model.refusal()
    };
    assert_eq!(
        refused("model_type", json!("xlm-roberta")),
        "it is a `xlm-roberta` model with the architecture BertModel; BERT models are supported"
    );
    assert!(refused("architectures", json!(["MPNetModel"])).contains("MPNetModel"));
    assert!(refused("hidden_act", json!("silu")).contains("`silu`"));
    assert!(refused("position_embedding_type", json!("relative_key")).contains("`relative_key`"));
    assert!(refused("is_decoder", json!(true)).contains("decoder"));
}

#[test]
fn hostile_sizes_are_refused_before_anything_is_sized_by_them() {
    let model = Model::new("gelu", "mean_tokens", "");
    for (key, value, names) in [
        ("hidden_size", json!(0), "hidden_size"),
        ("hidden_size", json!(u64::MAX), "hidden_size"),
        ("hidden_size", json!(28), "heads"),
        ("hidden_size", json!(3000), "bytes of weights"),
        ("num_attention_heads", json!(0), "num_attention_heads"),
        ("num_hidden_layers", json!(64), "bytes of weights"),
        ("intermediate_size", json!(1_u64 << 40), "intermediate_size"),
        ("vocab_size", json!(1_999_999), "bytes of weights"),
        ("vocab_size", json!(20), "outside the model's vocabulary of 20"),
        ("max_position_embeddings", json!(2), "positions"),
        ("type_vocab_size", json!(1), "segment 1"),
        ("layer_norm_eps", json!(-1.0), "layer_norm_eps"),
        ("hidden_size", json!(null), "hidden_size is missing"),
        ("hidden_size", json!("many"), "config.json"),
    ] {
        let mut config = model.config("gelu");
        config[key] = value.clone();
        model.write("config.json", &config);
        let refusal = model.refusal();
        assert!(refusal.contains(names), "{key} {value}: {refusal}");
    }
}

#[test]
fn a_broken_folder_is_refused_with_the_name_of_what_is_broken() {
    for file in [
        "config.json",
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        let model = Model::new("gelu", "mean_tokens", "");
        fs::remove_file(model.path().join(file)).unwrap();
        let refusal = model.refusal();
        assert!(refusal.contains(file) && refusal.contains("missing"), "{refusal}");
    }
    let model = Model::new("gelu", "mean_tokens", "");
    let module = |kind: &str, path: &str| json!({"path": path, "type": format!("sentence_transformers.models.{kind}")});
    let both = [module("Transformer", ""), module("Pooling", "1_Pooling")];
    model.write(
        "modules.json",
        &json!([both[0], both[1], module("Dense", "2_Dense")]),
    );
    assert!(model.refusal().contains("Dense"));
    model.write(
        "modules.json",
        &json!([both[0], module("Pooling", "../elsewhere")]),
    );
    assert!(model.refusal().contains("out of the folder"));
    model.write("modules.json", &json!(both));
    model.write("1_Pooling/config.json", &json!({"pooling_mode_lasttoken": true}));
    assert!(model.refusal().contains("lasttoken"));
}

#[test]
fn a_damaged_weight_file_is_refused() {
    let mut model = Model::new("gelu", "mean_tokens", "");
    let path = model.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    for length in [0, 4, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        model.refusal();
    }
    // A header that claims more than the file, then one that claims too much for any.
    for claim in [whole.len() as u64 * 2, u64::MAX] {
        let mut lying = whole.clone();
        lying[..8].copy_from_slice(&claim.to_le_bytes());
        fs::write(&path, lying).unwrap();
        assert!(model.refusal().contains("model.safetensors"));
    }
    model.save(Dtype::F64);
    assert!(model.refusal().contains("F64"));
    let name = "encoder.layer.1.output.dense.bias".to_owned();
    let (shape, mut values) = model.tensors.remove(&name).unwrap();
    model.save(Dtype::F32);
    assert!(model.refusal().contains(&name));
    model
        .tensors
        .insert(name.clone(), (vec![1, shape[0]], values.clone()));
    model.save(Dtype::F32);
    assert!(
        model
            .refusal()
            .contains(&format!("{name} has the shape [1, {HIDDEN}]"))
    );
    values[3] = f32::NAN;
    model.tensors.insert(name, (shape, values));
    model.save(Dtype::F32);
    assert!(matches!(
        model.open().embed(&["hello"]),
        Err(BertError::NotFinite)
    ));
}
