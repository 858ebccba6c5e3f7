package tessera

/*
#include "tessera.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"unsafe"
)

// Checkpoint is a complete checkpoint: step, config, tensors. Any goroutine may use it.
type Checkpoint struct {
	Path    string
	Step    int64
	Tensors []TensorInfo
	// JSON is all that is known of it, as the library writes it.
	JSON json.RawMessage

	runtime *Runtime // reads the tensors; nil: they are read from the folder
}

// TensorInfo is a tensor of a checkpoint.
type TensorInfo struct {
	// Path of the parameter it belongs to.
	Path string `json:"path"`
	// Kind: "param", "optimizer" and so on.
	Kind string `json:"kind"`
	// Slot: which of the optimizer's; empty for the parameter.
	Slot   string  `json:"slot"`
	DType  string  `json:"dtype"`
	Dims   []int64 `json:"dims"`
	File   string  `json:"file"`
	Offset int64   `json:"offset"`
	Bytes  int64   `json:"bytes"`
	// BoxOffset is where the part of a rank begins; nil for a whole tensor.
	BoxOffset []int64 `json:"box_offset"`
}

// OpenCheckpoint opens a checkpoint, or the newest complete one in a folder of them. Checksums are
// not read.
func OpenCheckpoint(path string) (*Checkpoint, error) { return inspect(path, 0) }

// VerifyCheckpoint is OpenCheckpoint, comparing every checksum. DataLoss says what is damaged.
func VerifyCheckpoint(path string) (*Checkpoint, error) { return inspect(path, 1) }

func inspect(path string, verify C.int32_t) (*Checkpoint, error) {
	found, err := bytesOf(func(out **C.char, length *C.size_t) *C.tsr_status {
		at, atLength := chars(path)
		return C.tsr_checkpoint_inspect(at, atLength, verify, out, length)
	})
	if err != nil {
		return nil, err
	}
	return newCheckpoint(nil, found)
}

func newCheckpoint(runtime *Runtime, found []byte) (*Checkpoint, error) {
	var fields struct {
		Path    string       `json:"path"`
		Step    int64        `json:"step"`
		Tensors []TensorInfo `json:"tensors"`
	}
	if err := json.Unmarshal(found, &fields); err != nil {
		return nil, Errorf(Internal, "the checkpoint's description: %w", err)
	}
	return &Checkpoint{fields.Path, fields.Step, fields.Tensors, found, runtime}, nil
}

// ImportCheckpoint reads a model from elsewhere into a new checkpoint at path: source is a Hugging
// Face folder or a GGUF file. The job's progress counts bytes; one that fails, or whose context is
// done, leaves nothing.
func ImportCheckpoint(ctx context.Context, r *Runtime, source, path string) (*Job, error) {
	return startJob(ctx, r, func(raw *C.tsr_runtime, out **C.tsr_job) *C.tsr_status {
		from, fromLength := chars(source)
		to, toLength := chars(path)
		return C.tsr_checkpoint_import(raw, from, fromLength, to, toLength, out)
	})
}

// ExportOptions: Family of the format, by default that it was imported from or the first that can say
// the model; MaxFileBytes of a file, by default 5 GiB.
type ExportOptions struct {
	Family       string `json:"family,omitempty"`
	MaxFileBytes int64  `json:"max_file_bytes,omitempty"`
}

// ExportCheckpoint writes the model of a checkpoint (or of the newest one in a folder of them) as a
// Hugging Face folder.
func ExportCheckpoint(ctx context.Context, r *Runtime, path, folder string,
	options *ExportOptions) (*Job, error) {
	given, err := object(options)
	if err != nil {
		return nil, err
	}
	return startJob(ctx, r, func(raw *C.tsr_runtime, out **C.tsr_job) *C.tsr_status {
		from, fromLength := chars(path)
		to, toLength := chars(folder)
		data, length := chars(given)
		return C.tsr_checkpoint_export(raw, from, fromLength, to, toLength, data, length, out)
	})
}

func startJob(ctx context.Context, r *Runtime,
	call func(raw *C.tsr_runtime, out **C.tsr_job) *C.tsr_status) (*Job, error) {
	var made *C.tsr_job
	err := r.use(func(raw unsafe.Pointer) error { return take(call((*C.tsr_runtime)(raw), &made)) })
	if err != nil {
		return nil, err
	}
	return newJob(ctx, own(unsafe.Pointer(made), freeJob), new(sinkFailure)), nil
}

// Read reads the parameter at path.
func (c *Checkpoint) Read(path string) (*Tensor, error) { return c.ReadSlot(path, "") }

// ReadSlot reads what the optimizer keeps in slot for the parameter at path.
func (c *Checkpoint) ReadSlot(path, slot string) (*Tensor, error) {
	for _, info := range c.Tensors {
		if info.Path == path && info.Slot == slot {
			if c.runtime != nil {
				return c.runtime.readTensor(c.Path, path, slot)
			}
			return c.read(info)
		}
	}
	if slot != "" {
		slot = fmt.Sprintf(" (%s)", slot)
	}
	return nil, Errorf(NotFound, "%s: holds no tensor '%s'%s", c.Path, path, slot)
}

func (c *Checkpoint) read(info TensorInfo) (*Tensor, error) {
	if info.BoxOffset != nil {
		return nil, Errorf(Unimplemented, "%s: expected a whole tensor, got the part of a rank",
			info.Path)
	}
	dtype, ok := dtypeNamed(info.DType)
	if !ok {
		return nil, Errorf(Unimplemented, "%s: dtype '%s' is unknown to this version", info.Path,
			info.DType)
	}
	name := filepath.Join(c.Path, info.File)
	file, err := os.Open(name)
	if err != nil {
		return nil, Errorf(DataLoss, "%w", err)
	}
	defer file.Close()
	tensor, err := Zeros(dtype, info.Dims...)
	if err != nil {
		return nil, err
	}
	err = tensor.ViewBytes(func(data []byte) error {
		if int64(len(data)) != info.Bytes {
			return Errorf(DataLoss, "%s: expected %d bytes of '%s', got %d", name, len(data),
				info.Path, info.Bytes)
		}
		if _, err := io.ReadFull(io.NewSectionReader(file, info.Offset, info.Bytes), data); err != nil {
			return Errorf(DataLoss, "%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		tensor.Close()
		return nil, err
	}
	return tensor, nil
}
