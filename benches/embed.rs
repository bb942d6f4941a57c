//! How fast the local embeddings are, as a share of what the core's matrix products
//! reach: `cargo bench --bench embed`, best on one core (`taskset -c 0`). The model
//! folder is `DESKHAND_MODEL_DIR`, or the one that `./dev` fetched. Times are the
//! thread's CPU time, so that other work on the machine disturbs less.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measuring program"
)]

#[path = "../tests/it/support/model_folder.rs"]
mod model_folder;

use std::hint::black_box;

use deskhand_bert::Bert;
use nix::time::{ClockId, clock_gettime};

const CHUNK: usize = 200;

fn main() {
    let folder = model_folder::model_folder();
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("config.json")).unwrap()).unwrap();
    let bert = Bert::open(&folder, 1).unwrap();
    println!(
        "{}: {} values, {} tokens",
        bert.id(),
        bert.dims(),
        bert.max_tokens()
    );

    let chunks: Vec<String> = (0..64).map(|seed| text(&bert, CHUNK - 2, seed)).collect();
    let mixed: Vec<String> = (0..160)
        .map(|seed| text(&bert, 5 + seed * 97 % 245, seed))
        .collect();
    let queries: Vec<String> = (0..40).map(|seed| text(&bert, 8 + seed % 11, seed)).collect();
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let mixed: Vec<&str> = mixed.iter().map(String::as_str).collect();

    // Taken in turn, so that a slow spell of the machine hits all of them alike.
    let (mut product, mut even, mut uneven, mut single) = (vec![], vec![], vec![], vec![]);
    let mut matrices = Matrices::new(2048);
    for _ in 0..7 {
        product.push(seconds(|| matrices.multiply()));
        even.push(seconds(|| {
            black_box(bert.embed(&chunks).unwrap());
        }));
        uneven.push(seconds(|| {
            black_box(bert.embed(&mixed).unwrap());
        }));
        for query in &queries {
            single.push(seconds(|| {
                black_box(bert.embed(&[query]).unwrap());
            }));
        }
    }
    // And one after the other, as a visitor's questions come to a server that does nothing else.
    let mut after = vec![];
    for _ in 0..7 {
        for query in &queries {
            after.push(seconds(|| {
                black_box(bert.embed(&[query]).unwrap());
            }));
        }
    }
    let sgemm = 2.0 * 2048_f64.powi(3) / median(product);
    let per_second = chunks.len() as f64 / median(even);
    let work = operations(&config, CHUNK as f64) * per_second;
    println!("sgemm, 2048 squared:     {:8.1} GFLOP/s", sgemm / 1e9);
    println!("chunks of {CHUNK} tokens:    {per_second:8.1} /s");
    println!("share of sgemm:          {:8.1} %", 100.0 * work / sgemm);
    println!(
        "5 to 250 tokens, mixed:  {:8.1} /s",
        mixed.len() as f64 / median(uneven)
    );
    println!(
        "one query, 10-20 tokens: {:8.2} ms, between chunks",
        1e3 * median(single)
    );
    println!(
        "                         {:8.2} ms, one after the other",
        1e3 * median(after)
    );
}

/// Floating point operations of the products for one text: linear layers and attention.
fn operations(config: &serde_json::Value, tokens: f64) -> f64 {
    let size = |key: &str| config[key].as_f64().unwrap();
    let (hidden, wide) = (size("hidden_size"), size("intermediate_size"));
    let linear = 2.0 * tokens * (4.0 * hidden * hidden + 2.0 * hidden * wide);
    let attention = 4.0 * tokens * tokens * hidden;
    size("num_hidden_layers") * (linear + attention)
}

/// A text of so many tokens, different for each seed.
fn text(bert: &Bert, tokens: usize, seed: usize) -> String {
    const WORDS: [&str; 12] = [
        "order", "return", "shipping", "label", "the", "customer", "package", "in", "delivery", "address",
        "a", "payment",
    ];
    let words: Vec<&str> = (0..tokens)
        .map(|i| WORDS[(i * i + seed * 7 + i * 3) % WORDS.len()])
        .collect();
    let text = words.join(" ");
    assert_eq!(bert.count(&text).unwrap(), tokens, "every word is one token");
    text
}

struct Matrices {
    size: usize,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Matrices {
    fn new(size: usize) -> Self {
        let [a, b, c] = [1.0, 0.5, 0.0].map(|value| vec![value; size * size]);
        Self { size, a, b, c }
    }

    fn multiply(&mut self) {
        let (n, stride) = (self.size, self.size as isize);
        let (c, a, b) = (self.c.as_mut_ptr(), self.a.as_ptr(), self.b.as_ptr());
        let none = gemm::Parallelism::None;
        // SAFETY: three separate matrices of `size * size`, dense, with a stride of `size`.
        #[expect(unsafe_code, reason = "gemm takes raw pointers")]
        unsafe {
            gemm::gemm(
                n, n, n, c, stride, 1, false, a, stride, 1, b, stride, 1, 1.0, 1.0, false, false, false, none,
            );
        }
        black_box(&self.c);
    }
}

/// CPU seconds of this thread.
fn seconds(work: impl FnOnce()) -> f64 {
    let now = || std::time::Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let start = now();
    work();
    (now() - start).as_secs_f64()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
