//! Checkpoints in memory: the bytes that a folder holds, and a run that goes on from them.

mod common;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};

use common::{runtime, small_config, Folder};
use tessera::{Checkpoint, CheckpointStore, Code, Config, Error, Result, Runtime, Trainer};

/// What is in a store, held by the test too.
#[derive(Default)]
struct Content {
    objects: BTreeMap<String, Vec<u8>>,
    open: HashMap<String, Vec<u8>>,
    is_gone: bool,
    panics: bool,
    read_less: usize,
}

#[derive(Clone, Default)]
struct MemoryStore(Arc<Mutex<Content>>);

impl MemoryStore {
    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(|error| error.into_inner()))
    }
}

impl CheckpointStore for MemoryStore {
    fn write(&mut self, name: &str, offset: u64, data: &[u8], is_last: bool) -> Result<()> {
        self.change(|content| {
            assert!(!content.panics, "at the disco");
            if content.is_gone {
                return Err(Error::new(Code::Unavailable, "no bucket"));
            }
            let object = content.open.entry(name.to_string()).or_default();
            assert_eq!(object.len() as u64, offset);
            object.extend_from_slice(data);
            if is_last {
                let object = content.open.remove(name).unwrap_or_default();
                content.objects.insert(name.to_string(), object);
            }
            Ok(())
        })
    }

    fn read(&mut self, name: &str, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.change(|content| {
            if content.is_gone {
                return Err(Error::new(Code::Unavailable, "no bucket"));
            }
            let object = content.objects.get(name);
            let object = object.ok_or_else(|| Error::new(Code::NotFound, "no object"))?;
            let from = offset as usize;
            let count = buffer.len() - content.read_less;
            buffer[..count].copy_from_slice(&object[from..from + count]);
            Ok(count)
        })
    }

    fn list(&mut self, prefix: &str) -> Result<Vec<(String, u64)>> {
        self.change(|content| {
            let found = content.objects.iter().filter(|(name, _)| name.starts_with(prefix));
            Ok(found.map(|(name, data)| (name.clone(), data.len() as u64)).collect())
        })
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        self.change(|content| {
            let objects = std::mem::take(&mut content.objects);
            content.objects = objects
                .into_iter()
                .map(|(name, data)| match name.strip_prefix(from) {
                    Some(rest) => (format!("{to}{rest}"), data),
                    None => (name, data),
                })
                .collect();
            Ok(())
        })
    }

    fn remove(&mut self, name: &str) -> Result<()> {
        self.change(|content| {
            content.objects.remove(name);
            content.open.remove(name);
            Ok(())
        })
    }
}

fn run(config: &Config, out: Option<&Path>, steps: u64, resumes: bool) {
    let mut builder = Trainer::builder(config).resume(resumes);
    if let Some(out) = out {
        builder = builder.out_dir(out);
    }
    let mut trainer = builder.build().unwrap();
    for step in trainer.steps().take(steps as usize) {
        step.unwrap();
    }
    trainer.save().unwrap();
}

fn bytes(runtime: &Runtime, path: impl AsRef<Path>, slot: &str) -> Vec<u8> {
    runtime.read_tensor(path, "embedding/weight", slot).unwrap().as_bytes().to_vec()
}

#[test]
fn checkpoints_go_to_a_store() {
    let (runtime, folder) = (runtime(), Folder::new());
    let store = MemoryStore::default();
    runtime.register_store("memory", store.clone()).unwrap();
    let plain = small_config(&runtime, &folder.corpus());
    let mut stored = small_config(&runtime, &folder.corpus());
    stored.set("trainer.checkpoint_folder", "memory://runs/a").unwrap();
    let out = folder.at("out");
    run(&plain, Some(&out), 6, false);
    run(&stored, None, 3, false);
    run(&stored, None, 3, true);
    for slot in ["", "m", "v"] {
        let expected = bytes(&runtime, out.join("checkpoints"), slot);
        assert!(!expected.is_empty());
        assert!(expected == bytes(&runtime, "memory://runs/a", slot), "{slot}");
    }
    let found = Checkpoint::verify_in(&runtime, "memory://runs/a").unwrap();
    assert_eq!(found.step(), 6);
    assert_eq!(Checkpoint::open_in(&runtime, "memory://runs/a/step_3").unwrap().step(), 3);
    store.change(|content| {
        assert!(content.objects.keys().all(|name| name.starts_with("runs/a/step_")));
        assert!(content.open.is_empty());
    });
    what_goes_wrong(&plain, &store);
}

fn what_goes_wrong(plain: &Config, store: &MemoryStore) {
    let mut trainer = Trainer::new(plain).unwrap();
    store.change(|content| content.is_gone = true);
    for error in [
        trainer.save_to("memory://best").unwrap_err(),
        trainer.load("memory://runs/a").unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        assert!(error.message().contains("no bucket"), "{error}");
    }
    store.change(|content| (content.is_gone, content.panics) = (false, true));
    let error = trainer.save_to("memory://best").unwrap_err();
    assert!(error.message().contains("at the disco"), "{error}");
    store.change(|content| (content.panics, content.read_less) = (false, 1));
    assert_eq!(trainer.load("memory://runs/a").unwrap_err().code(), Code::DataLoss);
    store.change(|content| content.read_less = 0);
    trainer.load("memory://runs/a").unwrap();
    store.change(|content| {
        for (name, data) in content.objects.iter_mut() {
            let middle = data.len() / 2;
            data[middle] ^= u8::from(name.contains("step_6"));
        }
    });
    let error = trainer.load("memory://runs/a/step_6").unwrap_err();
    assert_eq!(error.code(), Code::DataLoss, "{error}");
    trainer.load("memory://runs/a/step_3").unwrap();
}

#[test]
fn wrong_stores_are_refused() {
    let runtime = runtime();
    runtime.register_shared_store("memory", MemoryStore::default()).unwrap();
    for (name, code) in [
        ("memory", Code::AlreadyExists),
        ("Memory", Code::InvalidArgument),
        ("", Code::InvalidArgument),
        ("a\0b", Code::InvalidArgument),
    ] {
        let error = runtime.register_store(name, MemoryStore::default()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
    let error = Checkpoint::open_in(&runtime, "memories://a").unwrap_err();
    assert_eq!(error.code(), Code::NotFound, "{error}");
}
