package tessera

/*
#include "tessera.h"
*/
import "C"

import (
	"encoding/json"
	"unsafe"
)

// Runtime is threads, kernels and registered types: the first thing a program makes. Two runtimes do
// not know of each other; what was made from one keeps it alive. Any goroutine may use it.
type Runtime struct{ handle }

// RuntimeOptions: what is not set has the library's default.
type RuntimeOptions struct {
	// Threads that compute; 0 for all cores.
	Threads int `json:"threads,omitempty"`
	// SpinUS: how long an idle thread spins before it sleeps.
	SpinUS int `json:"spin_us,omitempty"`
	// ISA: "reference", "baseline", "avx2", "avx512", "avx512_bf16", "amx".
	ISA string `json:"isa,omitempty"`
	// Checked handles and pure modules, at some cost; for tests.
	Checked bool `json:"checked,omitempty"`
	// MemoryLimitBytes; 0 for none.
	MemoryLimitBytes int64 `json:"memory_limit_bytes,omitempty"`
	// Plugins allows LoadPlugin, which runs code of a file.
	Plugins bool `json:"plugins,omitempty"`
	// Hardware is what modifiers with "when" are told of the machine, in place of what it is: fields of
	// the config type Hardware.
	Hardware map[string]any `json:"hardware,omitempty"`
	// This process is Rank of WorldSize that meet at MasterAddr:MasterPort within TimeoutS.
	Rank       int    `json:"rank,omitempty"`
	WorldSize  int    `json:"world_size,omitempty"`
	MasterAddr string `json:"master_addr,omitempty"`
	MasterPort int    `json:"master_port,omitempty"`
	TimeoutS   int    `json:"timeout_s,omitempty"`
}

// NewRuntime makes a runtime; nil options are the defaults: all cores, the best instruction set.
func NewRuntime(options *RuntimeOptions) (*Runtime, error) {
	json, err := object(options)
	if err != nil {
		return nil, err
	}
	data, length := chars(json)
	var raw *C.tsr_runtime
	if err := take(C.tsr_runtime_new(data, length, &raw)); err != nil {
		return nil, err
	}
	return &Runtime{own(unsafe.Pointer(raw), freeRuntime)}, nil
}

func freeRuntime(raw unsafe.Pointer) { C.tsr_runtime_free((*C.tsr_runtime)(raw)) }

// Describe tells threads, instruction set and why, rank, kernels, backends; as JSON.
func (r *Runtime) Describe() (string, error) {
	return r.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_runtime_describe((*C.tsr_runtime)(raw), out, length)
	})
}

// List gives the catalogue of a kind as JSON: "modules", "ops", "optimizers", "schedules",
// "kernels", "data", a role such as "norm", or "all".
func (r *Runtime) List(kind string) (json.RawMessage, error) {
	found, err := r.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		data, size := chars(kind)
		return C.tsr_runtime_list((*C.tsr_runtime)(raw), data, size, out, length)
	})
	return json.RawMessage(found), err
}

// JSONSchema gives a JSON Schema of config files and of files of modifiers, with the types that this
// runtime knows: an editor completes and checks with it.
func (r *Runtime) JSONSchema() (json.RawMessage, error) {
	found, err := r.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_runtime_json_schema((*C.tsr_runtime)(raw), out, length)
	})
	return json.RawMessage(found), err
}

// LoadPlugin loads a shared library that registers parts of its own with this runtime; it gives the
// plug-in's manifest, JSON. PermissionDenied unless RuntimeOptions.Plugins allowed it.
func (r *Runtime) LoadPlugin(path string) (json.RawMessage, error) {
	found, err := r.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		data, size := chars(path)
		return C.tsr_runtime_load_plugin((*C.tsr_runtime)(raw), data, size, out, length)
	})
	return json.RawMessage(found), err
}

// DescribeType gives fields, ranges, defaults and docs of a config type or an op, as JSON.
func (r *Runtime) DescribeType(name string) (json.RawMessage, error) {
	found, err := r.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		data, size := chars(name)
		return C.tsr_runtime_describe_type((*C.tsr_runtime)(raw), data, size, out, length)
	})
	return json.RawMessage(found), err
}
