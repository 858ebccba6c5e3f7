package tessera

/*
#include "callbacks.h"
*/
import "C"

import (
	"context"
	"iter"
	"unicode/utf8"
	"unsafe"
)

// Generator writes text with a trained model. One goroutine at a time uses it; a second one gets
// FailedPrecondition.
type Generator struct{ handle }

// GenerateOptions is how to sample; nil fields have the library's default.
type GenerateOptions struct {
	MaxTokens *int64 `json:"max_tokens,omitempty"`
	// Temperature 0 takes the likeliest token.
	Temperature *float64 `json:"temperature,omitempty"`
	// TopK samples among so many likeliest tokens; 0 for all.
	TopK *int64 `json:"top_k,omitempty"`
	// TopP samples among the likeliest tokens that together have this probability.
	TopP *float64 `json:"top_p,omitempty"`
	Seed *uint64  `json:"seed,omitempty"`
}

// Set makes a pointer for a field of options.
func Set[T any](value T) *T { return &value }

func freeGenerator(raw unsafe.Pointer) { C.tsr_generator_free((*C.tsr_generator)(raw)) }

func newGenerator(from handle,
	call func(raw unsafe.Pointer, out **C.tsr_generator) *C.tsr_status) (*Generator, error) {
	var made *C.tsr_generator
	err := from.use(func(raw unsafe.Pointer) error { return take(call(raw, &made)) })
	if err != nil {
		return nil, err
	}
	return &Generator{own(unsafe.Pointer(made), freeGenerator)}, nil
}

// GeneratorFromCheckpoint makes one from a checkpoint, or the newest complete one in a folder of
// them, computing in dtype: "fp32", "bf16", "fp64", or "" for that of the config.
func GeneratorFromCheckpoint(r *Runtime, path, dtype string) (*Generator, error) {
	given, err := object(map[string]string{"dtype": dtype})
	if err != nil {
		return nil, err
	}
	return newGenerator(r.handle, func(raw unsafe.Pointer, out **C.tsr_generator) *C.tsr_status {
		at, atLength := chars(path)
		data, length := chars(given)
		return C.tsr_generator_from_checkpoint((*C.tsr_runtime)(raw), at, atLength, data, length, out)
	})
}

// Generate continues prompt, which a model of bytes may do with what is no UTF-8. When ctx is done it
// stops and gives what there is, with the context's error.
func (g *Generator) Generate(ctx context.Context, prompt string,
	options *GenerateOptions) (string, error) {
	return g.generate(ctx, prompt, options, func(string) bool { return true })
}

func (g *Generator) generate(ctx context.Context, prompt string, options *GenerateOptions,
	sink func(piece string) bool) (string, error) {
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	given, err := object(options)
	if err != nil {
		return "", err
	}
	cell := user(&stream{ctx, sink})
	defer tesseraGoDestroy(cell)
	result, err := g.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		start, startLength := chars(prompt)
		data, size := chars(given)
		return C.tesseraGenerate((*C.tsr_generator)(raw), start, startLength, data, size, cell, out,
			length)
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	return result, err
}

// Stream continues prompt and gives pieces of whole characters as they are there. It ends with the
// text, with an error, or when the loop is left, which stops the generator.
func (g *Generator) Stream(ctx context.Context, prompt string,
	options *GenerateOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pieces := make(chan string)
		ended := make(chan error, 1)
		// The body of the loop runs on the caller's goroutine, with no frames of C below it: it may
		// panic, or end the goroutine.
		go func() {
			var cut cutter
			_, err := g.generate(ctx, prompt, options, func(bytes string) bool {
				return send(ctx, pieces, cut.push(bytes))
			})
			send(ctx, pieces, cut.rest())
			ended <- err
			close(pieces)
		}()
		defer func() {
			cancel()
			for range pieces { // until the generator has stopped: then it may be used again
			}
		}()
		for piece := range pieces {
			if !yield(piece, nil) {
				return
			}
		}
		if err := <-ended; err != nil {
			yield("", err)
		}
	}
}

// send gives a piece that is not empty to the loop; false when nobody wants more.
func send(ctx context.Context, pieces chan<- string, piece string) bool {
	if piece == "" {
		return ctx.Err() == nil
	}
	select {
	case pieces <- piece:
		return true
	case <-ctx.Done():
		return false
	}
}

type stream struct {
	ctx  context.Context
	sink func(piece string) bool
}

//export tesseraGoPiece
func tesseraGoPiece(cell unsafe.Pointer, data *C.char, length C.size_t) C.int32_t {
	kept := used[*stream](cell)
	if kept.ctx.Err() != nil || !kept.sink(string(copied(unsafe.Pointer(data), uint64(length)))) {
		return 1
	}
	return 0
}

// cutter cuts a stream of bytes at the ends of characters.
type cutter struct{ pending string }

func (c *cutter) push(bytes string) string {
	whole := c.pending + bytes
	end := len(whole)
	// The beginning of a character that may still be completed has at most three bytes.
	for back := 1; back < utf8.UTFMax && back <= len(whole); back++ {
		if at := len(whole) - back; utf8.RuneStart(whole[at]) {
			if !utf8.FullRuneInString(whole[at:]) {
				end = at
			}
			break
		}
	}
	c.pending = whole[end:]
	return whole[:end]
}

func (c *cutter) rest() string {
	rest := c.pending
	c.pending = ""
	return rest
}
