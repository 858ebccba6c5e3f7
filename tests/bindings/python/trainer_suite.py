"""Trainers and jobs: stepping, breaking off, Ctrl-C, asyncio, sinks that raise, resuming."""

import asyncio
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import unittest

import tessera as ts
from suite import Suite

INTERRUPTED = """
    import sys, tessera as ts
    config = ts.Config.load(sys.argv[1])
    trainer = ts.Trainer(config, out=sys.argv[2])
    try:
        for step in trainer.run():
            print(step.step, flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(7)
"""


class TrainerSuite(Suite):
    def test_steps_evaluations_and_checkpoints(self):
        config = self.config(steps=6, eval_every=3, save_every=2, keep_checkpoints=9)
        with ts.Trainer(config, out=self.at("out")) as trainer:
            results = list(trainer.run())
            self.assertEqual([result.step for result in results], [1, 2, 3, 4, 5, 6])
            self.assertEqual([math.isnan(result.eval_loss) for result in results],
                             [True, True, False, True, True, False])
            self.assertLess(results[-1].loss, results[0].loss)
            self.assertEqual(list(trainer.run()), [])
            with self.assertRaises(ts.OutOfRange):
                trainer.step()
            self.assertIn("<polyline", trainer._repr_html_())
        self.assertEqual(sorted(os.listdir(self.at("out", "checkpoints"))),
                         ["step_2", "step_4", "step_6"])

    def test_what_a_user_writes(self):
        config = self.config(steps=4)
        config["model.decoder.position"] = {"type": "LearnedPosition", "max_positions": 256}
        config.modify({"replace": "FeedForward", "with": "MixtureOfExperts",
                       "set": {"num_experts": 8, "top_k": 2, "expert.hidden_dim": 32}})
        config.modify({"replace": "LearnedPosition", "with": "RotaryPosition"})
        with ts.Trainer(config) as trainer:
            for step in trainer.run(steps=200):
                print(step.index, step.loss, step.tokens_per_s)
            self.assertEqual(step.index, 4)
            trainer.save(self.at("step4"))
            self.assertIsInstance(trainer.generate("def ", max_tokens=8), str)
        self.assertIn("decoder/layers/0/feed_forward/gate/weight", ts.Checkpoint(self.at("step4")))

    def test_the_loop_decides_how_far(self):
        trainer = ts.Trainer(self.config())
        for result in trainer.run(steps=10):
            if result.step == 3:
                break
        self.assertEqual(trainer.describe()["step"], 3)
        self.assertEqual([result.step for result in trainer.run(steps=2)], [4, 5])
        self.assertEqual(trainer.step().step, 6)
        self.assertEqual(trainer.train(steps=4).step, 10)
        with self.assertRaises(ValueError):
            list(trainer.run(steps=-1))

    def test_run_step_and_train_give_the_same_bits(self):
        losses = []
        for way in ("run", "step", "train"):
            records = []
            trainer = ts.Trainer(self.config(steps=5), sink=records.append)
            if way == "run":
                list(trainer.run())
            elif way == "step":
                for _ in range(5):
                    trainer.step()
            else:
                trainer.train()
            losses.append([record["loss"] for record in records if "loss" in record])
        self.assertEqual(len(losses[0]), 5)
        self.assertEqual(losses[0], losses[1])
        self.assertEqual(losses[0], losses[2])

    def test_resuming_gives_the_same_bits(self):
        whole = [result.loss for result in ts.Trainer(self.config(steps=8)).run()]
        with ts.Trainer(self.config(steps=8), out=self.at("out")) as trainer:
            part = [result.loss for result in trainer.run(steps=3)]
            trainer.save()
        with self.assertRaises(ts.AlreadyExists):
            ts.Trainer(self.config(steps=8), out=self.at("out"))
        with ts.Trainer(self.config(steps=8), out=self.at("out"), resume=True) as trainer:
            part += [result.loss for result in trainer.run()]
        self.assertEqual(part, whole)

    def test_jobs_are_watched_waited_for_and_cancelled(self):
        trainer = ts.Trainer(self.config(steps=100000))
        job = trainer.start()
        with self.assertRaises(TimeoutError):
            job.wait(timeout=0.05)
        with self.assertRaises(ts.FailedPrecondition):
            trainer.step()
        while job.progress().step < 3:
            time.sleep(0.01)
        self.assertEqual(job.progress().total_steps, 100000)
        job.cancel()
        with self.assertRaises(ts.Cancelled):
            job.wait()
        self.assertTrue(job.progress().done)
        trainer.step()

    def test_jobs_are_awaited(self):
        async def work():
            trainer = ts.Trainer(self.config(steps=5))
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.001)

            ticker = asyncio.create_task(tick())
            result = await trainer.start()
            ticker.cancel()
            self.assertEqual(result.step, 5)
            endless = ts.Trainer(self.config(steps=100000)).start()

            async def wait():
                await endless

            task = asyncio.create_task(wait())
            await asyncio.sleep(0.1)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            while not endless.progress().done:
                await asyncio.sleep(0.01)
            return ticks

        self.assertGreater(asyncio.run(work()), 1)

    def test_a_sink_that_raises_ends_the_training_with_its_own_exception(self):
        class Mine(Exception):
            pass

        def sink(record):
            if record.get("step") == 3:
                raise Mine("at three")

        trainer = ts.Trainer(self.config(steps=1000), sink=sink)
        with self.assertRaises(Mine):
            trainer.train()
        self.assertLess(trainer.describe()["step"], 10)
        trainer = ts.Trainer(self.config(steps=1000), sink=sink)
        with self.assertRaises(Mine):
            list(trainer.run())
        trainer = ts.Trainer(self.config(steps=1000), sink=sink)
        trainer.step()
        trainer.step()
        with self.assertRaises(Mine):
            trainer.step()

    def test_other_threads_run_while_a_step_does(self):
        seen, stop = [], threading.Event()

        def count():
            while not stop.is_set():
                seen.append(time.monotonic())
                time.sleep(0.001)

        trainer = ts.Trainer(self.config(steps=30))
        thread = threading.Thread(target=count)
        thread.start()
        trainer.train()
        stop.set()
        thread.join()
        self.assertGreater(len(seen), 3)

    def test_ctrl_c_finishes_the_step_and_saves(self):
        script, config = self.at("run.py"), self.config(steps=1000000)
        config["runtime.threads"] = 1
        with open(script, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(INTERRUPTED))
        with open(self.at("c.json"), "w", encoding="utf-8") as file:
            file.write(config.to_json())
        child = subprocess.Popen([sys.executable, script, self.at("c.json"), self.at("out")],
                                 stdout=subprocess.PIPE, text=True)
        lines = [child.stdout.readline() for _ in range(3)]
        self.assertEqual(lines, ["1\n", "2\n", "3\n"])
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read().split()
        self.assertEqual(child.wait(timeout=60), 7)
        child.stdout.close()
        self.assertEqual(rest[-1], "interrupted")
        saved = ts.Checkpoint(self.at("out", "checkpoints"), verify=True)
        self.assertGreaterEqual(saved.step, 3)

    def test_generation_whole_and_as_it_comes(self):
        with ts.Trainer(self.config(steps=20), out=self.at("out")) as trainer:
            trainer.train()
            options = {"max_tokens": 40, "seed": 3}
            whole = trainer.generate("the ", **options)
        with ts.Generator.from_checkpoint(self.at("out", "checkpoints"),
                                          runtime=self.runtime) as generator:
            self.assertEqual(generator.generate("the ", **options), whole)
            pieces = list(generator.stream("the ", **options))
            self.assertGreater(len(pieces), 1)
            self.assertEqual("".join(pieces), whole)
            for piece in generator.stream("the ", **options):
                self.assertEqual(piece, pieces[0])
                break
            self.assertEqual(generator.generate("the ", **options), whole)
            with self.assertRaises(ZeroDivisionError):
                generator.generate("the ", on_text=lambda text: 1 / 0)
            with self.assertRaises(ts.InvalidArgument):
                list(generator.stream("the ", max_tokens=-1))

    def test_models_go_out_and_come_in(self):
        with ts.Trainer(self.config(steps=2), out=self.at("out")) as trainer:
            trainer.train()
        job = ts.export_model(self.at("out", "checkpoints"), self.at("folder"),
                              runtime=self.runtime)
        job.wait()
        self.assertGreater(job.report()["tensors"], 0)
        self.assertIn("config.json", os.listdir(self.at("folder")))

        async def come_in():
            await ts.import_model(self.at("folder"), self.at("again"), runtime=self.runtime)

        asyncio.run(come_in())
        logits = [ts.Program.from_checkpoint(path, runtime=self.runtime)(tokens=[[1, 2, 3]])
                  ["logits"].tolist() for path in (self.at("out", "checkpoints"), self.at("again"))]
        self.assertEqual(*logits)
        with self.assertRaises(ts.NotFound):
            ts.import_model(self.at("nowhere"), self.at("new"), runtime=self.runtime).wait()

    def test_checkpoints_into_numpy(self):
        with ts.Trainer(self.config(steps=2), out=self.at("out")) as trainer:
            trainer.train()
        checkpoint = ts.Checkpoint(self.at("out", "checkpoints"))
        self.assertEqual(checkpoint.step, 2)
        program = ts.Program.from_checkpoint(self.at("out", "checkpoints"), runtime=self.runtime)
        self.assertEqual(set(checkpoint), set(program.parameters))
        for path, tensor in checkpoint.items():
            self.assertEqual(tensor.numpy().tolist(), program.parameters[path].to("f32").tolist())
        self.assertTrue(checkpoint.slots)
        path, slot = checkpoint.slots[0]
        self.assertEqual(checkpoint.optimizer_state(path, slot).dtype, "f32")
        self.assertEqual(checkpoint.config(runtime=self.runtime)["model.model_dim"], 32)
        with self.assertRaises(KeyError):
            checkpoint["nothing"]
        self.assertNotIn("nothing", checkpoint)


if __name__ == "__main__":
    unittest.main()
