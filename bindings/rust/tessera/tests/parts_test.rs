//! A data source, an optimizer and a schedule of one's own: program and losses as built in.

mod common;

use std::fs;
use std::future::Future;
use std::pin::pin;
use std::sync::mpsc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::{runtime, small_config, Folder};
use serde_json::json;
use tessera::{ops, Code, Config, DType, Error, Graph, Runtime, Trainer};

const SGD: &str = r#"
    /// Stochastic gradient descent with momentum.
    table HostSgd (role: "optimizer") {
      learning_rate: double = 0.01;
      momentum: double = 0.9;
      weight_decay: double = 0;
    }"#;
const FALL: &str = r#"
    /// A straight line to nothing.
    table HostFall (role: "schedule") { warmup_steps: long = 0; }"#;

fn built_in(runtime: &Runtime, folder: &Folder) -> Config {
    let mut config = small_config(runtime, &folder.corpus());
    let sgd = json!({"type": "Sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.1});
    let fall = json!({"type": "LinearDecay", "warmup_steps": 0, "min_lr_ratio": 0});
    config.set("optimizer", sgd).unwrap().set("schedule", fall).unwrap();
    config
}

fn register(runtime: &Runtime, text: String) -> tessera::Result<()> {
    runtime.register_source("memory", move |corpus, name| {
        assert_eq!(name, "anything");
        corpus.add_text(&text)
    })?;
    runtime.register_optimizer(SGD, "HostSgd", &["momentum"], |scope, update| {
        assert!(update.dtype == "f32" && !update.dims.is_empty());
        let momentum: f64 = update.config.get("momentum")?;
        let (rate, step) = (update.learning_rate, update.step);
        scope.add_many(
            "sgd_update",
            &[update.param, update.gradient, update.slots[0], rate, step, update.clip],
            json!({"momentum": momentum, "weight_decay": update.weight_decay}),
        )
    })?;
    runtime.register_schedule(FALL, "HostFall", |config, step, total_steps| {
        assert_eq!(config.get::<i64>("warmup_steps")?, 0);
        Ok(1.0 - step as f64 / total_steps as f64)
    })
}

fn losses(config: &Config) -> Vec<(f64, f64)> {
    let mut trainer = Trainer::new(config).unwrap();
    trainer.steps().map(|step| step.unwrap()).map(|step| (step.loss, step.learning_rate)).collect()
}

#[test]
fn the_same_program_and_losses_as_built_in() {
    let (runtime, folder) = (runtime(), Folder::new());
    let plain = built_in(&runtime, &folder);
    register(&runtime, fs::read_to_string(folder.corpus()).unwrap()).unwrap();
    let mut custom = built_in(&runtime, &folder);
    custom.set("data.source", "memory").unwrap().set("data.train", "anything").unwrap();
    let sgd = json!({"type": "HostSgd", "learning_rate": 0.05, "weight_decay": 0.1});
    custom.set("optimizer", sgd).unwrap().set("schedule", json!({"type": "HostFall"})).unwrap();
    let text = r#"{"text": true}"#;
    assert_eq!(plain.plan_with(text).unwrap(), custom.plan_with(text).unwrap());
    assert_eq!(losses(&plain).len(), 6);
    assert_eq!(losses(&plain), losses(&custom));
}

#[test]
fn errors_and_panics_of_parts_are_those_of_the_call() {
    let (runtime, folder) = (runtime(), Folder::new());
    let refuse =
        |_: &mut tessera::Corpus<'_>, _: &str| Err(Error::new(Code::Unavailable, "no line"));
    runtime.register_source("refuses", refuse).unwrap();
    runtime.register_source("panics", |_, _| panic!("at the disco")).unwrap();
    runtime
        .register_source("mixed", |corpus, _| {
            corpus.add_tokens(&[1, 2, 3])?;
            corpus.add_narrow_tokens(&[4, 5])?;
            corpus.add_text("text")
        })
        .unwrap();
    for (source, code, text) in [
        ("refuses", Code::Unavailable, "no line"),
        ("panics", Code::Unknown, "at the disco"),
        ("mixed", Code::InvalidArgument, "one or the other"),
    ] {
        let mut config = built_in(&runtime, &folder);
        config.set("data.source", source).unwrap();
        let error = Trainer::new(&config).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(text), "{error}");
    }
    let error = runtime.load_plugin(folder.corpus()).unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let open = Runtime::builder().threads(1).plugins(true).build().unwrap();
    let error = open.load_plugin(folder.corpus()).unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);
}

#[test]
fn ops_add_what_they_name() {
    let runtime = runtime();
    let text = |is_typed: bool| {
        let graph = Graph::new(&runtime).unwrap();
        let x = graph.input("x", DType::F32, "N,8").unwrap();
        let w = graph.input("w", DType::F32, "4,8").unwrap();
        let (most, indices) = if is_typed {
            let y = ops::Matmul::new().transpose_rhs(true).add(&graph, x, w).unwrap();
            let [values, indices] = ops::TopK::new(2).add(&graph, y).unwrap();
            let low = ops::Fill::new().value(f64::NEG_INFINITY).add(&graph, &[]).unwrap();
            (ops::Maximum::new().add(&graph, values, low).unwrap(), indices)
        } else {
            let y = graph.add("matmul", &[x, w], json!({"transpose_rhs": true})).unwrap();
            let top = graph.add_many("top_k", &[y], json!({"k": 2})).unwrap();
            let low = graph.add("fill", &[], json!({"value": "-inf"})).unwrap();
            (graph.add("maximum", &[top[0], low], ()).unwrap(), top[1])
        };
        graph.output("a", most).unwrap();
        graph.output("b", indices).unwrap();
        graph.to_text().unwrap()
    };
    assert_eq!(text(true), text(false));
}

struct Signal(mpsc::Sender<()>);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

#[test]
fn the_end_of_a_job_wakes_who_polls() {
    let (runtime, folder) = (runtime(), Folder::new());
    let mut trainer = Trainer::new(&built_in(&runtime, &folder)).unwrap();
    let (sender, receiver) = mpsc::channel();
    let waker = Waker::from(Arc::new(Signal(sender)));
    let mut job = pin!(trainer.run().unwrap());
    let mut context = Context::from_waker(&waker);
    let progress = loop {
        match job.as_mut().poll(&mut context) {
            Poll::Ready(result) => break result.unwrap(),
            Poll::Pending => receiver.recv_timeout(Duration::from_secs(60)).expect("a wake"),
        }
    };
    assert_eq!(progress.step, 6);
}
