//! Every noun once, through the library: what it gives, what it refuses, and what the language adds
//! (threads, futures, closures that panic, drops in any order).

mod common;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{register_rms_feed_forward, runtime, small_config, Folder};
use serde_json::json;
use tessera::{
    Checkpoint, Code, Config, DType, GenerateOptions, Generator, Graph, Init, Job, OpDef, Program,
    ProgramOptions, Runtime, Tensor, Trainer,
};

fn assert_send<T: Send>() {}
fn assert_sync<T: Sync>() {}

#[test]
fn handles_cross_threads_as_the_header_says() {
    assert_send::<Runtime>();
    assert_send::<Config>();
    assert_send::<Tensor>();
    assert_send::<Graph>();
    assert_send::<Program>();
    assert_send::<Trainer>();
    assert_send::<Generator>();
    assert_send::<Job>();
    assert_sync::<Runtime>();
    assert_sync::<Config>();
    assert_sync::<Tensor>();
    assert_sync::<Job>();
    // Those that are not Sync have a compile_fail example in their documentation.
}

#[test]
fn versions_and_catalogue() {
    assert_eq!(tessera::version(), (0, 1, 0));
    assert!(tessera::build_info().unwrap().is_object());
    let runtime = runtime();
    assert_eq!(runtime.describe().unwrap()["threads"], 2);
    assert!(runtime.list("ops").unwrap().to_string().contains("matmul"));
    assert!(runtime.describe_type("FeedForward").unwrap().to_string().contains("hidden_dim"));
    let error = runtime.describe_type("FeedForwrd").unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert!(error.message().contains("FeedForward"), "{error}");
}

#[test]
fn configs() {
    let runtime = runtime();
    let mut config = small_config(&runtime, "corpus.txt".as_ref());
    assert_eq!(config.get::<i64>("trainer.steps").unwrap(), 6);
    let before = config.try_clone().unwrap();
    config.set("trainer.steps", 7).unwrap().set("data.train", "other.txt").unwrap();
    config.set_text("runtime.dtype", "bf16").unwrap();
    config.set("model.decoder.layer.feed_forward", json!({"hidden_dim": 24})).unwrap();
    assert_eq!(config.get::<Vec<String>>("data.train").unwrap(), ["other.txt"]);
    let diff = before.diff(&config).unwrap();
    assert!(diff.contains("trainer.steps"), "{diff}");
    assert!(config.to_json().unwrap().contains("bf16"));
    assert!(config.resolve().unwrap().is_object());
    assert!(config.explain().unwrap().contains("hidden_dim"));
    assert!(config.plan().unwrap().is_object());
    let again = Config::from_bytes(&runtime, &config.to_bytes().unwrap()).unwrap();
    assert_eq!(again.diff(&config).unwrap(), "");
    assert!(Config::from_bytes(&runtime, b"nonsense").is_err());
    let missing = Config::load(&runtime, "/nowhere/at/all.json").unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[test]
fn modifiers_edit_configs_all_or_nothing() {
    let runtime = runtime();
    assert!(runtime.json_schema().unwrap().is_object());
    let mut config = small_config(&runtime, "corpus.txt".as_ref());
    let learned = json!({"replace": "any position", "with": "LearnedPosition"});
    let report = config.modify(&learned).unwrap();
    assert_eq!(report["modifiers"][0]["places"], json!(["model.decoder.position"]));
    assert_eq!(config.get::<String>("model.decoder.position.type").unwrap(), "LearnedPosition");
    let before = config.to_json().unwrap();
    let wrong = "[\n{\"set\": {\"hidden_dim\": 48}, \"in\": \"FeedForward\"},\n{\"set\": \
                 {\"num_head\": 3}, \"in\": \"Attention\"}]";
    let error = config.modify_text(wrong, "m.json").unwrap_err();
    assert_eq!((error.code(), error.file()), (Code::InvalidArgument, Some("m.json")));
    assert_eq!(error.line(), Some(3));
    assert!(error.message().contains("num_heads"), "{error}");
    assert_eq!(config.to_json().unwrap(), before);
}

#[test]
fn builders_say_the_same_as_json() {
    use tessera::configs::*;
    let runtime = runtime();
    let feed_forward = FeedForward::new().hidden_dim(32).activation(Activation::Silu);
    let layer =
        TransformerLayer::new().attention(Attention::new().num_heads(2)).feed_forward(feed_forward);
    let model = LanguageModel::new()
        .vocab_size(256)
        .model_dim(16)
        .decoder(Decoder::new().num_layers(2).layer(layer));
    let data =
        Data::new().tokenizer(ByteTokenizer::new()).validation_fraction(0.1).train(&["corpus.txt"]);
    let experiment = Experiment::new()
        .model(model)
        .data(data)
        .trainer(Trainer::new().steps(6).batch_size(2).sequence_length(16))
        .optimizer(AdamW::new().learning_rate(0.01))
        .runtime(Runtime::new().seed(1).dtype(NumberFormat::Fp32));
    let built = Config::from_value(&runtime, &experiment).unwrap();
    let mut written = small_config(&runtime, "corpus.txt".as_ref());
    written.set("model.decoder.layer.feed_forward.activation", "silu").unwrap();
    assert_eq!(built.diff(&written).unwrap(), "");
}

#[test]
fn errors_of_configs_name_file_line_and_path() {
    let text = "{\n  \"trainer\": {\n    \"stepz\": 3,\n    \"batch_size\": \"x\"\n  }\n}\n";
    let error = Config::parse(&runtime(), text, "mine.json").unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.file(), Some("mine.json"));
    assert_eq!(error.line(), Some(3));
    assert_eq!(error.path(), Some("trainer.stepz"));
    let errors = error.details()["errors"].as_array().unwrap().clone();
    assert!(errors.len() >= 2, "all at once: {errors:?}");
    assert_eq!((&errors[0]["nearest"], &errors[1]["line"]), (&json!("steps"), &json!(4)));
    assert!(!error.is_retryable() && error.rank().is_none());
    assert!(format!("{error:?}").contains("line: 3"), "{error:?}");
}

