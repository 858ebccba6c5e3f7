//! A plug-in in Rust: a gate that weighs its experts equally.

use serde_json::json;
use tessera::{Init, Result, Runtime};

const SCHEMA: &str = r#"
    /// The experts of the largest logits, all with the same weight.
    table BluntGate (role: "gate") {
      model_dim: long (flows: "model_dim", required_field, min: "1");
      num_experts: long (flows: "num_experts", required_field, min: "1");
      top_k: long = 2 (inherits: "top_k", min: "1");
    }"#;

fn start(runtime: &Runtime) -> Result<()> {
    runtime.register_module(SCHEMA, "BluntGate", |scope, config, inputs| {
        let (model, experts): (i64, i64) = (config.get("model_dim")?, config.get("num_experts")?);
        let k: i64 = config.get("top_k")?;
        let weight = scope.param("weight", &[model, experts], &Init::normal(0.02))?;
        let logits = scope.add("matmul", &[inputs[0], weight], ())?;
        let logits = scope.add("cast", &[logits], json!({"dtype": "f32"}))?;
        let ids = scope.add_many("top_k", &[logits], json!({"k": k}))?[1];
        let chosen = scope.add("pick", &[logits, ids], ())?;
        let zero = scope.add("sub", &[chosen, chosen], ())?;
        let equal = scope.add("softmax", &[zero], ())?;
        let scores = scope.add("softmax", &[logits], ())?;
        Ok(vec![ids, equal, scores, logits])
    })
}

tessera::plugin!(r#"{"name": "blunt-gate", "version": "1.0.0", "provides": ["BluntGate"]}"#, start);
