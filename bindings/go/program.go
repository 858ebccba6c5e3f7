package tessera

/*
#include "tessera.h"
*/
import "C"

import (
	"encoding/json"
	"errors"
	"math"
	"sort"
	"unsafe"
)

// Program is a compiled model or graph, run on tensors with or without gradients. One goroutine at a
// time uses it; a second one gets FailedPrecondition.
type Program struct {
	handle
	outputNames []string
}

// ProgramOptions is how a program is compiled; what is not set has the library's default.
type ProgramOptions struct {
	// Mode: "evaluate", "train" or "decode"; not for graphs.
	Mode string `json:"mode,omitempty"`
	// Gradients: whether RunWithGradients will be asked for.
	Gradients bool `json:"gradients,omitempty"`
	// DType: "fp32", "bf16", "fp64"; not for graphs.
	DType string `json:"dtype,omitempty"`
	// Recompute: "none", "selective" or "full".
	Recompute string `json:"recompute,omitempty"`
	// Routing: "record" or "replay" of the choices of mixtures of experts; not for graphs.
	Routing string `json:"routing,omitempty"`
	// Seed; nil is the config's.
	Seed *uint64 `json:"seed,omitempty"`
}

// ProgramDescription is what a program takes and gives.
type ProgramDescription struct {
	Mode       string      `json:"mode"`
	Gradients  bool        `json:"gradients"`
	Inputs     []InputInfo `json:"inputs"`
	Outputs    []ValueInfo `json:"outputs"`
	Parameters []ParamInfo `json:"parameters"`
	Losses     []LossInfo  `json:"losses"`
	// ProgramHash is equal for equal functions, whichever modules built them.
	ProgramHash string `json:"program_hash"`
}

// ValueInfo describes a result; Dims are numbers and texts (symbols).
type ValueInfo struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Dims  []any  `json:"dims"`
}

// InputInfo describes an input, and what an optional one that is left out is.
type InputInfo struct {
	ValueInfo
	Optional bool   `json:"optional"`
	Usual    string `json:"usual"`
}

// ParamInfo describes a parameter.
type ParamInfo struct {
	Path  string `json:"path"`
	DType string `json:"dtype"`
	Dims  []any  `json:"dims"`
}

// LossInfo describes a loss.
type LossInfo struct {
	Name   string  `json:"name"`
	Weight float64 `json:"weight"`
}

// Outputs of a run: tensors by name. Close them.
type Outputs map[string]*Tensor

// Close closes every tensor.
func (o Outputs) Close() error {
	var err error
	for _, tensor := range o {
		err = errors.Join(err, tensor.Close())
	}
	return err
}

func freeProgram(raw unsafe.Pointer) { C.tsr_program_free((*C.tsr_program)(raw)) }

func newProgram(from handle, options *ProgramOptions,
	call func(raw unsafe.Pointer, data *C.char, length C.size_t,
		out **C.tsr_program) *C.tsr_status) (*Program, error) {
	given, err := object(options)
	if err != nil {
		return nil, err
	}
	var made *C.tsr_program
	err = from.use(func(raw unsafe.Pointer) error {
		data, length := chars(given)
		return take(call(raw, data, length, &made))
	})
	if err != nil {
		return nil, err
	}
	program := &Program{handle: own(unsafe.Pointer(made), freeProgram)}
	description, err := program.Describe()
	if err != nil {
		program.Close()
		return nil, err
	}
	for _, output := range description.Outputs {
		program.outputNames = append(program.outputNames, output.Name)
	}
	return program, nil
}

// ProgramFromConfig compiles the model of a config; parameters start as its initialisers say.
func ProgramFromConfig(c *Config, options *ProgramOptions) (*Program, error) {
	return newProgram(c.handle, options, func(raw unsafe.Pointer, data *C.char, length C.size_t,
		out **C.tsr_program) *C.tsr_status {
		return C.tsr_program_from_config((*C.tsr_config)(raw), data, length, out)
	})
}

// ProgramFromGraph compiles a graph.
func ProgramFromGraph(g *Graph, options *ProgramOptions) (*Program, error) {
	return newProgram(g.handle, options, func(raw unsafe.Pointer, data *C.char, length C.size_t,
		out **C.tsr_program) *C.tsr_status {
		return C.tsr_program_from_graph((*C.tsr_graph)(raw), data, length, out)
	})
}

// ProgramFromCheckpoint loads the model of a checkpoint with its parameters. The functions stored
// there are used, so the code of its modules is not needed.
func ProgramFromCheckpoint(r *Runtime, path string, options *ProgramOptions) (*Program, error) {
	return newProgram(r.handle, options, func(raw unsafe.Pointer, data *C.char, length C.size_t,
		out **C.tsr_program) *C.tsr_status {
		at, atLength := chars(path)
		return C.tsr_program_from_checkpoint((*C.tsr_runtime)(raw), at, atLength, data, length, out)
	})
}

