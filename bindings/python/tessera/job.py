"""Job: training on a thread of its own: waited for, awaited, watched, cancelled."""

from __future__ import annotations

import asyncio
import json
import weakref
from typing import Any, Callable, Generator as GeneratorType, NamedTuple

from . import _raw
from .errors import DeadlineExceeded
from .handle import Owner

__all__ = ["Job", "Progress", "StepResult"]

# How long a wait goes without looking for Ctrl-C.
_LOOK_S = 0.1


class _Step(NamedTuple):
    step: int
    loss: float
    grad_norm: float
    learning_rate: float
    tokens: int
    tokens_per_s: float
    step_s: float
    skipped: bool
    eval_loss: float


class StepResult(_Step):
    """What one step reports, a named tuple.

    Attributes:
        step, index: its number, from 1.
        loss: mean over the target tokens of the global batch.
        grad_norm: before clipping.
        learning_rate: what the schedule made of it.
        tokens: target tokens of all steps so far.
        tokens_per_s, step_s: of this step.
        skipped: the gradient was not finite and the step was not applied.
        eval_loss: NaN unless this step evaluated.
    """

    __slots__ = ()

    @property
    def index(self) -> int:   # type: ignore[override]  # not what tuples mean by it
        """The same as `step`."""
        return self.step


class Progress(NamedTuple):
    """How far a job is."""
    done: bool
    step: int
    total_steps: int
    last: StepResult
    """the last step; `last.step` is 0 before the first"""


class SinkState:
    """What a trainer's sinks tell whoever waits: the exception of the first that raised."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.job: Callable[[], Job | None] = lambda: None

    def fail(self, error: BaseException) -> None:
        """Keeps the exception and ends the training."""
        if self.error is None:
            self.error = error
        job = self.job()
        if job is not None and not job.closed:
            job.cancel()

    def raise_error(self) -> None:
        """Raises what a sink raised, once."""
        error, self.error = self.error, None
        if error is not None:
            raise error


class Job(Owner):
    """Long work in the background: training (`Trainer.start`), imports and exports.

    `job.wait()` blocks, `await job` does not block the event loop; both raise what the training
    raised. Ctrl-C in `wait`, and cancelling the task that awaits, cancel the job, which finishes
    its step and saves.
    """

    def __init__(self, handle: Any, trainer: Any = None,
                 sinks: SinkState | None = None) -> None:
        super().__init__(handle, _raw.tsr_job_free)
        sinks = sinks or SinkState()
        self._trainer = trainer   # whose end would be the job's
        self._sinks = sinks
        sinks.job = weakref.ref(self)
        if sinks.error is not None:   # the first step was quick
            self.cancel()

    def progress(self) -> Progress:
        """Where it stands."""
        done, step, total, last = _raw.tsr_job_progress(self.handle)
        return Progress(bool(done), step, total, StepResult(*last))

    def report(self) -> dict[str, Any]:
        """What a job that has ended well reports: of an import, its family, tensors and notes."""
        return json.loads(_raw.tsr_job_report(self.handle))

    def cancel(self) -> None:
        """Asks it to stop after the step at hand; returns at once."""
        _raw.tsr_job_cancel(self.handle)

    def _poll(self, seconds: float) -> bool:
        """Has it ended within that time? Raises its error."""
        try:
            _raw.tsr_job_wait(self.handle, seconds)
        except DeadlineExceeded:
            return False
        except BaseException:
            self._sinks.raise_error()
            raise
        self._sinks.raise_error()
        return True

    def wait(self, timeout: float | None = None) -> StepResult:
        """Waits for its end; the last step.

        Raises:
            DeadlineExceeded: it still runs after `timeout` seconds.
            Cancelled: it was cancelled, by `cancel`.
            KeyboardInterrupt: Ctrl-C; the job was cancelled and has ended.
        """
        left = timeout
        try:
            while not self._poll(_LOOK_S if left is None else max(0.0, min(left, _LOOK_S))):
                if left is not None:
                    left -= _LOOK_S
                    if left <= 0:
                        raise DeadlineExceeded(f"the job still runs after {timeout} s",
                                               retryable=True)
        except KeyboardInterrupt:
            self._stop()
            raise
        return self.progress().last

    def _stop(self) -> None:
        """Cancels and waits for the end, whatever it is."""
        self.cancel()
        try:
            _raw.tsr_job_wait(self.handle, -1)
        except Exception:  # pylint: disable=broad-except  # that it was cancelled is no news
            return

    def __await__(self) -> GeneratorType[Any, None, StepResult]:
        return self._wait_in_loop().__await__()

    async def _wait_in_loop(self) -> StepResult:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            if not ended.done():
                ended.set_result(None)

        def tell() -> None:   # on the job's thread
            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:   # the loop is closed: nobody awaits
                return

        _raw.tsr_job_on_end(self.handle, tell)
        try:
            await ended
        except asyncio.CancelledError:
            self.cancel()
            raise
        self._poll(0)
        return self.progress().last