#[test]
fn tensors() {
    let mut tensor = Tensor::from_vec(vec![1f32, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3]).unwrap();
    assert_eq!((tensor.dtype(), tensor.dims(), tensor.len()), (DType::F32, vec![2, 3], 6));
    tensor.as_mut_slice::<f32>().unwrap()[0] = 7.0;
    assert_eq!(tensor.to_f32_vec().unwrap(), [7.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(tensor.as_slice::<f64>().unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(Tensor::scalar(2.5f64).unwrap().item::<f64>().unwrap(), 2.5);
    let empty = Tensor::from_vec(Vec::<i64>::new(), &[0, 5]).unwrap();
    assert!(empty.is_empty() && empty.as_slice::<i64>().unwrap().is_empty());
    assert!(Tensor::from_vec(vec![1u8; 3], &[2, 2]).is_err());
    assert!(Tensor::from_vec(vec![1u8], &[-1, -1]).is_err());
    assert!(Tensor::zeros(DType::F32, &[1; 9]).is_err());
    assert!(Tensor::zeros(DType::F32, &[i64::MAX, 2]).is_err());
    // bf16 without the crate half: 0x3fc0 is 1.5.
    let mut bf16 = Tensor::zeros(DType::BF16, &[1]).unwrap();
    bf16.as_mut_bytes().copy_from_slice(&0x3fc0u16.to_ne_bytes());
    assert_eq!(bf16.to_f32_vec().unwrap(), [1.5]);
}

#[test]
fn a_tensor_keeps_the_memory_of_a_vec() {
    let data: Vec<i32> = (0..1000).collect();
    let address = data.as_ptr();
    let tensor = Tensor::from_vec(data, &[10, 100]).unwrap();
    assert_eq!(tensor.as_slice::<i32>().unwrap().as_ptr(), address);
    let managed = tensor.to_dlpack().unwrap();
    drop(tensor);
    // SAFETY: the managed tensor is ours until it is given away.
    let again = unsafe { Tensor::from_dlpack(managed) }.unwrap();
    assert_eq!(again.as_slice::<i32>().unwrap().as_ptr(), address);
    assert_eq!(again.as_slice::<i32>().unwrap()[999], 999);
}

#[cfg(feature = "ndarray")]
#[test]
fn ndarray_views_share_the_memory() {
    use ndarray::{array, Axis};
    let mut tensor = Tensor::from_array(array![[1f32, 2.0], [3.0, 4.0]]).unwrap();
    assert_eq!(
        tensor.view::<f32>().unwrap().sum_axis(Axis(0)).into_raw_vec_and_offset().0,
        [4.0, 6.0]
    );
    tensor.view_mut::<f32>().unwrap()[[1, 0]] = 9.0;
    assert_eq!(tensor.as_slice::<f32>().unwrap()[2], 9.0);
    let turned = Tensor::from_array(array![[1i32, 2], [3, 4]].reversed_axes()).unwrap();
    assert_eq!(turned.as_slice::<i32>().unwrap(), [1, 3, 2, 4]);
    let empty = Tensor::from_array(ndarray::Array2::<f32>::zeros((0, 3))).unwrap();
    assert_eq!(empty.view::<f32>().unwrap().shape(), [0, 3]);
}

#[cfg(feature = "half")]
#[test]
fn half_elements() {
    let values = [half::bf16::from_f32(1.5), half::bf16::from_f32(-2.0)];
    let tensor = Tensor::from_slice(&values, &[2]).unwrap();
    assert_eq!(tensor.as_slice::<half::bf16>().unwrap(), values);
    assert_eq!(tensor.to_f32_vec().unwrap(), [1.5, -2.0]);
    let tensor = Tensor::from_slice(&[half::f16::from_f32(0.25)], &[1]).unwrap();
    assert_eq!(tensor.to_f32_vec().unwrap(), [0.25]);
}

/// y = x w with the squared sum of y as loss.
fn square_graph(runtime: &Runtime) -> Graph {
    let graph = Graph::new(runtime).unwrap();
    let x = graph.input("x", DType::F64, "B,2").unwrap();
    let w = graph.param("w", DType::F64, "2,1", &Init::constant(0.5)).unwrap();
    let y = graph.add("matmul", &[x, w], ()).unwrap();
    assert_eq!(graph.type_of(y).unwrap(), "f64[B,1]");
    let squares = graph.add("mul", &[y, y], ()).unwrap();
    let sum = graph.add("reduce_sum", &[squares], json!({"dims": [0, 1]})).unwrap();
    let one = graph.add("fill", &[], json!({"value": 1, "dtype": "f64", "shape": ""})).unwrap();
    graph.output("y", y).unwrap();
    graph.loss("square", sum, one, 1.0).unwrap();
    graph
}

#[test]
fn graphs_and_gradients() {
    let runtime = runtime();
    let graph = square_graph(&runtime);
    assert!(graph.to_text().unwrap().contains("matmul"));
    let graph = Graph::from_bytes(&runtime, &graph.to_bytes().unwrap()).unwrap();
    let error = graph.add("matmull", &[], ()).unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    let options = ProgramOptions::new().gradients(true);
    let mut program = Program::from_graph(&graph, &options).unwrap();
    drop((graph, runtime)); // the program keeps alive what it needs
    let x = Tensor::from_slice(&[1f64, 2.0, 3.0, 5.0], &[2, 2]).unwrap();
    let (loss, outputs) = program.run_with_gradients(&[("x", &x)]).unwrap();
    assert_eq!(outputs["y"].as_slice::<f64>().unwrap(), [1.5, 4.0]);
    assert_eq!(loss, 1.5 * 1.5 + 16.0);
    // d/dw sum y^2 = 2 x^T y
    let gradient = program.gradient("w").unwrap();
    assert_eq!(gradient.as_slice::<f64>().unwrap(), [27.0, 46.0]);
    let mut w = program.param("w").unwrap();
    w.as_mut_slice::<f64>().unwrap().copy_from_slice(&[1.0, 0.0]);
    program.set_param("w", &w).unwrap();
    let outputs = program.run(&[("x", &x)]).unwrap();
    assert_eq!(outputs["y"].as_slice::<f64>().unwrap(), [1.0, 3.0]);
    assert!(outputs.get("z").is_none() && outputs.iter().count() == 2);
    assert_eq!(program.param("v").unwrap_err().code(), Code::NotFound);
    assert!(program.to_text().unwrap().contains("matmul"));
    let error = program.run(&[("y", &x)]).unwrap_err();
    assert!(error.message().contains("input"), "{error}");
    assert_eq!(program.run(&[("x\0", &x)]).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn modules_of_the_catalogue_in_a_graph() {
    let runtime = runtime();
    let module = json!({"type": "FeedForward", "model_dim": 4, "hidden_dim": 6});
    let module = Config::from_value(&runtime, &module).unwrap();
    let graph = Graph::new(&runtime).unwrap();
    let x = graph.input("x", DType::F64, "B,T,4").unwrap();
    let [y] = graph.call(&module, "ff", &[x], ()).unwrap()[..] else { panic!("one output") };
    assert_eq!(graph.type_of(y).unwrap(), "f64[B,T,4]");
    graph.output("y", y).unwrap();
    assert!(graph.call(&module, "ff2", &[x], json!({"mode": "nonsense"})).is_err());
    let mut program = Program::from_graph(&graph, &ProgramOptions::new()).unwrap();
    assert_eq!(program.param("ff/down_proj/weight").unwrap().dims(), [6, 4]);
    let x = Tensor::zeros(DType::F64, &[1, 2, 4]).unwrap();
    assert_eq!(program.run(&[("x", &x)]).unwrap()["y"].dims(), [1, 2, 4]);
}

#[test]
fn imports_and_exports_are_jobs() {
    let (folder, runtime) = (Folder::new(), runtime());
    let job = Checkpoint::import(&runtime, folder.at("none"), folder.at("to")).unwrap();
    assert_eq!(block_on(job).unwrap_err().code(), Code::NotFound);
    let mut config = small_config(&runtime, &folder.corpus());
    config.set("model.decoder.position", "RotaryPosition").unwrap();
    Trainer::new(&config).unwrap().save_to(folder.at("saved")).unwrap();
    let (saved, exported) = (folder.at("saved"), folder.at("hf"));
    let job = Checkpoint::export(&runtime, &saved, &exported, json!({"family": "none"})).unwrap();
    assert!(job.wait().is_err());
    assert_eq!(job.report().unwrap_err().code(), Code::FailedPrecondition);
    let job = Checkpoint::export(&runtime, &saved, &exported, ()).unwrap();
    job.wait().unwrap();
    assert!(job.report().unwrap()["tensors"].as_i64().unwrap() > 0);
    let job = Checkpoint::import(&runtime, &exported, folder.at("again")).unwrap();
    job.wait().unwrap();
    let read = |name| Checkpoint::open(folder.at(name)).unwrap().read("embedding/weight").unwrap();
    assert_eq!(read("again").as_bytes(), read("saved").as_bytes());
}

#[test]
fn training_saving_loading_and_generating() {
    let (folder, runtime) = (Folder::new(), runtime());
    let config = small_config(&runtime, &folder.corpus());
    let mut trainer = Trainer::builder(&config).out_dir(folder.at("out")).build().unwrap();
    let records = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&records);
    trainer.add_sink(move |record| seen.lock().unwrap().push(record.to_string())).unwrap();
    let losses: Vec<f64> = trainer.steps().map(|step| step.unwrap().loss).collect();
    assert_eq!(losses.len(), 6);
    assert_eq!(records.lock().unwrap().len(), 6);
    assert_eq!(trainer.step().unwrap_err().code(), Code::OutOfRange);
    assert!(trainer.evaluate().unwrap() > 0.0);
    assert_eq!(trainer.describe().unwrap()["step"], 6);
    assert_eq!(trainer.profile().unwrap_err().code(), Code::FailedPrecondition);
    trainer.save().unwrap();
    trainer.save_to(folder.at("copy")).unwrap();
    assert_eq!(trainer.save_to(folder.at("copy")).unwrap_err().code(), Code::AlreadyExists);

    let greedy = GenerateOptions::new().max_tokens(12).temperature(0.0);
    let mut shared = trainer.generator().unwrap();
    let mut streamed = String::new();
    let text = shared.generate_with("the ", &greedy, |piece| {
        streamed += piece;
        ControlFlow::Continue(())
    });
    assert_eq!(text.unwrap(), streamed);
    let mut loaded = Generator::from_checkpoint(&runtime, folder.at("out")).unwrap();
    assert_eq!(loaded.generate("the ", &greedy).unwrap(), streamed);
    let mut calls = 0;
    let stop = |_: &[u8]| {
        calls += 1;
        ControlFlow::Break(())
    };
    loaded.generate_bytes("the ", &greedy, stop).unwrap();
    assert_eq!(calls, 1);

    let checkpoint = Checkpoint::verify(folder.at("out")).unwrap();
    assert_eq!(checkpoint.step(), 6);
    let embedding = checkpoint.read("embedding/weight").unwrap();
    assert_eq!(embedding.dims(), [256, 16]);
    let options = ProgramOptions::new();
    let program = Program::from_checkpoint(&runtime, folder.at("copy"), &options).unwrap();
    let param = program.param("embedding/weight").unwrap();
    assert_eq!(param.as_bytes(), embedding.as_bytes());
    assert_eq!(checkpoint.read("embedding/wait").unwrap_err().code(), Code::NotFound);
    let optimizer = checkpoint.tensors().iter().find(|info| !info.slot.is_empty()).unwrap();
    checkpoint.read_slot(&optimizer.path, &optimizer.slot).unwrap();

    drop(trainer);
    let mut resumed =
        Trainer::builder(&config).out_dir(folder.at("out")).resume(true).build().unwrap();
    assert!(resumed.steps().next().is_none());
    let mut fresh = Trainer::new(&config).unwrap();
    let first = fresh.step().unwrap();
    assert_eq!(first.loss.to_bits(), losses[0].to_bits());
    assert!(first.eval_loss.is_none() && !first.skipped && first.tokens == 32);
    fresh.load(folder.at("copy")).unwrap();
    assert_eq!(fresh.describe().unwrap()["step"], 6);
}

fn endless(folder: &Folder, runtime: &Runtime) -> Trainer {
    let mut config = small_config(runtime, &folder.corpus());
    config.set("trainer.steps", 100_000_000).unwrap();
    Trainer::builder(&config).out_dir(folder.at("out")).build().unwrap()
}

#[test]
fn jobs_are_waited_for_and_cancelled() {
    let (folder, runtime) = (Folder::new(), runtime());
    let mut trainer = endless(&folder, &runtime);
    let progress = trainer.run_steps(3).unwrap().wait().unwrap();
    assert!(progress.is_done && progress.step == 3 && progress.last.unwrap().step == 3);
    assert!(trainer.run_steps(0).is_err());

    let job = trainer.run().unwrap();
    assert!(job.wait_timeout(Duration::from_millis(30)).unwrap().is_none());
    assert_eq!(trainer.step().unwrap_err().code(), Code::FailedPrecondition);
    let canceller = job.canceller();
    let thread = std::thread::spawn(move || canceller.cancel());
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
    thread.join().unwrap();
    assert!(job.progress().unwrap().is_done);
    Checkpoint::open(folder.at("out")).unwrap();

    drop(trainer.run().unwrap()); // cancels, and has left the trainer
    trainer.step().unwrap();
    let job = trainer.run().unwrap();
    drop(trainer);
    assert_eq!(job.wait().unwrap_err().code(), Code::Cancelled);
}

/// Polls as executors do, without one: sleeps until it is woken.
fn block_on<F: std::future::Future>(future: F) -> F::Output {
    use std::task::{Context, Poll, Wake};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn jobs_are_awaited() {
    let (folder, runtime) = (Folder::new(), runtime());
    let mut trainer = endless(&folder, &runtime);
    let progress = block_on(async { trainer.run_steps(5)?.await }).unwrap();
    assert_eq!((progress.step, progress.is_done), (5, true));
    let job = trainer.run().unwrap();
    let canceller = job.canceller();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        canceller.cancel();
    });
    assert_eq!(block_on(job).unwrap_err().code(), Code::Cancelled);
    // Dropped while it is awaited: cancelled.
    let mut job = trainer.run().unwrap();
    let waker = std::task::Waker::noop();
    let pending = std::future::Future::poll(
        std::pin::Pin::new(&mut job),
        &mut std::task::Context::from_waker(waker),
    );
    assert!(pending.is_pending());
    drop(job);
    trainer.step().unwrap();
}

#[test]
fn panics_of_sinks_and_streams_stay_on_this_side() {
    let (folder, runtime) = (Folder::new(), runtime());
    let mut trainer = endless(&folder, &runtime);
    let panics = Arc::new(AtomicBool::new(true));
    let asks = Arc::clone(&panics);
    trainer
        .add_sink(move |_| {
            assert!(!asks.load(Ordering::SeqCst), "the sink has had enough");
        })
        .unwrap();
    let error = trainer.step().unwrap_err();
    assert!(error.message().contains("the sink has had enough"), "{error}");
    let error = trainer.run_steps(2).unwrap().wait().unwrap_err();
    assert!(error.message().contains("the sink has had enough"), "{error}");
    panics.store(false, Ordering::SeqCst);
    trainer.step().unwrap();

    let mut generator = trainer.generator().unwrap();
    let options = GenerateOptions::new().max_tokens(5);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = generator.generate_with("a", &options, |_| panic!("no more text"));
    }));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "no more text");
    assert!(generator.generate("a", &options).is_ok());
}

