"""Checkpoint: what a checkpoint holds, and its tensors."""

from __future__ import annotations

import json
import mmap
import os
from typing import Any, Iterator, Mapping

from . import _raw
from .config import Config, PathLike
from .errors import NotFound
from .job import Job
from .runtime import Runtime, default_runtime
from .tensor import Tensor

__all__ = ["Checkpoint", "export_model", "import_model"]


def import_model(source: PathLike, path: PathLike, *, runtime: Runtime | None = None) -> Job:
    """Reads a model from elsewhere into a new checkpoint at `path`: a Hugging Face folder
    (config.json and safetensors) or a GGUF file.

    A job: `import_model(...).wait()`, or `await` it; its progress counts bytes, and `report` has
    family, tensors and notes. One that fails or is cancelled leaves nothing at `path`.
    """
    runtime = runtime or default_runtime()
    return Job(_raw.tsr_checkpoint_import(runtime.handle, os.fspath(source), os.fspath(path)))


def export_model(path: PathLike, folder: PathLike, *, family: str = "",
                 max_file_bytes: int | None = None, runtime: Runtime | None = None) -> Job:
    """Writes the model of a checkpoint (the newest one in a folder of them) as a Hugging Face
    folder; a job, as `import_model`.

    Args:
        family: the kind of model that it is written as; the one it was imported from, or the first
            that can say the model, when left out.
        max_file_bytes: of one file of safetensors.
    """
    runtime = runtime or default_runtime()
    options: dict[str, Any] = {"family": family}
    if max_file_bytes is not None:
        options["max_file_bytes"] = max_file_bytes
    return Job(_raw.tsr_checkpoint_export(runtime.handle, os.fspath(path), os.fspath(folder),
                                          json.dumps(options)))


class Checkpoint(Mapping[str, Tensor]):
    """The parameters of a checkpoint by path, read when asked for.

    ```
    checkpoint = ts.Checkpoint("out/gpt/checkpoints")      # the newest complete one
    weight = checkpoint["embedding/weight"].numpy()
    model.load_state_dict({path: tensor.torch() for path, tensor in checkpoint.items()})
    ```
    Args:
        path: a checkpoint, or a folder of them; "NAME://PATH" in a store of the runtime.
        verify: read every byte and compare checksums.
        runtime: knows checkpoint stores, and reads all tensors; by default folders are read without
            one, and stores with the default runtime.

    Raises:
        NotFound: nothing is there.
        DataLoss: it is damaged; the message says which file and where.
    """

    def __init__(self, path: PathLike, *, verify: bool = False,
                 runtime: Runtime | None = None) -> None:
        name = os.fspath(path)
        if runtime is None and "://" in name:
            runtime = default_runtime()
        self._runtime = runtime
        self.facts: dict[str, Any] = json.loads(
            _raw.tsr_checkpoint_inspect(name, int(verify)) if runtime is None else
            _raw.tsr_runtime_inspect(runtime.handle, name, int(verify)))
        self.path: str = self.facts["path"]
        self.step: int = self.facts["step"]
        self._boxes: dict[str, list[dict[str, Any]]] = {}
        self._states: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for record in self.facts["tensors"]:
            if record.get("slot"):
                key = (record["path"], record["slot"])
                self._states.setdefault(key, []).append(record)
            else:
                self._boxes.setdefault(record["path"], []).append(record)

    def config(self, *, runtime: Runtime | None = None) -> Config:
        """The config that it was trained with."""
        return Config(self.facts["config"], runtime=runtime)

    def __getitem__(self, path: str) -> Tensor:
        if path not in self._boxes:
            raise NotFound(f"{self.path}: no parameter {path!r}", path=path)
        return self._read(self._boxes[path])

    def optimizer_state(self, path: str, slot: str) -> Tensor:
        """What the optimizer keeps for a parameter: `slots` names what there is."""
        if (path, slot) not in self._states:
            raise NotFound(f"{self.path}: no optimizer state {slot!r} of {path!r}", path=path)
        return self._read(self._states[path, slot])

    @property
    def slots(self) -> list[tuple[str, str]]:
        """(path, slot) of what the optimizer keeps."""
        return list(self._states)

    def _read(self, records: list[dict[str, Any]]) -> Tensor:
        if self._runtime is not None:
            return Tensor(_raw.tsr_runtime_read_tensor(
                self._runtime.handle, self.path, records[0]["path"], records[0].get("slot", "")))
        dims = records[0]["dims"]
        tensor = Tensor.zeros(dims, records[0]["dtype"])
        target = tensor._bytes()
        for record in records:
            data = self._bytes_of(record)
            if len(data) == len(target):
                target[:] = data
            else:
                _copy_box(target, dims, data, record)
        return tensor

    def _bytes_of(self, record: dict[str, Any]) -> bytes:
        size = record["bytes"]
        with open(os.path.join(self.path, record["file"]), "rb") as file:
            if size < mmap.PAGESIZE:
                file.seek(record["offset"])
                return file.read(size)
            start = record["offset"] // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
            skip = record["offset"] - start
            with mmap.mmap(file.fileno(), skip + size, access=mmap.ACCESS_READ,
                           offset=start) as memory:
                return memory[skip:skip + size]

    def __iter__(self) -> Iterator[str]:
        return iter(self._boxes)

    def __len__(self) -> int:
        return len(self._boxes)

    def __repr__(self) -> str:
        return f"<tessera.Checkpoint {self.path}: step {self.step}, {len(self)} parameters>"


def _copy_box(target: memoryview, dims: list[int], data: bytes, record: dict[str, Any]) -> None:
    """Copies a box of a sharded tensor to its place, row by row."""
    offset, size = record["box_offset"], record["box_size"]
    count = 1
    for dim in size:
        count *= dim
    item = len(data) // max(count, 1)
    row = size[-1] * item
    for index in range(count // size[-1] if count else 0):
        place, rest = 0, index
        position: list[int] = []
        for dim in reversed(size[:-1]):
            position.insert(0, rest % dim)
            rest //= dim
        for axis, dim in enumerate(dims[:-1]):
            place = place * dim + offset[axis] + position[axis]
        start = (place * dims[-1] + offset[-1]) * item
        target[start:start + row] = data[index * row:(index + 1) * row]
