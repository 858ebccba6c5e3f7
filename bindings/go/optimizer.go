package tessera

/*
#include <stdlib.h>
#include "callbacks.h"
*/
import "C"

import (
	"encoding/json"
	"strings"
	"unsafe"
)

// Optimizer builds the update of a parameter op by op, for [Runtime.RegisterOptimizer]: it gives the
// new parameter, then the new slots. It is called while a program is compiled, on that goroutine, and
// must be pure. An error or panic fails the compilation.
type Optimizer func(scope *Scope, update Update) ([]Value, error)

// Update is what an update is built from.
type Update struct {
	Config ModuleConfig
	// WeightDecay is that of the parameter's group: zero for norms and biases.
	WeightDecay float64
	// Dims and DType ("f32") of the parameter.
	Dims  []int64
	DType string

	Param, Gradient Value
	Slots           []Value
	// LearningRate of the parameter's group, Step from 1, and Clip, the factor that clips the gradient,
	// are scalars.
	LearningRate, Step, Clip Value
}

func updateOf(settings []byte, values []Value) (Update, error) {
	var read struct {
		Config      json.RawMessage `json:"config"`
		WeightDecay float64         `json:"weight_decay"`
		Dims        []int64         `json:"dims"`
		DType       string          `json:"dtype"`
	}
	if err := json.Unmarshal(settings, &read); err != nil {
		return Update{}, Errorf(Internal, "settings of an update: %w", err)
	}
	last := len(values) - 3
	return Update{ModuleConfig(read.Config), read.WeightDecay, read.Dims, read.DType, values[0],
		values[1], values[2:last], values[last], values[last+1], values[last+2]}, nil
}

// RegisterOptimizer registers an optimizer. schema is the FlatBuffers text of its table, with the
// role "optimizer" and a field learning_rate: double; slots names what is kept per parameter.
// Training costs what the ops of the update cost.
func (r *Runtime) RegisterOptimizer(schema, typeName string, slots []string,
	optimizer Optimizer) error {
	if optimizer == nil {
		return Errorf(InvalidArgument, "optimizer: expected a function, got nil")
	}
	texts, free, err := cStrings("schema", schema, "type", typeName, "slots",
		strings.Join(slots, ","))
	if err != nil {
		return err
	}
	defer free()
	return r.use(func(raw unsafe.Pointer) error {
		return take(C.tesseraRegisterOptimizer((*C.tsr_runtime)(raw), texts[0], texts[1], texts[2],
			user(optimizer)))
	})
}

//export tesseraGoUpdate
func tesseraGoUpdate(cell unsafe.Pointer, raw *C.tsr_scope, settings *C.char,
	settingsLength C.size_t, values *C.tsr_value, valueCount C.size_t, outputs *C.tsr_value,
	outputCount *C.size_t) *C.tsr_status {
	json := copied(unsafe.Pointer(settings), uint64(settingsLength))
	given := valuesOf(values, valueCount)
	room := unsafe.Slice(outputs, int(*outputCount))
	return trace(raw, room, outputCount, func(scope *Scope) ([]Value, error) {
		update, err := updateOf(json, given)
		if err != nil {
			return nil, err
		}
		return used[Optimizer](cell)(scope, update)
	})
}

// Schedule gives the factor on the learning rate of optimizer step number step + 1. It is called once
// a step, on the thread that steps, and gives the same each time. An error or panic fails the step.
type Schedule func(config ModuleConfig, step, totalSteps int64) (float64, error)

// RegisterSchedule registers a schedule; schema is the FlatBuffers text of its table, with the role
// "schedule".
func (r *Runtime) RegisterSchedule(schema, typeName string, schedule Schedule) error {
	if schedule == nil {
		return Errorf(InvalidArgument, "schedule: expected a function, got nil")
	}
	texts, free, err := cStrings("schema", schema, "type", typeName)
	if err != nil {
		return err
	}
	defer free()
	return r.use(func(raw unsafe.Pointer) error {
		return take(C.tesseraRegisterSchedule((*C.tsr_runtime)(raw), texts[0], texts[1],
			user(schedule)))
	})
}

//export tesseraGoFactor
func tesseraGoFactor(cell unsafe.Pointer, config *C.char, configLength C.size_t,
	step, totalSteps C.int64_t, outFactor *C.double) *C.tsr_status {
	json := copied(unsafe.Pointer(config), uint64(configLength))
	return callback(func() error {
		factor, err := used[Schedule](cell)(json, int64(step), int64(totalSteps))
		*outFactor = C.double(factor)
		return err
	})
}
