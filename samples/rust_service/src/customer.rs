//! A customer's model: a folder with text and checkpoints, a training that may run, and a thread that
//! generates.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, thread};

use serde_json::{json, Map, Value as Json};
use tessera::{
    Canceller, Checkpoint, Code, Config, Error, GenerateOptions, Generator, Result, Runtime,
    Trainer,
};
use tokio::sync::{broadcast, oneshot, watch};

/// Prompts that may wait for one model.
const QUEUE_LIMIT: usize = 256;
/// Events that a slow listener may lag behind.
const EVENTS_KEPT: usize = 1024;

/// All customers, made when they are first asked for.
pub struct Customers {
    runtime: Arc<Runtime>,
    config: PathBuf,
    folder: PathBuf,
    open: Mutex<HashMap<String, Arc<Customer>>>,
}

impl Customers {
    pub fn new(config: PathBuf, folder: PathBuf) -> Result<Customers> {
        let runtime = Arc::new(Runtime::new()?);
        Config::load(&runtime, &config)?; // what is wrong with it is said now
        Ok(Customers { runtime, config, folder, open: Mutex::default() })
    }

    /// Names are parts of paths, so they are few letters.
    pub fn get(&self, name: &str) -> Result<Arc<Customer>> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(is_plain) {
            let text = "name: expected 1 to 40 of a-z, 0-9 and -";
            return Err(Error::new(Code::InvalidArgument, text));
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(customer) = open.get(name) {
            return Ok(Arc::clone(customer));
        }
        let folder = self.folder.join(name);
        let customer = Customer::start(Arc::clone(&self.runtime), self.config.clone(), folder)?;
        open.insert(name.to_string(), Arc::clone(&customer));
        Ok(customer)
    }

    /// Cancels all trainings and waits until they have saved.
    pub async fn close(&self) {
        let all: Vec<_> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.values().cloned().collect()
        };
        all.iter().for_each(|customer| customer.cancel());
        for customer in all {
            customer.wait_for_training().await;
        }
    }
}

/// What training there is.
#[derive(Clone, Default)]
struct Training {
    is_running: bool,
    canceller: Option<Canceller>,
    error: Option<String>,
}

/// A prompt that waits for the thread that generates.
struct Prompt {
    text: String,
    options: GenerateOptions,
    answer: oneshot::Sender<Result<String>>,
}

pub struct Customer {
    runtime: Arc<Runtime>,
    config: PathBuf,
    folder: PathBuf,
    training: watch::Sender<Training>,
    events: broadcast::Sender<String>,
    prompts: SyncSender<Prompt>,
    /// Counts checkpoints, so that the generator knows when to read the newest.
    saved: AtomicU64,
}

impl Customer {
    fn start(runtime: Arc<Runtime>, config: PathBuf, folder: PathBuf) -> Result<Arc<Customer>> {
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        let (prompts, waiting) = sync_channel(QUEUE_LIMIT);
        let customer = Arc::new(Customer {
            runtime,
            config,
            folder,
            training: watch::Sender::default(),
            events: broadcast::Sender::new(EVENTS_KEPT),
            prompts,
            saved: AtomicU64::new(1),
        });
        let generating = Arc::clone(&customer);
        thread::spawn(move || generating.answer_prompts(&waiting));
        Ok(customer)
    }

    fn checkpoints(&self) -> PathBuf {
        self.folder.join("run")
    }

    pub fn put_text(&self, text: &[u8]) -> Result<()> {
        let path = self.folder.join("text");
        fs::write(&path, text).map_err(|error| failed(&path, error))
    }

    /// Begins to train, or goes on from the newest checkpoint.
    pub fn train(self: &Arc<Self>, steps: i64, changes: Map<String, Json>) -> Result<()> {
        let is_free = self.training.send_if_modified(|training| {
            let is_free = !training.is_running;
            if is_free {
                *training = Training { is_running: true, ..Training::default() };
            }
            is_free
        });
        if !is_free {
            return Err(Error::new(Code::FailedPrecondition, "a training runs already"));
        }
        let trainer = self.prepare(steps, &changes).inspect_err(|error| self.ended(Some(error)))?;
        let customer = Arc::clone(self);
        thread::spawn(move || {
            let result = customer.run(trainer);
            customer.saved.fetch_add(1, Ordering::SeqCst);
            customer.ended(result.err().as_ref());
        });
        Ok(())
    }

