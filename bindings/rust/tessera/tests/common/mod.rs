//! What the tests share: a model that trains in milliseconds, on text with something to learn.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use tessera::{Config, Init, Result, Runtime};

/// A folder of this test alone, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tessera_rust_{}_{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn corpus(&self) -> PathBuf {
        let path = self.at("corpus.txt");
        let line = |i| format!("line {}: the quick brown fox jumps over the lazy dog.\n", i % 10);
        fs::write(&path, (0..400).map(line).collect::<String>()).expect("a corpus");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[allow(dead_code)] // not every test file wants it
pub fn runtime() -> Runtime {
    Runtime::builder().checked(true).threads(2).build().expect("a runtime")
}

pub fn small_config(runtime: &Runtime, corpus: &Path) -> Config {
    let value = json!({
        "model": {"type": "LanguageModel", "vocab_size": 256, "model_dim": 16,
            "decoder": {"num_layers": 2, "layer": {
                "attention": {"num_heads": 2}, "feed_forward": {"hidden_dim": 32}}}},
        "data": {"tokenizer": "ByteTokenizer", "validation_fraction": 0.1, "train": corpus},
        "trainer": {"steps": 6, "batch_size": 2, "sequence_length": 16},
        "optimizer": {"learning_rate": 0.01},
        "runtime": {"seed": 1, "dtype": "fp32"},
    });
    Config::from_value(runtime, &value).expect("a config")
}

/// The layer of samples/custom_layer: y = (silu(n gate) * (n up)) down, n = x / rms(x) * scale.
#[allow(dead_code)]
pub const RMS_SCHEMA: &str = r#"
/// A gated feed-forward layer that brings its own norm.
table RmsFeedForward (role: "feed_forward") {
  model_dim: long (flows: "model_dim", required_field, min: "1");
  hidden_dim: long (required_field, min: "1", max: "1000000");
}
"#;

#[allow(dead_code)]
pub fn register_rms_feed_forward(runtime: &Runtime) -> Result<()> {
    runtime.register_module(RMS_SCHEMA, "RmsFeedForward", |scope, config, inputs| {
        let (model, hidden) = (config.get("model_dim")?, config.get("hidden_dim")?);
        let normal = Init::normal(0.02);
        let scale = scope.param("scale", &[model], &Init::constant(1.0))?;
        let gate = scope.param("gate/weight", &[model, hidden], &normal)?;
        let up = scope.param("up/weight", &[model, hidden], &normal)?;
        let down = scope.param("down/weight", &[hidden, model], &normal)?;
        let n = scope.add("rms_norm", &[inputs[0], scale], ())?;
        let a = scope.add("matmul", &[n, gate], ())?;
        let b = scope.add("matmul", &[n, up], ())?;
        let h = scope.add("glu", &[a, b], json!({"activation": "silu"}))?;
        Ok(vec![scope.add("matmul", &[h, down], ())?])
    })
}
