//! The actions that all languages and the command line do alike; prints what came out as JSON.
//!
//!   parity CONFIG OUT WRONG_CONFIG

use serde_json::json;
use tessera::{Code, Config, GenerateOptions, Generator, Result, Runtime, Trainer};

fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, config, out, wrong] = arguments.as_slice() else {
        eprintln!("usage: parity CONFIG OUT WRONG_CONFIG");
        std::process::exit(2);
    };
    let runtime = Runtime::builder().threads(1).build()?;
    let config = Config::load(&runtime, config)?;
    let mut trainer = Trainer::builder(&config).out_dir(out).build()?;
    let losses: Result<Vec<f64>> = trainer.steps().map(|step| Ok(step?.loss)).collect();
    let losses = losses?;
    let eval_loss = trainer.evaluate()?;
    trainer.save()?;
    drop(trainer);
    let greedy = GenerateOptions::new().max_tokens(24).temperature(0.0);
    let text = Generator::from_checkpoint(&runtime, out)?.generate("the ", &greedy)?;
    let error = Config::load(&runtime, wrong).expect_err("a wrong config");
    println!(
        "{}",
        json!({
            "losses": losses,
            "eval_loss": eval_loss,
            "text": text,
            "error": {"code": code_name(error.code()), "path": error.path(), "file": error.file(),
                      "line": error.line()},
        })
    );
    Ok(())
}
