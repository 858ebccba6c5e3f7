package tessera

/*
#include "tessera.h"

typedef struct tesseraManaged tesseraManaged;
struct tesseraManaged {
  void* data;
  int32_t device_type, device_id, ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
  void* manager_ctx;
  void (*deleter)(tesseraManaged*);
};
static void tesseraDeleteManaged(void* managed) {
  tesseraManaged* tensor = (tesseraManaged*)managed;
  if (tensor != NULL && tensor->deleter != NULL) tensor->deleter(tensor);
}
*/
import "C"

import (
	"math"
	"strconv"
	"strings"
	"unsafe"
)

// DType is the element type of a tensor.
type DType int32

const (
	F64  DType = C.TSR_F64
	F32  DType = C.TSR_F32
	BF16 DType = C.TSR_BF16
	F16  DType = C.TSR_F16
	I64  DType = C.TSR_I64
	I32  DType = C.TSR_I32
	I8   DType = C.TSR_I8
	U32  DType = C.TSR_U32
	U16  DType = C.TSR_U16
	U8   DType = C.TSR_U8
	Bool DType = C.TSR_BOOL
)

var dtypes = map[DType]struct {
	name  string
	bytes int
}{F64: {"f64", 8}, F32: {"f32", 4}, BF16: {"bf16", 2}, F16: {"f16", 2}, I64: {"i64", 8},
	I32: {"i32", 4}, I8: {"i8", 1}, U32: {"u32", 4}, U16: {"u16", 2}, U8: {"u8", 1},
	Bool: {"bool", 1}}

func (d DType) String() string {
	if row, ok := dtypes[d]; ok {
		return row.name
	}
	return "dtype " + strconv.Itoa(int(d))
}

// Bytes of one element; 0 for a dtype that this version does not know.
func (d DType) Bytes() int { return dtypes[d].bytes }

func dtypeNamed(name string) (DType, bool) {
	for dtype, row := range dtypes {
		if row.name == name {
			return dtype, true
		}
	}
	return 0, false
}

// Element is a type of Go that stands for a dtype.
type Element interface {
	float64 | float32 | int64 | int32 | int8 | uint32 | uint16 | uint8
}

func dtypeOf[T Element]() DType {
	switch any(*new(T)).(type) {
	case float64:
		return F64
	case float32:
		return F32
	case int64:
		return I64
	case int32:
		return I32
	case int8:
		return I8
	case uint32:
		return U32
	case uint16:
		return U16
	default:
		return U8
	}
}

// Tensor is an element type, dims and row-major data in the library's memory. [View] reads and
// writes it in place, [Data] copies it. Whoever does so from several goroutines orders that.
type Tensor struct{ handle }

func ownTensor(raw *C.tsr_tensor) *Tensor {
	return &Tensor{own(unsafe.Pointer(raw), freeTensor)}
}

func freeTensor(raw unsafe.Pointer) { C.tsr_tensor_free((*C.tsr_tensor)(raw)) }

// Zeros makes a tensor of zeros.
func Zeros(dtype DType, dims ...int64) (*Tensor, error) {
	var raw *C.tsr_tensor
	at := (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(dims)))
	err := take(C.tsr_tensor_new(C.tsr_dtype(dtype), at, C.int32_t(len(dims)), &raw))
	if err != nil {
		return nil, err
	}
	return ownTensor(raw), nil
}

// NewTensor makes a tensor with a copy of data.
func NewTensor[T Element](data []T, dims ...int64) (*Tensor, error) {
	tensor, err := Zeros(dtypeOf[T](), dims...)
	if err != nil {
		return nil, err
	}
	err = View(tensor, func(elements []T) error {
		if len(elements) != len(data) {
			return Errorf(InvalidArgument,
				"data: expected as many elements as the dims hold, %d, got %d", len(elements), len(data))
		}
		copy(elements, data)
		return nil
	})
	if err != nil {
		tensor.Close()
		return nil, err
	}
	return tensor, nil
}

// View calls use with the tensor's own memory, which is valid until it returns.
func View[T Element](t *Tensor, use func(data []T) error) error {
	return t.use(func(raw unsafe.Pointer) error {
		if dtype := t.dtype(raw); dtype != dtypeOf[T]() {
			return Errorf(InvalidArgument, "tensor: expected %v, got %v", dtypeOf[T](), dtype)
		}
		data := C.tsr_tensor_data((*C.tsr_tensor)(raw))
		bytes := uint64(C.tsr_tensor_bytes((*C.tsr_tensor)(raw)))
		if bytes == 0 {
			return use(nil)
		}
		return use(unsafe.Slice((*T)(data), bytes/uint64(unsafe.Sizeof(*new(T)))))
	})
}

