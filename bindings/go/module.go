package tessera

/*
#include <stdlib.h>
#include "callbacks.h"
*/
import "C"

import (
	"encoding/json"
	"strconv"
	"strings"
	"unsafe"
)

// Module builds a part of a model op by op, for [Runtime.RegisterModule]. It is called while a model
// is traced, on that goroutine, and must be pure: the same config and inputs give the same calls. An
// error or panic fails the trace.
type Module func(scope *Scope, config ModuleConfig, inputs []Value) ([]Value, error)

// ModuleConfig is the resolved config of a module as JSON: every field has its value.
type ModuleConfig json.RawMessage

// Read unmarshals the config into out, a pointer to a struct with the fields that are wanted.
func (c ModuleConfig) Read(out any) error {
	if err := json.Unmarshal(c, out); err != nil {
		return Errorf(InvalidArgument, "the module's config: %w", err)
	}
	return nil
}

// Scope is where a module stands while it is traced: it gives parameters, children and ambient
// values, and takes ops. It lives during the call only. The first error stays in Err, and what comes
// after it does nothing, so that a module reads as its formula.
type Scope struct {
	raw *C.tsr_scope
	err error
}

// Err is the first error of this call.
func (s *Scope) Err() error { return s.err }

// value runs a call that gives one, unless there was an error.
func (s *Scope) value(call func(out *C.tsr_value) *C.tsr_status) Value {
	value := C.tsr_value(None)
	if s.isOpen() {
		s.err = take(call(&value))
	}
	return Value(value)
}

func (s *Scope) isOpen() bool {
	if s.err == nil && s.raw == nil {
		s.err = Errorf(FailedPrecondition, "scope: expected use during the call, got a later one")
	}
	return s.err == nil
}

// Param gives a parameter at the relative path, in the model's dtype.
func (s *Scope) Param(path string, init Init, dims ...int64) Value {
	words := make([]string, len(dims))
	for i, dim := range dims {
		words[i] = strconv.FormatInt(dim, 10)
	}
	sizes := strings.Join(words, ",")
	json, err := init.json()
	if s.err == nil {
		s.err = err
	}
	return s.value(func(out *C.tsr_value) *C.tsr_status {
		at, atLength := chars(path)
		dims, dimsLength := chars(sizes)
		data, length := chars(json)
		return C.tsr_scope_param(s.raw, at, atLength, dims, dimsLength, data, length, out)
	})
}

// Add adds an op with one output.
func (s *Scope) Add(op string, attrs Attrs, inputs ...Value) Value {
	made := s.AddMany(op, attrs, inputs...)
	if s.err != nil {
		return None
	}
	var value Value
	value, s.err = only(made, nil, op)
	return value
}

// AddMany adds an op with any number of outputs.
func (s *Scope) AddMany(op string, attrs Attrs, inputs ...Value) (made []Value) {
	json, err := object(attrs)
	if s.err == nil {
		s.err = err
	}
	if s.isOpen() {
		made, s.err = outputsOf(func(outputs *C.tsr_value, count *C.size_t) *C.tsr_status {
			name, nameLength := chars(op)
			given, givenCount := values(inputs)
			data, length := chars(json)
			return C.tsr_scope_add(s.raw, name, nameLength, given, givenCount, data, length,
				outputs, count)
		})
	}
	return made
}

// Call builds the child in slot; "layers[2]" is a child of a list.
func (s *Scope) Call(slot string, inputs ...Value) (made []Value) {
	if s.isOpen() {
		made, s.err = outputsOf(func(outputs *C.tsr_value, count *C.size_t) *C.tsr_status {
			name, nameLength := chars(slot)
			given, givenCount := values(inputs)
			return C.tsr_scope_call(s.raw, name, nameLength, given, givenCount, outputs, count)
		})
	}
	return made
}

// Ambient gives what the surroundings provide: "positions", "segments".
func (s *Scope) Ambient(name string) Value {
	return s.value(func(out *C.tsr_value) *C.tsr_status {
		data, length := chars(name)
		return C.tsr_scope_ambient(s.raw, data, length, out)
	})
}

// Loss adds a loss, as [Graph.Loss].
func (s *Scope) Loss(name string, numerator, denominator Value, weight float64) {
	if s.isOpen() {
		data, length := chars(name)
		s.err = take(C.tsr_scope_loss(s.raw, data, length, C.tsr_value(numerator),
			C.tsr_value(denominator), C.double(weight)))
	}
}

// Dim is a dim of a value as text: "B", "512".
func (s *Scope) Dim(value Value, index int) (dim string) {
	if s.isOpen() {
		dim, s.err = text(func(out **C.char, length *C.size_t) *C.tsr_status {
			return C.tsr_scope_dim(s.raw, C.tsr_value(value), C.int32_t(index), out, length)
		})
	}
	return dim
}

// RegisterModule registers a module type: slots, configs, the catalogue and checkpoints treat it as
// one of the library's own. schema is the FlatBuffers text of the type's table, typeName the name of
// that table.
func (r *Runtime) RegisterModule(schema, typeName string, module Module) error {
	if module == nil {
		return Errorf(InvalidArgument, "module: expected a function, got nil")
	}
	texts, free, err := cStrings("schema", schema, "type", typeName)
	if err != nil {
		return err
	}
	defer free()
	return r.use(func(raw unsafe.Pointer) error {
		return take(C.tesseraRegisterModule((*C.tsr_runtime)(raw), texts[0], texts[1], user(module)))
	})
}

// cStrings makes terminated texts of pairs of name and text.
func cStrings(pairs ...string) (texts []*C.char, free func(), err error) {
	free = func() {
		for _, text := range texts {
			C.free(unsafe.Pointer(text))
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		if at := strings.IndexByte(pairs[i+1], 0); at >= 0 {
			free()
			return nil, nil, Errorf(InvalidArgument,
				"%s: expected text without NUL, got one at byte %d", pairs[i], at)
		}
		texts = append(texts, C.CString(pairs[i+1]))
	}
	return texts, free, nil
}

// trace runs a callback that gives at most len(outputs) values.
func trace(raw *C.tsr_scope, outputs []C.tsr_value, count *C.size_t,
	body func(scope *Scope) ([]Value, error)) *C.tsr_status {
	scope := &Scope{raw: raw}
	defer func() { scope.raw = nil }()
	return callback(func() error {
		made, err := body(scope)
		if err == nil {
			err = scope.err
		}
		if err != nil {
			return err
		}
		if len(made) > len(outputs) {
			return Errorf(InvalidArgument, "expected at most %d outputs, got %d", len(outputs),
				len(made))
		}
		for i, value := range made {
			outputs[i] = C.tsr_value(value)
		}
		*count = C.size_t(len(made))
		return nil
	})
}

// valuesOf copies values of C, which are valid during the call only.
func valuesOf(data *C.tsr_value, count C.size_t) []Value {
	made := make([]Value, int(count))
	for i, value := range unsafe.Slice(data, int(count)) {
		made[i] = Value(value)
	}
	return made
}

//export tesseraGoBuild
func tesseraGoBuild(cell unsafe.Pointer, raw *C.tsr_scope, config *C.char, configLength C.size_t,
	inputs *C.tsr_value, inputCount C.size_t, outputs *C.tsr_value,
	outputCount *C.size_t) *C.tsr_status {
	json := copied(unsafe.Pointer(config), uint64(configLength))
	given := valuesOf(inputs, inputCount)
	room := unsafe.Slice(outputs, int(*outputCount))
	return trace(raw, room, outputCount, func(scope *Scope) ([]Value, error) {
		return used[Module](cell)(scope, json, given)
	})
}
