"""Tessera: compose, train and run large models, inside your own program.

```
import tessera as ts

config = ts.Config.load("samples/text/gpt.json")
with ts.Trainer(config, out="out/gpt") as trainer:
    for step in trainer.run(steps=200):
        print(step.step, step.loss)
    print(trainer.generate("def ", max_tokens=80))
```

Config      what a run is; parts of it are in `tessera.configs`
Trainer     steps, evaluations, checkpoints; Job is one in the background
Program     a model or Graph that runs, with gradients
Tensor      memory shared with NumPy and PyTorch
Generator   text from a trained model
Checkpoint  what is stored
Module, Op  parts of models of your own; ops to build them from are in `tessera.ops`
Optimizer, Schedule, DataSource, CheckpointStore    of your own, too
Runtime     threads and kernels; one is made when none is given
torch       modules of the catalogue as torch.nn.Module (import tessera.torch)
"""

from __future__ import annotations

from typing import Any

from . import errors
from .checkpoint import Checkpoint, export_model, import_model
from .config import Config, Part
from .data import DataSource, write_tokens
from .errors import (Aborted, AlreadyExists, Cancelled, DataLoss, DeadlineExceeded,
                     FailedPrecondition, Internal, InvalidArgument, NotFound, OutOfRange,
                     PermissionDenied, ResourceExhausted, TesseraError, Unavailable, Unimplemented,
                     Unknown)
from .generator import Generator
from .graph import Graph
from .job import Job, Progress, StepResult
from .module import Module, Scope, field, slot
from .op import Op, Operand
from .optimizer import Optimizer, Schedule
from .program import Parameters, Program
from .runtime import Runtime, build_info, default_runtime, version
from .store import CheckpointStore
from .tensor import Tensor
from .trainer import Trainer
from .value import Value

__version__ = version()


def register(*parts: Any) -> None:
    """Adds parts of one's own to the default runtime; as a decorator of one class too."""
    default_runtime().register(*parts)


__all__ = [
    "Aborted", "AlreadyExists", "Cancelled", "Checkpoint", "CheckpointStore", "Config", "DataLoss",
    "DataSource", "DeadlineExceeded", "FailedPrecondition", "Generator", "Graph", "Internal",
    "InvalidArgument", "Job", "Module", "NotFound", "Op", "Operand", "Optimizer", "OutOfRange",
    "Parameters", "Part", "PermissionDenied", "Program", "Progress", "ResourceExhausted", "Runtime",
    "Schedule", "Scope", "StepResult", "Tensor", "TesseraError", "Trainer", "Unavailable",
    "Unimplemented", "Unknown", "Value", "build_info", "default_runtime", "errors", "export_model",
    "field", "import_model", "register", "slot", "version", "write_tokens",
]
