"""Data sources, optimizers and schedules in Python: program and losses as built in."""

import asyncio
import unittest

import numpy as np
import tessera as ts
from tessera import ops
from suite import Suite, write_corpus


class HostSgd(ts.Optimizer):
    """Stochastic gradient descent with momentum."""

    learning_rate = ts.field(float, 0.01, min=0)
    momentum = ts.field(float, 0.9, min=0, below=1)
    weight_decay = ts.field(float, 0.0, min=0)
    slots = ("momentum",)

    def update(self, scope, param, gradient, slots, rate, step, clip):
        assert self.dtype == "f32" and all(dim > 0 for dim in self.dims)
        return ops.sgd_update(param, gradient, slots[0], rate, step, clip,
                              momentum=self.momentum, weight_decay=self.weight_decay)


class HostFall(ts.Schedule):
    """A straight line to nothing."""

    def factor(self, step, total_steps):
        return 1 - step / total_steps


class Mine(Exception):
    """An exception of the suite's own."""


class PartsSuite(Suite):
    def setUp(self):
        super().setUp()
        path = self.at("corpus.txt")
        write_corpus(path)
        with open(path, encoding="utf-8") as file:
            self.text = file.read()

    def built_in(self):
        config = self.config(steps=8)
        config["data.train"] = self.at("corpus.txt")
        config["optimizer"] = {"type": "Sgd", "learning_rate": 0.05, "momentum": 0.9,
                               "weight_decay": 0.1}
        config["schedule"] = {"type": "LinearDecay", "warmup_steps": 0, "min_lr_ratio": 0}
        return config

    def custom(self, documents):
        self.runtime.register(ts.DataSource("memory", lambda name: documents), HostSgd, HostFall)
        config = self.config(steps=8)
        config["data.source"] = "memory"
        config["data.train"] = "anything"
        config["optimizer"] = {"type": "HostSgd", "learning_rate": 0.05, "weight_decay": 0.1}
        config["schedule"] = "HostFall"
        return config

    def test_the_same_program_and_losses_as_built_in(self):
        plain, custom = self.built_in(), self.custom([self.text])
        self.assertEqual(plain.plan(text=True), custom.plan(text=True))
        losses = [[(step.loss, step.learning_rate) for step in ts.Trainer(config).run()]
                  for config in (plain, custom)]
        self.assertEqual(len(losses[0]), 8)
        self.assertEqual(*losses)

    def test_documents_of_every_kind(self):
        ids = list(range(64)) * 10
        given = {"lists": [ids, ids], "narrow": [np.array(ids * 2, np.uint16)],
                 "wide": [np.array(ids * 2, np.int64)], "iterators": [iter(ids), iter(ids)]}
        losses = set()
        for name, documents in given.items():
            self.runtime.register(ts.DataSource(name, lambda _, documents=documents: documents))
            config = self.config(steps=2)
            config["data.source"], config["data.train"] = name, "x"
            with ts.Trainer(config) as trainer:
                losses.add(trainer.step().loss)
        self.assertEqual(len(losses), 1)

    def test_arrow_streams(self):
        try:
            import pyarrow as pa
        except ImportError:
            self.skipTest("there is no pyarrow")
        halves = self.text[:9000], self.text[9000:]
        table = pa.table({"text": list(halves), "ids": [list(half.encode()) for half in halves]})

        def rows(name):
            for batch in table.to_reader(max_chunksize=1):
                yield from batch.column(name)

        self.runtime.register(ts.DataSource("arrow", rows),
                              ts.DataSource("plain", lambda name: halves))
        losses = []
        for source, entry in (("arrow", "text"), ("arrow", "ids"), ("plain", "text")):
            config = self.config(steps=2)
            config["data.source"], config["data.train"] = source, entry
            with ts.Trainer(config) as trainer:
                losses.append(trainer.step().loss)
        self.assertEqual(losses, losses[:1] * 3)

    def test_what_they_raise_is_raised(self):
        def broken(name):
            raise Mine(name)

        self.runtime.register(ts.DataSource("broken", broken),
                              ts.DataSource("wrong", lambda name: [[1, -2]]))
        config = self.config()
        config["data.train"] = "here"
        config["data.source"] = "broken"
        with self.assertRaisesRegex(Mine, "here"):
            ts.Trainer(config)
        config["data.source"] = "wrong"
        with self.assertRaisesRegex(ValueError, "a document: expected text or ids"):
            ts.Trainer(config)

        class BadSgd(HostSgd):
            """Refuses."""

            def update(self, *values):
                raise Mine("no update")

        class BadFall(HostFall):
            """Refuses."""

            def factor(self, step, total_steps):
                return 1 / step

        self.runtime.register(BadSgd, BadFall)
        config = self.built_in()
        config["optimizer"] = "BadSgd"
        with self.assertRaisesRegex(Mine, "no update"):
            ts.Trainer(config)
        config = self.built_in()
        config["schedule"] = "BadFall"
        with ts.Trainer(config) as trainer, self.assertRaises(ZeroDivisionError):
            trainer.step()

    def test_jobs_are_awaited_without_threads(self):
        async def train():
            with ts.Trainer(self.built_in()) as one, ts.Trainer(self.built_in()) as other:
                ends = await asyncio.gather(one.start(4), other.start(5))
                job = one.start(1)
                first = await job
                return [end.step for end in ends], first.step, (await job).step

        self.assertEqual(asyncio.run(train()), ([4, 5], 5, 5))

    def test_plugins_are_off(self):
        with self.assertRaisesRegex(ts.PermissionDenied, "plugins"):
            self.runtime.load_plugin(self.at("corpus.txt"))


if __name__ == "__main__":
    unittest.main()
