package tessera

/*
#include "tessera.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"unsafe"
)

// Config is a model, its data and its training as a tree of typed parts. Any goroutine may read it;
// one at a time may set fields.
type Config struct{ handle }

func freeConfig(raw unsafe.Pointer) { C.tsr_config_free((*C.tsr_config)(raw)) }

// newConfig owns what a call makes from a runtime.
func newConfig(r handle,
	call func(raw unsafe.Pointer, out **C.tsr_config) *C.tsr_status) (*Config, error) {
	var made *C.tsr_config
	err := r.use(func(raw unsafe.Pointer) error { return take(call(raw, &made)) })
	if err != nil {
		return nil, err
	}
	return &Config{own(unsafe.Pointer(made), freeConfig)}, nil
}

// ParseConfig reads JSON text (comments and trailing commas allowed); name stands in errors for the
// file. All errors of the text are reported at once, see Error.Details.
func ParseConfig(r *Runtime, text, name string) (*Config, error) {
	return newConfig(r.handle, func(raw unsafe.Pointer, out **C.tsr_config) *C.tsr_status {
		data, length := chars(text)
		named, namedLength := chars(name)
		return C.tsr_config_parse((*C.tsr_runtime)(raw), data, length, named, namedLength, out)
	})
}

// NewConfig makes a config of what marshals to JSON: maps, or structs of one's own.
func NewConfig(r *Runtime, value any) (*Config, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, Errorf(InvalidArgument, "config: %w", err)
	}
	return ParseConfig(r, string(data), "value")
}

// LoadConfig reads a config file.
func LoadConfig(r *Runtime, path string) (*Config, error) {
	return newConfig(r.handle, func(raw unsafe.Pointer, out **C.tsr_config) *C.tsr_status {
		data, length := chars(path)
		return C.tsr_config_load((*C.tsr_runtime)(raw), data, length, out)
	})
}

// ConfigFromBytes reads the FlatBuffers form, verified before use.
func ConfigFromBytes(r *Runtime, data []byte) (*Config, error) {
	return newConfig(r.handle, func(raw unsafe.Pointer, out **C.tsr_config) *C.tsr_status {
		return C.tsr_config_from_bytes((*C.tsr_runtime)(raw),
			unsafe.Pointer(unsafe.SliceData(data)), C.size_t(len(data)), out)
	})
}

// Bytes gives the FlatBuffers form.
func (c *Config) Bytes() ([]byte, error) {
	found, err := c.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_config_to_bytes((*C.tsr_config)(raw), out, length)
	})
	return []byte(found), err
}

// Copy makes an independent copy.
func (c *Config) Copy() (*Config, error) {
	return newConfig(c.handle, func(raw unsafe.Pointer, out **C.tsr_config) *C.tsr_status {
		return C.tsr_config_copy((*C.tsr_config)(raw), out)
	})
}

// Set sets the field at path ("trainer.steps", "model.decoder.layers[2].norm") to what marshals to
// JSON: a number, a text, a map for a part with its own fields.
func (c *Config) Set(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return Errorf(InvalidArgument, "%s: %w", path, err)
	}
	return c.SetText(path, string(data))
}

// SetText is Set with the value as on the command line: JSON, or plain text.
func (c *Config) SetText(path, value string) error {
	return c.use(func(raw unsafe.Pointer) error {
		at, atLength := chars(path)
		data, length := chars(value)
		return take(C.tsr_config_set((*C.tsr_config)(raw), at, atLength, data, length))
	})
}

// Modify applies a modifier or a list of them, what marshals to {"replace": "FeedForward", "with":
// "MixtureOfExperts", "set": {"num_experts": 8}}, all or nothing. The verbs are replace, wrap, set,
// unset, insert, remove, chain and when. It gives what each did, as JSON.
func (c *Config) Modify(modifiers any) (json.RawMessage, error) {
	data, err := json.Marshal(modifiers)
	if err != nil {
		return nil, Errorf(InvalidArgument, "modifiers: %w", err)
	}
	return c.ModifyText(string(data), "modifiers")
}

// ModifyText is Modify from JSON text; name stands in errors and origins for the file.
func (c *Config) ModifyText(modifiers, name string) (json.RawMessage, error) {
	report, err := c.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		data, size := chars(modifiers)
		named, namedLength := chars(name)
		return C.tsr_config_modify((*C.tsr_config)(raw), data, size, named, namedLength, out, length)
	})
	return json.RawMessage(report), err
}

// Get unmarshals the value at path into out, a pointer. Defaults count.
func (c *Config) Get(path string, out any) error {
	found, err := c.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		at, atLength := chars(path)
		return C.tsr_config_get((*C.tsr_config)(raw), at, atLength, out, length)
	})
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(found), out); err != nil {
		return Errorf(InvalidArgument, "%s: %w", path, err)
	}
	return nil
}

// JSON is canonical JSON with the fields that were set.
func (c *Config) JSON() (string, error) {
	return c.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_config_to_json((*C.tsr_config)(raw), out, length)
	})
}

// Resolve gives every field with its value and where it came from, as JSON. It fails with every
// unmet requirement.
func (c *Config) Resolve() (json.RawMessage, error) {
	found, err := c.resolve(1)
	return json.RawMessage(found), err
}

// Explain is Resolve as text for people.
func (c *Config) Explain() (string, error) { return c.resolve(0) }

func (c *Config) resolve(asJSON C.int32_t) (string, error) {
	return c.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_config_resolve((*C.tsr_config)(raw), asJSON, out, length)
	})
}

// Diff tells where two configs differ, a line a field: path, value here, value there.
func (c *Config) Diff(other *Config) (string, error) {
	var result string
	err := other.use(func(second unsafe.Pointer) (err error) {
		result, err = c.textOf(
			func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
				return C.tsr_config_diff((*C.tsr_config)(raw), (*C.tsr_config)(second), out, length)
			})
		return err
	})
	return result, err
}

// PlanOptions: whether the plan has the program, as text and as a graph of Graphviz.
type PlanOptions struct {
	Text bool `json:"text,omitempty"`
	Dot  bool `json:"dot,omitempty"`
}

// Plan tells parameters, flops, bytes of memory and ops as JSON, without allocating weights.
func (c *Config) Plan(options *PlanOptions) (json.RawMessage, error) {
	given, err := object(options)
	if err != nil {
		return nil, err
	}
	found, err := c.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		data, size := chars(given)
		return C.tsr_config_plan((*C.tsr_config)(raw), data, size, out, length)
	})
	return json.RawMessage(found), err
}

// TuneOptions: where to put what was found (a file for runtime.tuning), how long to search (0: as
// long as it takes), how many combinations of one call to time, and whether to time all afterwards.
type TuneOptions struct {
	Out        string  `json:"out,omitempty"`
	BudgetS    float64 `json:"budget_s,omitempty"`
	MostTimed  int64   `json:"most_timed,omitempty"`
	Exhaustive bool    `json:"exhaustive,omitempty"`
}

// Tune looks for what makes the kernels of a training step faster on this machine. No result changes
// by a bit; the job's report says what was found.
func (c *Config) Tune(ctx context.Context, options *TuneOptions) (*Job, error) {
	given, err := object(options)
	if err != nil {
		return nil, err
	}
	var made *C.tsr_job
	err = c.use(func(raw unsafe.Pointer) error {
		data, size := chars(given)
		return take(C.tsr_config_tune((*C.tsr_config)(raw), data, size, &made))
	})
	if err != nil {
		return nil, err
	}
	return newJob(ctx, own(unsafe.Pointer(made), freeJob), new(sinkFailure)), nil
}
