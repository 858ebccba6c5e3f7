package tessera

/*
#cgo CFLAGS: -std=gnu11
#cgo LDFLAGS: -ltessera
#include "tessera.h"
*/
import "C"

import "fmt"

// Version is that of the library that is loaded, "0.1.0".
func Version() string {
	version := uint32(C.tsr_version())
	return fmt.Sprintf("%d.%d.%d", version>>16, version>>8&0xff, version&0xff)
}

// BuildInfo tells the compiler, instruction sets and version of the library, as JSON.
func BuildInfo() (string, error) {
	return text(func(out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_build_info(out, length)
	})
}