#[test]
fn a_layer_in_rust_trains_and_runs_where_its_code_is_not() {
    let (folder, runtime) = (Folder::new(), runtime());
    register_rms_feed_forward(&runtime).unwrap();
    assert_eq!(register_rms_feed_forward(&runtime).unwrap_err().code(), Code::AlreadyExists);
    let mut config = small_config(&runtime, &folder.corpus());
    let layer = json!({"type": "RmsFeedForward", "hidden_dim": 24});
    config.set("model.decoder.layer.feed_forward", layer).unwrap();
    config.set("trainer.steps", 30).unwrap();
    let mut trainer = Trainer::new(&config).unwrap();
    let losses: Vec<f64> = trainer.steps().map(|step| step.unwrap().loss).collect();
    assert!(losses[29] < losses[0] - 1.0, "{losses:?}");
    trainer.save_to(folder.at("saved")).unwrap();
    let logits = |runtime: &Runtime| {
        let options = ProgramOptions::new();
        let mut program = Program::from_checkpoint(runtime, folder.at("saved"), &options).unwrap();
        let tokens = Tensor::from_slice(&[116i32, 104, 101], &[1, 3]).unwrap();
        program.run(&[("tokens", &tokens)]).unwrap()["logits"].to_f32_vec().unwrap()
    };
    assert_eq!(logits(&runtime), logits(&common::runtime()));
}

