"""Trainer: runs a config: steps, evaluations, checkpoints, metrics."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, Callable, Iterator, Mapping, Union

from . import _raw, display
from .config import Config, PathLike
from .handle import Owner
from .generator import Generator
from .interrupt import saved_on_interrupt
from .job import Job, SinkState, StepResult

__all__ = ["Trainer"]


class Trainer(Owner):
    """Trains a config.

    ```
    with ts.Trainer(config, out="out/gpt") as trainer:
        for step in trainer.run(steps=200):
            print(step.step, step.loss)
    ```
    Args:
        config: a Config, or a dict that makes one.
        out: folder of metrics.jsonl and checkpoints, for which the config may name another
            (trainer.checkpoint_folder); without it no metrics are written.
        resume: go on from the newest complete checkpoint of `out`, if there is one.
        sink: called with the dict of each metrics record, on the thread that steps; see `add_sink`.

    Raises:
        NotFound: the data are not there.
        AlreadyExists: there are checkpoints and `resume` is false.
        DataLoss: there are checkpoints and all are damaged.
    """

    def __init__(self, config: Union[Config, Mapping[str, Any]], out: PathLike = "", *,
                 resume: bool = False,
                 sink: Callable[[dict[str, Any]], object] | None = None) -> None:
        config = config if isinstance(config, Config) else Config(config)
        options = json.dumps({"resume": resume})
        self._out = os.fspath(out)
        super().__init__(_raw.tsr_trainer_new(config.handle, self._out, options),
                         _raw.tsr_trainer_free)
        self.runtime = config.runtime
        self.config = config.copy()
        self.history: list[StepResult] = []   # of the steps of `run` and `step`
        self._sinks = SinkState()
        if sink is not None:
            self.add_sink(sink)

    # ---- Steps ----

    def step(self) -> StepResult:
        """One optimizer step; neither evaluates nor saves.

        Raises:
            OutOfRange: all steps of the config are done.
        """
        result = StepResult(*_raw.tsr_trainer_step(self.handle))
        self._sinks.raise_error()
        self.history.append(result)
        return result

    def run(self, steps: int | None = None, *, progress: bool | None = None,
            on_step: Callable[[StepResult], object] | None = None) -> Iterator[StepResult]:
        """Trains, step by step: `for step in trainer.run(steps=200): ...`.

        Evaluates and saves as the config says. The training goes no further than the loop: after
        `break` it stands at that step. Ctrl-C finishes the step, saves, and raises
        KeyboardInterrupt.

        Args:
            steps: how many more; all that are left when not given.
            progress: show a bar (needs tqdm). By default where tqdm is installed and stderr is a
                terminal or a notebook.
            on_step: called with each result.
        """
        if steps is not None and steps < 0:
            raise ValueError(f"steps: expected 0 or more, got {steps}")
        done, total = int(self.describe()["step"]), int(self.config.get("trainer.steps"))
        count = total - done if steps is None else min(steps, total - done)
        is_due = self._due(total)
        with saved_on_interrupt(self._save_if_idle), _progress_bar(progress, count) as bar:
            for number in range(done + 1, done + count + 1):
                result = self._run_one() if is_due(number) else self.step()
                if bar is not None:
                    bar.set_postfix_str(f"loss {result.loss:.4f}", refresh=False)
                    bar.update()
                if on_step is not None:
                    on_step(result)
                yield result

    def _save_if_idle(self) -> None:
        """Saves where there is a folder for it. A job that runs saves when it is cancelled."""
        job = self._sinks.job()
        if self._out and not self.closed and (job is None or job.closed):
            self.save()

    def _due(self, total: int) -> Callable[[int], bool]:
        """Says whether more than a step is due: an evaluation, a save, or other ranks that may have
        been interrupted. Then the library's own loop takes the step, as a job; other steps are
        taken right here, without a thread."""
        if self.runtime.describe()["world_size"] > 1:
            return lambda number: True
        every = [int(self.config.get(f"trainer.{name}")) for name in ("eval_every", "save_every")]
        return lambda number: number == total or any(n > 0 and number % n == 0 for n in every)

    def _run_one(self) -> StepResult:
        result = self._wait_for(self.start(1))
        self.history.append(result)
        return result

    def _wait_for(self, job: Job) -> StepResult:
        try:
            with job:
                return job.wait()
        except KeyboardInterrupt:
            # The job has ended; it has not saved when it was done before it could be cancelled.
            self._save_if_idle()
            raise

    def train(self, steps: int | None = None) -> StepResult:
        """Trains to the end (or `steps` more) in one go; the last step. Ctrl-C as in `run`."""
        return self._wait_for(self.start(steps))

    def start(self, steps: int | None = None) -> Job:
        """Trains in the background; `job.wait()` or `await job`."""
        self._sinks.error = None
        return Job(_raw.tsr_trainer_run(self.handle, steps or 0), self, self._sinks)

    # ---- Around it ----

    def evaluate(self) -> float:
        """Mean loss over the validation split."""
        loss = _raw.tsr_trainer_evaluate(self.handle)
        self._sinks.raise_error()
        return loss

    def save(self, path: PathLike = "") -> None:
        """Saves a checkpoint, as step_N among those of the run when no path is given."""
        _raw.tsr_trainer_save(self.handle, os.fspath(path))

    def load(self, path: PathLike) -> None:
        """Loads parameters, optimizer and data position."""
        _raw.tsr_trainer_load(self.handle, os.fspath(path))

    def generator(self) -> Generator:
        """A generator over the trainer's parameters; not to be used during a step."""
        return Generator(_raw.tsr_generator_from_trainer(self.handle))

    def generate(self, prompt: str = "", **options: Any) -> str:
        """Continues a prompt; options as of `Generator.generate`."""
        with self.generator() as generator:
            return generator.generate(prompt, **options)

    def describe(self) -> dict[str, Any]:
        """The state: step, parameters, memory, data, checkpoints found and refused."""
        return json.loads(_raw.tsr_trainer_describe(self.handle))

    def profile(self) -> dict[str, Any]:
        """Time, flops and bytes per op of the steps since the last call; needs trainer.profile."""
        return json.loads(_raw.tsr_trainer_profile(self.handle))

    def add_sink(self, sink: Callable[[dict[str, Any]], object]) -> None:
        """Adds a receiver of metrics records, dicts as metrics.jsonl has them.

        It is called on the thread that steps and must not call its trainer. What it raises stops
        the training and is raised where the training is waited for.
        """
        # Not `self`: the library holds the sink, and would keep its own owner alive.
        state = self._sinks

        def receive(record: str) -> None:
            try:
                sink(json.loads(record))
            except BaseException as error:  # pylint: disable=broad-except  # raised by the waiter
                state.fail(error)

        _raw.tsr_trainer_add_sink(self.handle, receive)

    def __repr__(self) -> str:
        return "<tessera.Trainer, closed>" if self.closed else "<tessera.Trainer>"

    def _repr_html_(self) -> str:
        return display.curve_svg([result.step for result in self.history],
                                 [result.loss for result in self.history])


def _progress_bar(wanted: bool | None, total: int) -> Any:
    """A bar of tqdm, to be used with `with`; there it is None where none is shown."""
    is_shown = sys.stderr.isatty() or "ipykernel" in sys.modules if wanted is None else wanted
    if not is_shown:
        return contextlib.nullcontext()
    try:
        from tqdm import auto  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        if wanted:
            raise
        return contextlib.nullcontext()
    make: Any = auto.tqdm
    return make(total=total, unit="step")
