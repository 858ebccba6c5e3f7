"""Lifetimes: many cycles in flat memory, any order of closing, threads, forks, two runtimes."""

import gc
import os
import random
import subprocess
import sys
import threading
import unittest
import weakref

import tessera as ts
from tessera import ops
from suite import Suite

CYCLES = 10000
MOST_GROWTH_KB = 8 * 1024

AT_EXIT = """
import sys, threading, tessera as ts
trainer = ts.Trainer(ts.Config.load(sys.argv[1]), sink=lambda record: None)
job = trainer.start()
generator = trainer   # kept until the end, while the job runs
print("leaving", flush=True)
"""


def resident_kb():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


class LifetimeSuite(Suite):
    def assert_flat(self, cycle, count):
        """A leak grows in every run; an allocator that keeps pieces does not."""
        for _ in range(count // 10):
            cycle()
        growths = []
        for _ in range(2):
            gc.collect()
            before = resident_kb()
            for _ in range(count):
                cycle()
            gc.collect()
            growths.append(resident_kb() - before)
            if growths[-1] < MOST_GROWTH_KB:
                return
        self.fail(f"grew by {growths} KB in runs of {count} cycles")

    def graph(self, runtime=None):
        graph = ts.Graph(runtime=runtime or self.runtime)
        x = graph.input("x", "f32", "N,3")
        graph.output("y", ops.exp(x @ graph.param("w", "f32", (3, 2), init=0.5)))
        return graph

    def test_ten_thousand_cycles_in_flat_memory(self):
        def cycle():
            config = ts.Config({"trainer": {"steps": 3}}, runtime=self.runtime)
            copy = config.copy()
            tensor = ts.Tensor.of([1.0, 2.0, 3.0])
            view = memoryview(tensor)
            shared = ts.Tensor.from_dlpack(tensor)
            graph = ts.Graph(runtime=self.runtime)
            graph.input("x", "f32", "N")
            with self.assertRaises(ts.NotFound):
                copy.get("nothing")
            del view, shared
        self.assert_flat(cycle, CYCLES)

    def test_programs_trainers_and_runtimes_too(self):
        config = self.config(steps=1)

        def cycle():
            runtime = ts.Runtime(threads=1)
            program = self.graph(runtime).compile()
            program(x=[[1.0, 2.0, 3.0]])
            trainer = ts.Trainer(config, sink=lambda record: None)
            trainer.generator()
        self.assert_flat(cycle, 100)

    def test_modules_and_ops_go_with_their_runtime(self):
        class Known(ts.Module):
            """It is known."""
            role = "feed_forward"

            def build(self, scope, x):
                return x

        def cycle():
            kind = type("Known", (Known,), {})
            runtime = ts.Runtime(threads=1)
            runtime.register(kind)
            with self.assertRaises(ts.AlreadyExists):
                runtime.register(kind)
            return weakref.ref(kind)

        kinds = [cycle() for _ in range(20)]
        gc.collect()
        self.assertEqual([kind() for kind in kinds], [None] * 20)

    def test_any_order_of_closing(self):
        for seed in range(30):
            rng = random.Random(seed)
            runtime = ts.Runtime(threads=1)
            graph = self.graph(runtime)
            program = graph.compile()
            config = ts.Config(self.config(steps=3), runtime=runtime)
            trainer = ts.Trainer(config, sink=lambda record: None)
            job = trainer.start()
            tensors = list(program(x=[[1.0, 2.0, 3.0]]).values())
            things = [runtime, graph, program, config, trainer, job, *tensors]
            rng.shuffle(things)
            for thing in things:
                if rng.random() < 0.7:
                    thing.close()
            del runtime, graph, program, config, trainer, job, tensors, thing
            rng.shuffle(things)
            while things:
                things.pop()
                if rng.random() < 0.3:
                    gc.collect()

    def test_parents_may_go_first(self):
        runtime = ts.Runtime(threads=2)
        graph = self.graph(runtime)
        program = graph.compile()
        graph.close()
        runtime.close()
        self.assertEqual(program(x=[[0.0, 0.0, 0.0]])["y"].tolist(), [[1.0, 1.0]])
        with self.assertRaises(ts.FailedPrecondition):
            graph.to_text()
        with self.assertRaises(ts.FailedPrecondition):
            runtime.describe()

    def test_threads_have_programs_of_their_own(self):
        errors = []

        def work(number):
            try:
                program = self.graph().compile()
                for _ in range(50):
                    result = program(x=[[float(number), 0.0, 0.0]])["y"].tolist()
                    assert abs(result[0][0] - 2.718281828 ** (number / 2)) < 1e-4, result
            except BaseException as error:  # pylint: disable=broad-except
                errors.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])

    def test_one_trainer_in_two_threads_is_an_error_not_a_crash(self):
        trainer = ts.Trainer(self.config(steps=100000))
        job = trainer.start()
        with self.assertRaises(ts.FailedPrecondition):
            trainer.evaluate()
        job.close()
        trainer.step()

    def test_a_forked_child_makes_its_own(self):
        trainer = ts.Trainer(self.config(steps=4))
        trainer.step()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                try:
                    trainer.step()
                except ts.FailedPrecondition as error:
                    assert "fork" in str(error)
                    trainer.close()
                    runtime = ts.Runtime(threads=2)
                    mine = ts.Trainer(ts.Config(self.config_dict, runtime=runtime))
                    assert mine.train().step == 4
                    code = 0
            finally:
                os._exit(code)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        trainer.train()

    @property
    def config_dict(self):
        from suite import small_config
        return small_config(self.corpus, steps=4)

    def test_two_runtimes_do_not_know_of_each_other(self):
        first, second = ts.Runtime(threads=1), ts.Runtime(threads=2)
        self.assertEqual([first.describe()["threads"], second.describe()["threads"]], [1, 2])
        losses = [[result.loss for result in
                   ts.Trainer(ts.Config(self.config_dict, runtime=runtime)).run()]
                  for runtime in (first, second)]
        self.assertEqual(*losses)

    def test_leaving_while_a_job_runs(self):
        with open(self.at("c.json"), "w", encoding="utf-8") as file:
            file.write(self.config(steps=1000000).to_json())
        result = subprocess.run([sys.executable, "-c", AT_EXIT, self.at("c.json")], timeout=60,
                                capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, "leaving\n"), result.stderr)
        self.assertEqual(result.stderr, "")


if __name__ == "__main__":
    unittest.main()