// Describe tells inputs, outputs, parameters and losses.
func (p *Program) Describe() (*ProgramDescription, error) {
	found, err := p.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_program_describe((*C.tsr_program)(raw), out, length)
	})
	if err != nil {
		return nil, err
	}
	description := new(ProgramDescription)
	if err := json.Unmarshal([]byte(found), description); err != nil {
		return nil, Errorf(Internal, "the program's description: %w", err)
	}
	return description, nil
}

// Text of the compiled program: functions, parameters, schedule.
func (p *Program) Text() (string, error) {
	return p.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_program_to_text((*C.tsr_program)(raw), out, length)
	})
}

// Run runs the forward on inputs by name; those that have a usual value may be left out.
func (p *Program) Run(inputs map[string]*Tensor) (Outputs, error) {
	return p.run(inputs, func(program *C.tsr_program, names **C.char, tensors **C.tsr_tensor,
		count C.size_t, outputs **C.tsr_tensor, room *C.size_t) *C.tsr_status {
		return C.tsr_program_run(program, names, tensors, count, outputs, room)
	})
}

// RunWithGradients runs forward and backward, and gives the weighted sum of the losses too.
// Gradients are then read by Gradient.
func (p *Program) RunWithGradients(inputs map[string]*Tensor) (float64, Outputs, error) {
	loss := C.double(math.NaN())
	outputs, err := p.run(inputs, func(program *C.tsr_program, names **C.char,
		tensors **C.tsr_tensor, count C.size_t, outputs **C.tsr_tensor,
		room *C.size_t) *C.tsr_status {
		return C.tsr_program_run_with_gradients(program, names, tensors, count, outputs, room, &loss)
	})
	return float64(loss), outputs, err
}

func (p *Program) run(inputs map[string]*Tensor,
	call func(program *C.tsr_program, names **C.char, tensors **C.tsr_tensor, count C.size_t,
		outputs **C.tsr_tensor, room *C.size_t) *C.tsr_status) (Outputs, error) {
	names := make([]string, 0, len(inputs))
	for name := range inputs {
		names = append(names, name)
	}
	sort.Strings(names) // errors do not depend on the order of a map
	pairs := make([]string, 0, 2*len(names))
	for _, name := range names {
		pairs = append(pairs, "input name", name)
	}
	texts, free, err := cStrings(pairs...)
	if err != nil {
		return nil, err
	}
	defer free()
	tensors := make([]*C.tsr_tensor, len(names))
	made := make([]*C.tsr_tensor, len(p.outputNames))
	count := C.size_t(len(made))
	err = p.use(func(raw unsafe.Pointer) error {
		return withTensors(inputs, names, tensors, func() error {
			return take(call((*C.tsr_program)(raw), unsafe.SliceData(texts),
				unsafe.SliceData(tensors), C.size_t(len(names)), unsafe.SliceData(made), &count))
		})
	})
	if err != nil {
		return nil, err
	}
	outputs := make(Outputs, int(count))
	for i, raw := range made[:int(count)] {
		outputs[p.outputNames[i]] = ownTensor(raw)
	}
	return outputs, nil
}

// withTensors runs body while all inputs are held open.
func withTensors(inputs map[string]*Tensor, names []string, raws []*C.tsr_tensor,
	body func() error) error {
	if len(names) == 0 {
		return body()
	}
	tensor := inputs[names[0]]
	if tensor == nil {
		return Errorf(InvalidArgument, "input %s: expected a tensor, got nil", names[0])
	}
	return tensor.use(func(raw unsafe.Pointer) error {
		raws[0] = (*C.tsr_tensor)(raw)
		return withTensors(inputs, names[1:], raws[1:], body)
	})
}

// Param gives a copy of the parameter at path.
func (p *Program) Param(path string) (*Tensor, error) {
	return p.tensorAt(path, func(raw unsafe.Pointer, at *C.char, length C.size_t,
		out **C.tsr_tensor) *C.tsr_status {
		return C.tsr_program_get_param((*C.tsr_program)(raw), at, length, out)
	})
}

// Gradient gives the gradient of the parameter at path, of the last run with gradients.
func (p *Program) Gradient(path string) (*Tensor, error) {
	return p.tensorAt(path, func(raw unsafe.Pointer, at *C.char, length C.size_t,
		out **C.tsr_tensor) *C.tsr_status {
		return C.tsr_program_get_gradient((*C.tsr_program)(raw), at, length, out)
	})
}

func (p *Program) tensorAt(path string, call func(raw unsafe.Pointer, at *C.char, length C.size_t,
	out **C.tsr_tensor) *C.tsr_status) (*Tensor, error) {
	var made *C.tsr_tensor
	err := p.use(func(raw unsafe.Pointer) error {
		at, length := chars(path)
		return take(call(raw, at, length, &made))
	})
	if err != nil {
		return nil, err
	}
	return ownTensor(made), nil
}

// SetParam copies a tensor of the same dims into the parameter at path; dtypes are converted.
func (p *Program) SetParam(path string, tensor *Tensor) error {
	return p.use(func(raw unsafe.Pointer) error {
		return tensor.use(func(data unsafe.Pointer) error {
			at, length := chars(path)
			return take(C.tsr_program_set_param((*C.tsr_program)(raw), at, length,
				(*C.tsr_tensor)(data)))
		})
	})
}