    fn prepare(&self, steps: i64, changes: &Map<String, Json>) -> Result<Trainer> {
        let mut config = Config::load(&self.runtime, &self.config)?;
        config.set("data.train", self.folder.join("text"))?;
        for (path, value) in changes {
            config.set(path, value)?;
        }
        let done = Checkpoint::open(self.checkpoints()).map_or(0, |checkpoint| checkpoint.step());
        config.set("trainer.steps", done + steps)?;
        let mut trainer =
            Trainer::builder(&config).out_dir(self.checkpoints()).resume(done > 0).build()?;
        let events = self.events.clone();
        trainer.add_sink(move |record| {
            let _ = events.send(record.to_string()); // nobody may be listening
        })?;
        Ok(trainer)
    }

    fn run(&self, mut trainer: Trainer) -> Result<()> {
        let job = trainer.run()?;
        self.training.send_modify(|training| training.canceller = Some(job.canceller()));
        match job.wait() {
            Err(error) if error.code() == Code::Cancelled => Ok(()), // it has saved
            result => result.map(|_| ()),
        }
    }

    fn ended(&self, error: Option<&Error>) {
        let error = error.map(|error| error.message().to_string());
        self.training.send_replace(Training { error, ..Training::default() });
        let _ = self.events.send(json!({"ended": true}).to_string());
    }

    /// Also one that is only about to run: it is cancelled as soon as it does.
    pub fn cancel(&self) {
        let mut training = self.training.subscribe();
        let canceller = training.borrow_and_update().canceller.clone();
        match canceller {
            Some(canceller) => canceller.cancel(),
            None if training.borrow().is_running => {
                thread::spawn(move || {
                    while training.borrow_and_update().is_running {
                        if let Some(canceller) = training.borrow().canceller.clone() {
                            return canceller.cancel();
                        }
                        thread::sleep(std::time::Duration::from_millis(1));
                    }
                });
            }
            None => {}
        }
    }

    async fn wait_for_training(&self) {
        let mut training = self.training.subscribe();
        let _ = training.wait_for(|training| !training.is_running).await;
    }

    pub fn events(&self) -> broadcast::Receiver<String> {
        self.events.subscribe()
    }

    pub fn describe(&self) -> Json {
        let training = self.training.borrow();
        let checkpoint = Checkpoint::open(self.checkpoints());
        json!({
            "is_training": training.is_running,
            "error": training.error,
            "step": checkpoint.map_or(0, |checkpoint| checkpoint.step()),
        })
    }

    /// Queues a prompt; `Unavailable` when too many wait.
    pub fn generate(
        &self,
        text: String,
        options: GenerateOptions,
    ) -> Result<oneshot::Receiver<Result<String>>> {
        let (answer, result) = oneshot::channel();
        self.prompts.try_send(Prompt { text, options, answer }).map_err(|error| {
            let text = match error {
                TrySendError::Full(_) => format!("{QUEUE_LIMIT} prompts wait already"),
                TrySendError::Disconnected(_) => "the thread that generates has ended".into(),
            };
            Error::new(Code::Unavailable, text)
        })?;
        Ok(result)
    }

    fn answer_prompts(&self, waiting: &Receiver<Prompt>) {
        let mut generator: Option<(u64, Generator)> = None;
        while let Ok(prompt) = waiting.recv() {
            if prompt.answer.is_closed() {
                continue; // the client has hung up
            }
            let saved = self.saved.load(Ordering::SeqCst);
            if generator.as_ref().is_none_or(|(version, _)| *version != saved) {
                match Generator::from_checkpoint(&self.runtime, self.checkpoints()) {
                    Ok(made) => generator = Some((saved, made)),
                    Err(error) => {
                        let _ = prompt.answer.send(Err(error));
                        continue;
                    }
                }
            }
            let Some((_, made)) = &mut generator else { continue };
            let answer = &prompt.answer;
            let text = made.generate_with(&prompt.text, &prompt.options, |_| {
                match answer.is_closed() {
                    true => ControlFlow::Break(()), // hung up: the others need not wait
                    false => ControlFlow::Continue(()),
                }
            });
            let _ = prompt.answer.send(text);
        }
    }
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(Code::Unavailable, format!("{}: {error}", path.display()))
}
