package tessera

import (
	"strings"
	"sync"
)

// What callbacks returned or panicked with, until the library's status comes back with its text, on
// whatever thread: so that errors.Is and errors.As find the original error.
var failures struct {
	sync.Mutex
	kept []failure
}

type failure struct {
	message string
	err     error
}

const mostFailures = 32

func keepFailure(message string, err error) {
	failures.Lock()
	defer failures.Unlock()
	if len(failures.kept) == mostFailures {
		failures.kept = append(failures.kept[:0], failures.kept[1:]...)
	}
	failures.kept = append(failures.kept, failure{message, err})
}

// takeFailure gives the failure that an error's message tells of, or nil.
func takeFailure(message string) error {
	failures.Lock()
	defer failures.Unlock()
	for i := len(failures.kept) - 1; i >= 0; i-- {
		if found := failures.kept[i]; strings.Contains(message, found.message) {
			failures.kept = append(failures.kept[:i], failures.kept[i+1:]...)
			return found.err
		}
	}
	return nil
}