const LIKE_BUILT_IN: [&str; 2] = [
    r#"
table RustFeedForward (role: "feed_forward") {
  model_dim: long (flows: "model_dim", required_field, min: "1");
  hidden_dim: long (required_field, min: "1");
  bias: bool = false;
  init_std: double = 0.02 (min: "0");
  up_proj: Slot (role: "linear", default_type: "Linear", dims: "model_dim -> hidden_dim",
      names: "embed -> mlp", gives: "bias; init_std");
  gate_proj: Slot (role: "linear", default_type: "Linear", dims: "model_dim -> hidden_dim",
      names: "embed -> mlp", gives: "bias; init_std");
  down_proj: Slot (role: "linear", default_type: "Linear", dims: "hidden_dim -> model_dim",
      names: "mlp -> embed", gives: "bias; init_std");
}
"#,
    r#"
table RustGate (role: "gate") {
  model_dim: long (flows: "model_dim", required_field, min: "1");
  num_experts: long (flows: "num_experts", required_field, min: "1");
  top_k: long = 2 (min: "1", inherits: "top_k");
}
"#,
];

/// What FeedForward and TopKGate of the catalogue build.
fn register_like_built_in(runtime: &Runtime) -> tessera::Result<()> {
    runtime.register_module(LIKE_BUILT_IN[0], "RustFeedForward", |scope, _, inputs| {
        let up = scope.call("up_proj", inputs)?[0];
        let gate = scope.call("gate_proj", inputs)?[0];
        let hidden = scope.add("glu", &[gate, up], json!({"activation": "silu"}))?;
        scope.call("down_proj", &[hidden])
    })?;
    runtime.register_module(LIKE_BUILT_IN[1], "RustGate", |scope, config, inputs| {
        let dims = [config.get("model_dim")?, config.get("num_experts")?];
        let init = Init::normal(0.02).logical_dims(&["embed", "router"]);
        let weight = scope.param("weight", &dims, &init)?;
        let logits = scope.add("matmul", &[inputs[0], weight], ())?;
        let k: i64 = config.get("top_k")?;
        let ids = scope.add_many("top_k", &[logits], json!({ "k": k }))?[1];
        let scores = scope.add("softmax", &[logits], ())?;
        let picked = scope.add("pick", &[logits, ids], ())?;
        Ok(vec![ids, scope.add("softmax", &[picked], ())?, scores, logits])
    })
}