// Data gives a copy of the elements.
func Data[T Element](t *Tensor) ([]T, error) {
	var copied []T
	err := View(t, func(data []T) error {
		copied = append([]T(nil), data...)
		return nil
	})
	return copied, err
}

// ViewBytes is View for any dtype.
func (t *Tensor) ViewBytes(use func(data []byte) error) error {
	return t.use(func(raw unsafe.Pointer) error {
		bytes := uint64(C.tsr_tensor_bytes((*C.tsr_tensor)(raw)))
		if bytes == 0 {
			return use(nil)
		}
		return use(unsafe.Slice((*byte)(C.tsr_tensor_data((*C.tsr_tensor)(raw))), bytes))
	})
}

// Floats gives a copy in float32 of any float dtype.
func (t *Tensor) Floats() ([]float32, error) {
	dtype := t.DType()
	var floats []float32
	halves := func(convert func(uint16) float32) error {
		return t.ViewBytes(func(data []byte) error {
			bits := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/2)
			for _, half := range bits {
				floats = append(floats, convert(half))
			}
			return nil
		})
	}
	var err error
	switch dtype {
	case F32:
		floats, err = Data[float32](t)
	case F64:
		err = View(t, func(data []float64) error {
			for _, value := range data {
				floats = append(floats, float32(value))
			}
			return nil
		})
	case BF16:
		err = halves(func(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) })
	case F16:
		err = halves(halfToFloat)
	default:
		err = Errorf(InvalidArgument, "floats: expected a float dtype, got %v", dtype)
	}
	return floats, err
}

func halfToFloat(bits uint16) float32 {
	sign, exponent, fraction := float32(1), int(bits>>10&0x1f), float32(bits&0x3ff)
	if bits&0x8000 != 0 {
		sign = -1
	}
	switch {
	case exponent == 0:
		return sign * fraction * 0x1p-24
	case exponent == 0x1f && fraction == 0:
		return sign * float32(math.Inf(1))
	case exponent == 0x1f:
		return float32(math.NaN())
	}
	return sign * (1 + fraction/1024) * float32(math.Ldexp(1, exponent-15))
}

func (t *Tensor) dtype(raw unsafe.Pointer) DType {
	return DType(C.tsr_tensor_dtype((*C.tsr_tensor)(raw)))
}

// DType of the elements; 0 for a closed tensor.
func (t *Tensor) DType() (dtype DType) {
	_ = t.use(func(raw unsafe.Pointer) error {
		dtype = t.dtype(raw)
		return nil
	})
	return dtype
}

// Dims of the tensor; nil for a closed one.
func (t *Tensor) Dims() (dims []int64) {
	_ = t.use(func(raw unsafe.Pointer) error {
		tensor := (*C.tsr_tensor)(raw)
		dims = make([]int64, int(C.tsr_tensor_rank(tensor)))
		for i := range dims {
			dims[i] = int64(C.tsr_tensor_dim(tensor, C.int32_t(i)))
		}
		return nil
	})
	return dims
}

func (t *Tensor) String() string {
	dims := t.Dims()
	if dims == nil {
		return "closed tensor"
	}
	words := make([]string, len(dims))
	for i, dim := range dims {
		words[i] = strconv.FormatInt(dim, 10)
	}
	return t.DType().String() + "[" + strings.Join(words, ",") + "]"
}

// ToDLPack gives a DLManagedTensor that shares the memory; whoever takes it calls its deleter, or
// DeleteDLPack.
func (t *Tensor) ToDLPack() (unsafe.Pointer, error) {
	var managed unsafe.Pointer
	err := t.use(func(raw unsafe.Pointer) error {
		return take(C.tsr_tensor_to_dlpack((*C.tsr_tensor)(raw), &managed))
	})
	return managed, err
}

// FromDLPack takes a DLManagedTensor (CPU, row-major contiguous, memory not of Go) without copying.
func FromDLPack(managed unsafe.Pointer) (*Tensor, error) {
	var raw *C.tsr_tensor
	if err := take(C.tsr_tensor_from_dlpack(managed, &raw)); err != nil {
		return nil, err
	}
	return ownTensor(raw), nil
}

// DeleteDLPack gives back a DLManagedTensor that nobody takes.
func DeleteDLPack(managed unsafe.Pointer) { C.tesseraDeleteManaged(managed) }
