package tessera

/*
#include <stdlib.h>
#include "tessera.h"
*/
import "C"

import (
	"encoding/json"
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// Code is what kind of error it is: the codes of Abseil and gRPC.
type Code int32

const (
	Cancelled          Code = C.TSR_CANCELLED
	Unknown            Code = C.TSR_UNKNOWN
	InvalidArgument    Code = C.TSR_INVALID_ARGUMENT
	DeadlineExceeded   Code = C.TSR_DEADLINE_EXCEEDED
	NotFound           Code = C.TSR_NOT_FOUND
	AlreadyExists      Code = C.TSR_ALREADY_EXISTS
	PermissionDenied   Code = C.TSR_PERMISSION_DENIED
	ResourceExhausted  Code = C.TSR_RESOURCE_EXHAUSTED
	FailedPrecondition Code = C.TSR_FAILED_PRECONDITION
	Aborted            Code = C.TSR_ABORTED
	OutOfRange         Code = C.TSR_OUT_OF_RANGE
	Unimplemented      Code = C.TSR_UNIMPLEMENTED
	Internal           Code = C.TSR_INTERNAL
	Unavailable        Code = C.TSR_UNAVAILABLE
	DataLoss           Code = C.TSR_DATA_LOSS
)

var codeNames = [...]string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED",
	"NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
	"FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS"}

func (code Code) String() string {
	if code < 0 || int(code) >= len(codeNames) {
		return fmt.Sprintf("CODE_%d", int32(code))
	}
	return codeNames[code]
}

// Error lets errors.Is(err, tessera.NotFound) ask for a code.
func (code Code) Error() string { return code.String() }

// Error is what the library says when a call does not succeed. Errors of configs name the file, the
// line and the path of the field; when a config has several, Details has all of them.
type Error struct {
	Code    Code
	Message string
	// Path is the config or parameter path that the error is about, "model.decoder.num_layers".
	Path string
	File string
	// Line in File, from 1; 0 for none.
	Line int
	// Rank that failed in a group of processes; -1 for none.
	Rank int
	// Retryable: the same call may succeed later.
	Retryable bool
	// Details is a JSON object; for configs {"errors": [...]}.
	Details json.RawMessage

	cause error
}

func (e *Error) Error() string { return e.Message }

// Is says whether target is the error's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap gives what a function of Go returned within the library, when that was the reason.
func (e *Error) Unwrap() error { return e.cause }

// Errorf makes an error of one's own, for modules and ops to return.
func Errorf(code Code, format string, arguments ...any) *Error {
	wrapped := fmt.Errorf(format, arguments...)
	return &Error{Code: code, Message: wrapped.Error(), Rank: -1, cause: wrapped,
		Retryable: code == Unavailable || code == Aborted}
}

// take turns a status of the library into an error, and frees it.
func take(status *C.tsr_status) error {
	if status == nil {
		return nil
	}
	defer C.tsr_status_free(status)
	message := C.GoString(C.tsr_status_message(status))
	return &Error{
		Code:      Code(C.tsr_status_code(status)),
		Message:   message,
		Path:      C.GoString(C.tsr_status_path(status)),
		File:      C.GoString(C.tsr_status_file(status)),
		Line:      int(C.tsr_status_line(status)),
		Rank:      int(C.tsr_status_rank(status)),
		Retryable: C.tsr_status_retryable(status) != 0,
		Details:   json.RawMessage(C.GoString(C.tsr_status_payload(status))),
		cause:     takeFailure(message),
	}
}

// toStatus makes a status for the library, which is its owner. The error waits to be the cause of
// the one that comes back.
func toStatus(err error) *C.tsr_status {
	code := Unknown
	if own, ok := err.(*Error); ok {
		code = own.Code
	}
	message := err.Error()
	keepFailure(message, err)
	data, length := chars(message)
	return C.tsr_status_new(C.tsr_code(code), data, length)
}

// callback runs the body of a callback; its error or panic becomes the status.
func callback(body func() error) (status *C.tsr_status) {
	defer func() {
		if reason := recover(); reason != nil {
			status = toStatus(panicError(reason))
		}
	}()
	if err := body(); err != nil {
		return toStatus(err)
	}
	return nil
}

func panicError(reason any) error {
	if err, ok := reason.(error); ok {
		return fmt.Errorf("panicked: %w", err)
	}
	return fmt.Errorf("panicked: %v", reason)
}

// user makes a value reachable from C, in memory of C that dropUser gives back.
func user(value any) unsafe.Pointer {
	cell := C.malloc(C.size_t(unsafe.Sizeof(C.uintptr_t(0))))
	*(*C.uintptr_t)(cell) = C.uintptr_t(cgo.NewHandle(value))
	return cell
}

// used is the value of user.
func used[T any](cell unsafe.Pointer) T {
	return cgo.Handle(*(*C.uintptr_t)(cell)).Value().(T)
}

//export tesseraGoDestroy
func tesseraGoDestroy(cell unsafe.Pointer) {
	cgo.Handle(*(*C.uintptr_t)(cell)).Delete()
	C.free(cell)
}
