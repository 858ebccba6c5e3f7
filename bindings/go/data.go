package tessera

/*
#include <stdlib.h>
#include "callbacks.h"
*/
import "C"

import (
	"unsafe"
)

// DataSource adds the documents that name, an entry of data.train or data.validation, stands for: the
// same ones each time, as a tokenizer that learns reads them twice. It is called while a trainer opens
// its data. An error or panic fails the trainer.
type DataSource func(corpus *Corpus, name string) error

// Corpus is where a data source puts its documents. It lives during the call only.
type Corpus struct {
	raw *C.tsr_corpus
}

func (c *Corpus) add(call func() *C.tsr_status) error {
	if c.raw == nil {
		return Errorf(FailedPrecondition, "corpus: expected use during the call, got a later one")
	}
	return take(call())
}

// AddText adds a document of text. All documents of a run are text, or all are ids.
func (c *Corpus) AddText(text string) error {
	return c.add(func() *C.tsr_status {
		data, length := chars(text)
		return C.tsr_corpus_add_text(c.raw, data, length)
	})
}

// AddTokens adds a document of token ids.
func (c *Corpus) AddTokens(ids []uint32) error {
	return c.add(func() *C.tsr_status {
		return C.tsr_corpus_add_tokens(c.raw, unsafe.Pointer(unsafe.SliceData(ids)),
			C.size_t(4*len(ids)), 4)
	})
}

// AddNarrowTokens adds a document of token ids below 65536.
func (c *Corpus) AddNarrowTokens(ids []uint16) error {
	return c.add(func() *C.tsr_status {
		return C.tsr_corpus_add_tokens(c.raw, unsafe.Pointer(unsafe.SliceData(ids)),
			C.size_t(2*len(ids)), 2)
	})
}

// RegisterSource registers a data source: a trainer whose data.source is name takes its documents
// from there.
func (r *Runtime) RegisterSource(name string, source DataSource) error {
	if source == nil {
		return Errorf(InvalidArgument, "source: expected a function, got nil")
	}
	texts, free, err := cStrings("name", name)
	if err != nil {
		return err
	}
	defer free()
	return r.use(func(raw unsafe.Pointer) error {
		return take(C.tesseraRegisterSource((*C.tsr_runtime)(raw), texts[0], user(source)))
	})
}

//export tesseraGoRead
func tesseraGoRead(cell unsafe.Pointer, raw *C.tsr_corpus, name *C.char,
	length C.size_t) *C.tsr_status {
	entry := string(copied(unsafe.Pointer(name), uint64(length)))
	corpus := &Corpus{raw}
	defer func() { corpus.raw = nil }()
	return callback(func() error { return used[DataSource](cell)(corpus, entry) })
}
