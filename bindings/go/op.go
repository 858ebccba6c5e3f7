package tessera

/*
#include "callbacks.h"
*/
import "C"

import (
	"encoding/json"
	"unsafe"
)

// Op is an op of one's own, for [Runtime.RegisterOp].
type Op struct {
	// Name in lower_case.
	Name string
	// Signature in index notation, "x[..., D] -> y[..., D]".
	Signature string
	// Version is stored with checkpoints as name@version; 0 means 1.
	Version uint32
	Doc     string
	// Run computes whole operands on one of the runtime's threads, never two at a time for a program.
	Run func(attrs json.RawMessage, inputs, outputs []Operand) error
	// Gradient emits the gradient of one use: from inputs, outputs and the gradients of the outputs,
	// one gradient per input (None for none). Without it the op runs, and asking for a gradient is an
	// error.
	Gradient func(scope *Scope, attrs json.RawMessage, values []Value) ([]Value, error)
}

// Operand is what a kernel reads or writes: a whole operand, in memory that is valid during the call.
// What is an input must not be written.
type Operand struct {
	DType DType
	Dims  []int64
	data  unsafe.Pointer
}

// Elements of an operand; an error when T is not the dtype.
func Elements[T Element](o Operand) ([]T, error) {
	if o.DType != dtypeOf[T]() {
		return nil, Errorf(Unimplemented, "operand: expected %v, got %v", dtypeOf[T](), o.DType)
	}
	count := int64(1)
	for _, dim := range o.Dims {
		count *= dim
	}
	if count == 0 {
		return nil, nil
	}
	return unsafe.Slice((*T)(o.data), count), nil
}

func operandsOf(data *C.tsr_kernel_operand, count C.size_t) []Operand {
	made := make([]Operand, int(count))
	for i, operand := range unsafe.Slice(data, int(count)) {
		dims := make([]int64, int(operand.rank))
		for axis, dim := range unsafe.Slice(operand.dims, len(dims)) {
			dims[axis] = int64(dim)
		}
		made[i] = Operand{DType(operand.dtype), dims, operand.data}
	}
	return made
}

// RegisterOp registers an op with its CPU kernel.
func (r *Runtime) RegisterOp(op Op) error {
	if op.Run == nil {
		return Errorf(InvalidArgument, "op %s: expected a Run function, got nil", op.Name)
	}
	texts, free, err := cStrings("name", op.Name, "signature", op.Signature, "doc", op.Doc)
	if err != nil {
		return err
	}
	defer free()
	hasGradient := C.int32_t(0)
	if op.Gradient != nil {
		hasGradient = 1
	}
	return r.use(func(raw unsafe.Pointer) error {
		version := C.uint32_t(max(op.Version, 1))
		return take(C.tesseraRegisterOp((*C.tsr_runtime)(raw), texts[0], texts[1], texts[2], version,
			hasGradient, user(op)))
	})
}

//export tesseraGoRun
func tesseraGoRun(cell unsafe.Pointer, attrs *C.char, attrsLength C.size_t,
	inputs *C.tsr_kernel_operand, inputCount C.size_t, outputs *C.tsr_kernel_operand,
	outputCount C.size_t) *C.tsr_status {
	return callback(func() error {
		return used[Op](cell).Run(attributes(attrs, attrsLength), operandsOf(inputs, inputCount),
			operandsOf(outputs, outputCount))
	})
}

// attributes are an object, also where there are none.
func attributes(data *C.char, length C.size_t) json.RawMessage {
	if length == 0 {
		return json.RawMessage("{}")
	}
	return copied(unsafe.Pointer(data), uint64(length))
}

//export tesseraGoGradient
func tesseraGoGradient(cell unsafe.Pointer, raw *C.tsr_scope, attrs *C.char, attrsLength C.size_t,
	values *C.tsr_value, valueCount C.size_t, gradients *C.tsr_value,
	inputCount C.size_t) *C.tsr_status {
	given := valuesOf(values, valueCount)
	count := inputCount
	room := unsafe.Slice(gradients, int(inputCount))
	return trace(raw, room, &count, func(scope *Scope) ([]Value, error) {
		made, err := used[Op](cell).Gradient(scope, attributes(attrs, attrsLength), given)
		if err == nil && scope.err == nil && len(made) != int(inputCount) {
			err = Errorf(InvalidArgument, "expected %d gradients, one per input, got %d",
				int(inputCount), len(made))
		}
		return made, err
	})
}
