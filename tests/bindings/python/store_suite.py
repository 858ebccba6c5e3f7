"""Checkpoints in memory: the bytes that a folder holds, and a run that goes on from them."""

import pathlib
import unittest

import tessera as ts
from suite import Suite


class MemoryStore(ts.CheckpointStore):
    """That of the docs, which can fail."""

    def __init__(self, name="memory", **options):
        super().__init__(name, **options)
        self.objects, self.open = {}, {}
        self.gone = None
        self.read_more = 0

    def write(self, name, offset, data, last):
        if self.gone:
            raise self.gone
        assert isinstance(data, bytes) and len(self.open.get(name, b"")) == offset
        self.open[name] = self.open.get(name, b"") + data
        if last:
            self.objects[name] = self.open.pop(name)

    def read(self, name, offset, size):
        if self.gone:
            raise self.gone
        return memoryview(self.objects[name][offset:offset + size] + bytes(self.read_more))

    def list(self, prefix):
        return ((name, len(data)) for name, data in self.objects.items()
                if name.startswith(prefix))

    def rename(self, source, target):
        self.objects = {target + name[len(source):] if name.startswith(source) else name: data
                        for name, data in self.objects.items()}

    def remove(self, name):
        self.objects.pop(name, None)
        self.open.pop(name, None)


class Gone(Exception):
    """An exception of the suite's own."""


class Elsewhere(MemoryStore):
    """Lists what nobody asked for."""

    def list(self, prefix):
        return {"elsewhere": 1}


class StoreSuite(Suite):
    def setUp(self):
        super().setUp()
        self.store = MemoryStore()
        self.runtime.register(self.store)

    def run_in(self, folder, steps, out="", resume=False):
        config = self.config(steps=6, save_every=2, keep_checkpoints=2)
        if folder:
            config["trainer.checkpoint_folder"] = folder
        with ts.Trainer(config, out=out, resume=resume) as trainer:
            losses = [step.loss for step in trainer.run(steps=steps)]
            trainer.save()
        return losses

    def test_the_same_bytes_as_in_a_folder(self):
        plain = self.run_in(None, 6, out=self.at("out"))
        stored = self.run_in("memory://runs/a", 3)
        stored += self.run_in("memory://runs/a", 3, resume=True)
        self.assertEqual(plain, stored)
        folder = ts.Checkpoint(self.at("out", "checkpoints"))
        kept = ts.Checkpoint("memory://runs/a", verify=True, runtime=self.runtime)
        self.assertEqual((kept.step, kept.path), (6, "memory://runs/a/step_6"))
        self.assertEqual(list(kept), list(folder))
        for path in folder:
            self.assertEqual(bytes(kept[path].numpy()), bytes(folder[path].numpy()), path)
        self.assertEqual(kept.slots, folder.slots)
        for path, slot in kept.slots:
            self.assertEqual(bytes(kept.optimizer_state(path, slot).numpy()),
                             bytes(folder.optimizer_state(path, slot).numpy()), path)
        steps = {name.split("/")[2] for name in self.store.objects}
        self.assertEqual(steps, {"step_4", "step_6"})
        self.assertEqual(self.store.open, {})

    def test_paths_of_checkpoints(self):
        self.run_in("memory://runs/a", 6)
        text = ts.Generator.from_checkpoint("memory://runs/a", runtime=self.runtime)
        self.assertIsInstance(text.generate("the ", max_tokens=4), str)
        config = self.config(steps=2, init_from="memory://runs/a")
        with ts.Trainer(config) as trainer:
            trainer.load(pathlib.PurePosixPath("memory://runs/a"))   # writes one of the slashes
            self.assertEqual(trainer.describe()["checkpoints"]["resumed_from"],
                             "memory:/runs/a/step_6")
        with self.assertRaisesRegex(ts.NotFound, "no checkpoint store 'memories'; there are"):
            ts.Checkpoint("memories://runs/a", runtime=self.runtime)
        with self.assertRaises(ts.AlreadyExists):
            self.run_in("memory://runs/a", 1)

    def test_what_it_raises_is_raised(self):
        self.run_in("memory://runs/a", 6)
        self.store.gone = Gone("no bucket")
        for call in (lambda: self.run_in("memory://runs/b", 6),
                     lambda: self.run_in("memory://runs/a", 1, resume=True)):
            with self.assertRaisesRegex(Gone, "no bucket"):
                call()
        self.store.gone = None
        self.assertEqual({name for name in self.store.objects if "runs/b" in name}, set())
        self.assertEqual(ts.Checkpoint("memory://runs/a", verify=True, runtime=self.runtime).step,
                         6)
        self.runtime.register(Elsewhere("elsewhere"))
        with self.assertRaisesRegex(ts.InvalidArgument, "begins with 'a/', got 'elsewhere'"):
            ts.Checkpoint("elsewhere://a", runtime=self.runtime)

    def test_damage_is_found(self):
        self.run_in("memory://runs/a", 6)
        name, data = next((name, data) for name, data in self.store.objects.items()
                          if "step_6/" in name and name.endswith(".safetensors"))
        middle = len(data) // 2
        self.store.objects[name] = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
        with self.assertRaisesRegex(ts.DataLoss, "expected crc32c"):
            ts.Checkpoint("memory://runs/a/step_6", verify=True, runtime=self.runtime)
        self.assertEqual(len(self.run_in("memory://runs/a", 2, resume=True)), 2)  # from step 4
        self.store.read_more = 1
        with self.assertRaisesRegex(ts.DataLoss, "expected at most"):
            ts.Checkpoint("memory://runs/a/step_4", runtime=self.runtime)

    def test_wrong_stores_are_refused(self):
        for store, error in ((MemoryStore(), ts.AlreadyExists),
                             (MemoryStore("Memory"), ts.InvalidArgument),
                             (MemoryStore(""), ts.InvalidArgument)):
            with self.assertRaises(error):
                self.runtime.register(store)
        self.runtime.register(MemoryStore("other", shared=True))
        with self.assertRaisesRegex(NotImplementedError, "CheckpointStore.list"):
            self.runtime.register(ts.CheckpointStore("bare"))
            ts.Checkpoint("bare://a", runtime=self.runtime)


if __name__ == "__main__":
    unittest.main()