#[test]
fn modules_in_rust_are_the_same_program_as_built_in_ones() {
    let (folder, runtime) = (Folder::new(), runtime());
    register_like_built_in(&runtime).unwrap();
    let feed_forward = |kind: &str| json!({"type": kind, "hidden_dim": 24});
    let mixture = |kind: &str| {
        json!({"type": "MixtureOfExperts", "num_experts": 4, "top_k": 2,
               "expert": {"hidden_dim": 16}, "gate": {"type": kind}})
    };
    for pair in [
        [feed_forward("FeedForward"), feed_forward("RustFeedForward")],
        [mixture("TopKGate"), mixture("RustGate")],
    ] {
        let [built_in, own] = pair.map(|part| {
            let mut config = small_config(&runtime, &folder.corpus());
            config.set("model.decoder.layer.feed_forward", part).unwrap();
            let program = Program::from_config(&config, &ProgramOptions::new()).unwrap();
            let mut trainer = Trainer::new(&config).unwrap();
            let losses: Vec<f64> = trainer.steps().map(|step| step.unwrap().loss).collect();
            (program.describe().unwrap()["program_hash"].clone(), losses)
        });
        assert!(!built_in.0.is_null() && built_in.1.len() == 6);
        assert_eq!(built_in, own);
    }
}

