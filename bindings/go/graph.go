package tessera

/*
#include "tessera.h"
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Value of a graph or scope: the result of an op, an input or a parameter.
type Value int32

// None is no value: the gradient of an input that has none.
const None Value = -1

// mostOutputs of an op or module.
const mostOutputs = 64

// Attrs of an op: marshals to a JSON object; nil is none. Numbers that JSON lacks are the texts
// "inf", "-inf", "nan".
type Attrs map[string]any

// Init is how a parameter starts, and what is known of its dims; the zero value is zeros.
type Init struct {
	// Kind: "constant" (the default), "normal", "uniform".
	Kind   string  `json:"kind"`
	Mean   float64 `json:"mean,omitempty"`
	Stddev float64 `json:"stddev,omitempty"`
	// LogicalDims say what the dims are, for rules of sharding: "embed", "mlp".
	LogicalDims []string `json:"logical_dims,omitempty"`
	// Decay says whether weight decay applies; nil: to two dims and more.
	Decay *bool `json:"decay,omitempty"`
}

// Constant everywhere.
func Constant(value float64) Init { return Init{Kind: "constant", Mean: value} }

// Normal with mean 0.
func Normal(stddev float64) Init { return Init{Kind: "normal", Stddev: stddev} }

// Uniform between -stddev and stddev.
func Uniform(stddev float64) Init { return Init{Kind: "uniform", Stddev: stddev} }

func (i Init) json() (string, error) {
	if i.Kind == "" {
		i.Kind = "constant"
	}
	return object(i)
}

func values(v []Value) (*C.tsr_value, C.size_t) {
	return (*C.tsr_value)(unsafe.Pointer(unsafe.SliceData(v))), C.size_t(len(v))
}

// outputsOf collects the values that a call writes.
func outputsOf(call func(outputs *C.tsr_value, count *C.size_t) *C.tsr_status) ([]Value, error) {
	made := make([]Value, mostOutputs)
	count := C.size_t(len(made))
	data, _ := values(made)
	if err := take(call(data, &count)); err != nil {
		return nil, err
	}
	return made[:min(int(count), len(made))], nil
}

func only(made []Value, err error, op string) (Value, error) {
	if err == nil && len(made) != 1 {
		err = Errorf(InvalidArgument, "%s: expected one output, got %d; use AddMany", op, len(made))
	}
	if err != nil {
		return None, err
	}
	return made[0], nil
}

// Graph is a function built op by op, to be compiled into a [Program]. One goroutine at a time uses
// it; a second one gets FailedPrecondition.
type Graph struct{ handle }

func freeGraph(raw unsafe.Pointer) { C.tsr_graph_free((*C.tsr_graph)(raw)) }

func newGraph(r *Runtime,
	call func(raw *C.tsr_runtime, out **C.tsr_graph) *C.tsr_status) (*Graph, error) {
	var made *C.tsr_graph
	err := r.use(func(raw unsafe.Pointer) error { return take(call((*C.tsr_runtime)(raw), &made)) })
	if err != nil {
		return nil, err
	}
	return &Graph{own(unsafe.Pointer(made), freeGraph)}, nil
}

// NewGraph makes an empty graph.
func NewGraph(r *Runtime) (*Graph, error) {
	return newGraph(r, func(raw *C.tsr_runtime, out **C.tsr_graph) *C.tsr_status {
		return C.tsr_graph_new(raw, out)
	})
}

// GraphFromBytes reads the FlatBuffers form, verified.
func GraphFromBytes(r *Runtime, data []byte) (*Graph, error) {
	return newGraph(r, func(raw *C.tsr_runtime, out **C.tsr_graph) *C.tsr_status {
		at := unsafe.Pointer(unsafe.SliceData(data))
		return C.tsr_graph_from_bytes(raw, at, C.size_t(len(data)), out)
	})
}

// Bytes gives the FlatBuffers form.
func (g *Graph) Bytes() ([]byte, error) {
	found, err := g.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_graph_to_bytes((*C.tsr_graph)(raw), out, length)
	})
	return []byte(found), err
}

// Input adds an argument of the program; dims with symbols, "B,T,512".
func (g *Graph) Input(name string, dtype DType, dims string) (Value, error) {
	value := C.tsr_value(None)
	err := g.use(func(raw unsafe.Pointer) error {
		named, namedLength := chars(name)
		sizes, sizesLength := chars(dims)
		return take(C.tsr_graph_input((*C.tsr_graph)(raw), named, namedLength, C.tsr_dtype(dtype),
			sizes, sizesLength, &value))
	})
	return Value(value), err
}

// Param adds a trainable parameter at path.
func (g *Graph) Param(path string, dtype DType, dims string, init Init) (Value, error) {
	value := C.tsr_value(None)
	json, err := init.json()
	if err != nil {
		return None, err
	}
	err = g.use(func(raw unsafe.Pointer) error {
		at, atLength := chars(path)
		sizes, sizesLength := chars(dims)
		data, length := chars(json)
		return take(C.tsr_graph_param((*C.tsr_graph)(raw), at, atLength, C.tsr_dtype(dtype), sizes,
			sizesLength, data, length, &value))
	})
	return Value(value), err
}

// Add adds an op with one output.
func (g *Graph) Add(op string, attrs Attrs, inputs ...Value) (Value, error) {
	made, err := g.AddMany(op, attrs, inputs...)
	return only(made, err, op)
}

// AddMany adds an op with any number of outputs.
func (g *Graph) AddMany(op string, attrs Attrs, inputs ...Value) (made []Value, err error) {
	json, err := object(attrs)
	if err != nil {
		return nil, err
	}
	err = g.use(func(raw unsafe.Pointer) error {
		made, err = outputsOf(func(outputs *C.tsr_value, count *C.size_t) *C.tsr_status {
			name, nameLength := chars(op)
			given, givenCount := values(inputs)
			data, length := chars(json)
			return C.tsr_graph_add((*C.tsr_graph)(raw), name, nameLength, given, givenCount, data,
				length, outputs, count)
		})
		return err
	})
	return made, err
}

// CallOptions of a module in a graph: Mode "evaluate" (the default) or "train", and the dtype of its
// parameters, by default that of the first float input.
type CallOptions struct {
	Mode  string `json:"mode,omitempty"`
	DType string `json:"dtype,omitempty"`
}

// Call adds a module of the catalogue; names of its parameters and losses are below path. config is
// that of the module alone: {"type": "FeedForward", "model_dim": 64, "hidden_dim": 128}.
func (g *Graph) Call(config *Config, path string, options *CallOptions,
	inputs ...Value) (made []Value, err error) {
	json, err := object(options)
	if err != nil {
		return nil, err
	}
	err = g.use(func(raw unsafe.Pointer) error {
		return config.use(func(module unsafe.Pointer) error {
			made, err = outputsOf(func(outputs *C.tsr_value, count *C.size_t) *C.tsr_status {
				at, atLength := chars(path)
				data, length := chars(json)
				given, givenCount := values(inputs)
				return C.tsr_graph_call((*C.tsr_graph)(raw), (*C.tsr_config)(module), at, atLength,
					data, length, given, givenCount, outputs, count)
			})
			return err
		})
	})
	return made, err
}

// Output makes a value a result of the program.
func (g *Graph) Output(name string, value Value) error {
	return g.use(func(raw unsafe.Pointer) error {
		data, length := chars(name)
		return take(C.tsr_graph_output((*C.tsr_graph)(raw), data, length, C.tsr_value(value)))
	})
}

// Loss makes weight * numerator / denominator a loss; both are scalars summed over the batch.
func (g *Graph) Loss(name string, numerator, denominator Value, weight float64) error {
	return g.use(func(raw unsafe.Pointer) error {
		data, length := chars(name)
		return take(C.tsr_graph_loss((*C.tsr_graph)(raw), data, length, C.tsr_value(numerator),
			C.tsr_value(denominator), C.double(weight)))
	})
}

// Type tells dtype and dims of a value, "bf16[B,T,512]".
func (g *Graph) Type(value Value) (string, error) {
	return g.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_graph_type((*C.tsr_graph)(raw), C.tsr_value(value), out, length)
	})
}

// Text of the graph, a line an op.
func (g *Graph) Text() (string, error) {
	return g.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_graph_to_text((*C.tsr_graph)(raw), out, length)
	})
}

func (v Value) String() string { return fmt.Sprintf("%%%d", int32(v)) }
