// Package tessera composes, trains and runs large models inside a program.
//
// A model is a [Config]; a [Trainer] trains it, a [Generator] writes text with it, a [Program] runs
// it on tensors, with gradients if wanted. Parts of one's own are functions:
// [Runtime.RegisterModule] and [Runtime.RegisterOp].
//
// What has a Close method owns native memory: close it, in any order and on any goroutine; again, it
// does nothing. What is collected without having been closed is freed too. A panic of a function
// that the library calls does not go through it: it becomes an [Error].
//
// The package is cgo over libtessera.so; the header is part of it. Where the linker does not find the
// library by itself, CGO_LDFLAGS="-L$DIR -Wl,-rpath,$DIR" names its folder.
package tessera