#[test]
fn closures_that_fail_panic_or_return_too_much() {
    const SCHEMA: &str = r#"table Wrong (role: "feed_forward") { }"#;
    let runtime = runtime();
    let what = Arc::new(AtomicU32::new(0));
    let dropped = Arc::new(AtomicU32::new(0));
    struct Counts(Arc<AtomicU32>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (asks, guard) = (Arc::clone(&what), Counts(Arc::clone(&dropped)));
    runtime
        .register_module(SCHEMA, "Wrong", move |scope, _, inputs| {
            let _ = &guard;
            match asks.load(Ordering::SeqCst) {
                0 => Err(tessera::Error::new(Code::Unavailable, "not today")),
                1 => panic!("lost {} things", 3),
                2 => Ok(vec![inputs[0]; 100]),
                3 => Ok(vec![scope.call("nothing", inputs)?[0]]),
                _ => Ok(vec![inputs[0]]),
            }
        })
        .unwrap();
    let mut config = small_config(&runtime, "none".as_ref());
    config.set("model.decoder.layer.feed_forward", "Wrong").unwrap();
    let compile = || Program::from_config(&config, &ProgramOptions::new());
    for (code, text) in [
        (Code::Unavailable, "not today"),
        (Code::Unknown, "panicked: lost 3 things"),
        (Code::InvalidArgument, "expected at most 64 outputs, got 100"),
        (Code::NotFound, "nothing"),
    ] {
        let error = compile().unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(text), "{error}");
        what.fetch_add(1, Ordering::SeqCst);
    }
    compile().unwrap();
    drop((config, runtime));
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    // Also when registering fails.
    let guard = Counts(Arc::clone(&dropped));
    let refused = common::runtime().register_module("table X {}", "X", move |_, _, inputs| {
        let _ = &guard;
        Ok(inputs.to_vec())
    });
    assert!(refused.is_err());
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

/// x * x * factor with its gradient.
fn scaled_square() -> OpDef {
    OpDef::new("scaled_square", "x[..., D] -> y[..., D]", |attrs, inputs, outputs| {
        let factor = attrs["factor"].as_f64().unwrap_or(1.0);
        assert!(factor != 13.0, "an unlucky factor");
        let y = outputs[0].as_mut_slice::<f64>()?;
        let x = inputs[0].as_slice::<f64>()?;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = factor * x * x);
        Ok(())
    })
    .version(2)
    .doc("The square, scaled.")
    .gradient(|scope, attrs, values| {
        let product = scope.add("mul", &[values[0], values[2]], ())?;
        let factor = attrs["factor"].as_f64().unwrap_or(1.0);
        let factor = json!({"value": 2.0 * factor, "dtype": "f64", "shape": ""});
        let factor = scope.add("fill", &[], factor)?;
        Ok(vec![Some(scope.add("mul", &[product, factor], ())?)])
    })
}

