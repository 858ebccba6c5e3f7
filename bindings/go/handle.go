package tessera

/*
#include "tessera.h"
*/
import "C"

import (
	"encoding/json"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// handle owns one handle of the library. Close frees it once, when no call uses it any more. It is
// part of the exported types, which add their methods.
type handle struct {
	*state
}

// state is what the finalizer of a forgotten handle frees; it does not refer to the handle's owner.
type state struct {
	raw  unsafe.Pointer
	free func(unsafe.Pointer)
	// uses counts the calls that hold it open, by oneUse, and isClosed is its lowest bit.
	uses atomic.Int64
}

const isClosed, oneUse = 1, 2

// own makes the state of a new handle. A finalizer is the net under forgotten ones.
func own(raw unsafe.Pointer, free func(unsafe.Pointer)) handle {
	made := &state{raw: raw, free: free}
	runtime.SetFinalizer(made, func(s *state) { s.close() })
	return handle{made}
}

// Close frees what the library holds for it; again, it does nothing.
func (h handle) Close() error {
	if h.state != nil {
		runtime.SetFinalizer(h.state, nil)
		h.close()
	}
	return nil
}

func (s *state) close() {
	for {
		now := s.uses.Load()
		if now&isClosed != 0 {
			return
		}
		if s.uses.CompareAndSwap(now, now|isClosed) {
			if now == 0 {
				s.free(s.raw)
			}
			return
		}
	}
}

// use holds the handle open during a call.
func (h handle) use(call func(raw unsafe.Pointer) error) error {
	if h.state == nil {
		return Errorf(InvalidArgument, "handle: expected one that was made, got an empty struct")
	}
	for {
		now := h.uses.Load()
		if now&isClosed != 0 {
			return Errorf(FailedPrecondition, "handle: expected an open one, got one that is closed")
		}
		if h.uses.CompareAndSwap(now, now+oneUse) {
			break
		}
	}
	defer h.release()
	return call(h.raw)
}

func (s *state) release() {
	if s.uses.Add(-oneUse) == isClosed {
		s.free(s.raw)
	}
}

// ---- Texts ----

// chars is a text's pointer and length, for the time of a call.
func chars(text string) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text))
}

// bytesOf copies the bytes that a call writes, and frees the library's.
func bytesOf(call func(out **C.char, length *C.size_t) *C.tsr_status) ([]byte, error) {
	var out *C.char
	var length C.size_t
	if err := take(call(&out, &length)); err != nil {
		return nil, err
	}
	defer C.tsr_text_free(out)
	return copied(unsafe.Pointer(out), uint64(length)), nil
}

// copied is Go's copy of memory of C, of any size.
func copied(data unsafe.Pointer, length uint64) []byte {
	if length == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(data), length)...)
}

func text(call func(out **C.char, length *C.size_t) *C.tsr_status) (string, error) {
	data, err := bytesOf(call)
	return string(data), err
}

// textOf is text with the handle held open.
func (h handle) textOf(
	call func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status) (string, error) {
	var result string
	err := h.use(func(raw unsafe.Pointer) (err error) {
		result, err = text(func(out **C.char, length *C.size_t) *C.tsr_status {
			return call(raw, out, length)
		})
		return err
	})
	return result, err
}

// object writes options and attributes: nil is no text.
func object(value any) (string, error) {
	if value == nil {
		return "", nil
	}
	data, err := json.Marshal(value)
	if err != nil {
		return "", Errorf(InvalidArgument, "JSON: %w", err)
	}
	if string(data) == "null" {
		return "", nil
	}
	return string(data), nil
}
