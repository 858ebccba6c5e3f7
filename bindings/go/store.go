package tessera

/*
#include <stdlib.h>
#include "callbacks.h"
*/
import "C"

import (
	"unsafe"
)

// CheckpointStore is a place for checkpoints other than a folder: object storage, a database, memory.
// A checkpoint is some named objects.
//
// The methods are called on whichever thread saves or loads, one at a time, and must not use the
// store through the library. An error or panic is that of the call that saves or loads: errors.Is
// and errors.As find it. What they have returned from must survive the process, as far as the store
// is to. Slices are valid during the call.
type CheckpointStore interface {
	// Write puts data behind the offset bytes that the new object has so far. The call with isLast
	// ends the object, and may bring no bytes; before it the object is not listed.
	Write(name string, offset int64, data []byte, isLast bool) error
	// Read fills buffer with the bytes from offset on, and gives how many there were. Fewer, because
	// the object ends, are reported as damage.
	Read(name string, offset int64, buffer []byte) (int, error)
	// List gives every ended object whose name begins with prefix, with its size in bytes.
	List(prefix string) (map[string]int64, error)
	// Rename gives every object whose name begins with from one that begins with to. This commits a
	// checkpoint, and takes one away before it is removed: it should be atomic. Where it cannot be,
	// manifest.tsm moves last: nothing is loaded without it.
	Rename(from, to string) error
	// Remove removes one object, ended or not; one that is not there is fine.
	Remove(name string) error
}

// StoreOptions: IsShared says that other processes save to the store, too. Then nobody knows whether
// the writer of what is named .tmp-... is dead, and what such a one left stays.
type StoreOptions struct{ IsShared bool }

// RegisterStore registers a checkpoint store: "name://path" is a path in it wherever a checkpoint's
// path is asked for, such as the config's trainer.checkpoint_folder. Options may be nil.
func (r *Runtime) RegisterStore(name string, store CheckpointStore, options *StoreOptions) error {
	if store == nil {
		return Errorf(InvalidArgument, "store: expected one, got nil")
	}
	texts, free, err := cStrings("name", name)
	if err != nil {
		return err
	}
	defer free()
	var isShared C.int32_t
	if options != nil && options.IsShared {
		isShared = 1
	}
	return r.use(func(raw unsafe.Pointer) error {
		return take(C.tesseraRegisterStore((*C.tsr_runtime)(raw), texts[0], isShared, user(store)))
	})
}

// OpenCheckpoint is the function OpenCheckpoint, also of a path in a store of the runtime, which then
// reads the tensors and must be open for that.
func (r *Runtime) OpenCheckpoint(path string) (*Checkpoint, error) { return r.inspect(path, 0) }

// VerifyCheckpoint is OpenCheckpoint, comparing every checksum.
func (r *Runtime) VerifyCheckpoint(path string) (*Checkpoint, error) { return r.inspect(path, 1) }

func (r *Runtime) inspect(path string, verify C.int32_t) (*Checkpoint, error) {
	found, err := r.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		at, atLength := chars(path)
		return C.tsr_runtime_inspect((*C.tsr_runtime)(raw), at, atLength, verify, out, length)
	})
	if err != nil {
		return nil, err
	}
	return newCheckpoint(r, []byte(found))
}

func (r *Runtime) readTensor(path, name, slot string) (*Tensor, error) {
	var made *C.tsr_tensor
	err := r.use(func(raw unsafe.Pointer) error {
		at, atLength := chars(path)
		of, ofLength := chars(name)
		in, inLength := chars(slot)
		return take(C.tsr_runtime_read_tensor((*C.tsr_runtime)(raw), at, atLength, of, ofLength, in,
			inLength, &made))
	})
	if err != nil {
		return nil, err
	}
	return ownTensor(made), nil
}

// nameOf copies a text of the library.
func nameOf(text *C.char, length C.size_t) string {
	return string(copied(unsafe.Pointer(text), uint64(length)))
}

func view(data unsafe.Pointer, length C.size_t) []byte {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(data), uint64(length))
}

//export tesseraGoStoreWrite
func tesseraGoStoreWrite(cell unsafe.Pointer, name *C.char, length C.size_t, offset C.int64_t,
	data unsafe.Pointer, size C.size_t, last C.int32_t) *C.tsr_status {
	return callback(func() error {
		return used[CheckpointStore](cell).Write(nameOf(name, length), int64(offset),
			view(data, size), last != 0)
	})
}

//export tesseraGoStoreRead
func tesseraGoStoreRead(cell unsafe.Pointer, name *C.char, length C.size_t, offset C.int64_t,
	buffer unsafe.Pointer, size C.size_t, out *C.size_t) *C.tsr_status {
	return callback(func() error {
		count, err := used[CheckpointStore](cell).Read(nameOf(name, length), int64(offset),
			view(buffer, size))
		if err == nil && count < 0 {
			err = Errorf(InvalidArgument, "read: expected a number of bytes, got %d", count)
		}
		*out = C.size_t(max(count, 0))
		return err
	})
}

//export tesseraGoStoreList
func tesseraGoStoreList(cell unsafe.Pointer, prefix *C.char, length C.size_t,
	listing *C.tsr_listing) *C.tsr_status {
	return callback(func() error {
		found, err := used[CheckpointStore](cell).List(nameOf(prefix, length))
		if err != nil {
			return err
		}
		for name, size := range found {
			at, atLength := chars(name)
			if err := take(C.tsr_listing_add(listing, at, atLength, C.int64_t(size))); err != nil {
				return err
			}
		}
		return nil
	})
}

//export tesseraGoStoreRename
func tesseraGoStoreRename(cell unsafe.Pointer, from *C.char, fromLength C.size_t, to *C.char,
	toLength C.size_t) *C.tsr_status {
	return callback(func() error {
		return used[CheckpointStore](cell).Rename(nameOf(from, fromLength), nameOf(to, toLength))
	})
}

//export tesseraGoStoreRemove
func tesseraGoStoreRemove(cell unsafe.Pointer, name *C.char, length C.size_t) *C.tsr_status {
	return callback(func() error { return used[CheckpointStore](cell).Remove(nameOf(name, length)) })
}