#[test]
fn an_op_in_rust_has_gradients_and_errors() {
    let runtime = runtime();
    runtime.register_op(scaled_square()).unwrap();
    assert_eq!(runtime.register_op(scaled_square()).unwrap_err().code(), Code::AlreadyExists);
    let program = |factor: f64, dtype, has_gradients| {
        let graph = Graph::new(&runtime).unwrap();
        let x = graph.param("x", dtype, "3", &Init::constant(2.0)).unwrap();
        let y = graph.add("scaled_square", &[x], json!({"factor": factor})).unwrap();
        let sum = graph.add("reduce_sum", &[y], json!({"dims": [0]})).unwrap();
        let name = DType::name(dtype);
        let one = json!({"value": 1, "dtype": name, "shape": ""});
        let one = graph.add("fill", &[], one).unwrap();
        graph.loss("sum", sum, one, 1.0).unwrap();
        Program::from_graph(&graph, &ProgramOptions::new().gradients(has_gradients)).unwrap()
    };
    let mut good = program(3.0, DType::F64, true);
    assert_eq!(good.run_with_gradients(&[]).unwrap().0, 36.0);
    assert_eq!(good.gradient("x").unwrap().as_slice::<f64>().unwrap(), [12.0; 3]);
    let error = program(13.0, DType::F64, true).run(&[]).unwrap_err();
    assert_eq!(error.code(), Code::Unknown);
    assert!(error.message().contains("an unlucky factor"), "{error}");
    let error = program(1.0, DType::F32, false).run(&[]).unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented, "{error}");
    let nul = OpDef::new("a\0b", "x[D] -> y[D]", |_, _, _| Ok(()));
    assert_eq!(runtime.register_op(nul).unwrap_err().code(), Code::InvalidArgument);
}
