package tessera

/*
#include "callbacks.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"sync"
	"unsafe"
)

// Step is what one step reports.
type Step struct {
	// Step from 1.
	Step int64
	// Loss is the mean over the target tokens of the global batch.
	Loss float64
	// GradNorm before clipping.
	GradNorm     float64
	LearningRate float64
	// Tokens of all steps so far.
	Tokens     int64
	TokensPerS float64
	StepS      float64
	// EvalLoss is NaN unless this step evaluated.
	EvalLoss float64
	// Skipped: the gradient was not finite and the step was not applied.
	Skipped bool
}

func stepOf(raw *C.tsr_step_result) Step {
	return Step{int64(raw.step), float64(raw.loss), float64(raw.grad_norm),
		float64(raw.learning_rate), int64(raw.tokens), float64(raw.tokens_per_s),
		float64(raw.step_s), float64(raw.eval_loss), raw.skipped != 0}
}

// Trainer trains the model of a config: step by step, or in the background as a [Job]. One goroutine
// at a time uses it; a second one gets FailedPrecondition. Closing it cancels a running job and waits
// for its step.
type Trainer struct {
	handle
	sinks *sinkFailure
}

// sinkFailure is the first panic of a metrics sink, until a call reports it.
type sinkFailure struct {
	sync.Mutex
	err error
}

func (f *sinkFailure) put(err error) {
	f.Lock()
	defer f.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *sinkFailure) take() error {
	f.Lock()
	defer f.Unlock()
	err := f.err
	f.err = nil
	if err == nil {
		return nil
	}
	return Errorf(Unknown, "the metrics sink: %w", err)
}

// TrainerOptions: where a trainer writes and how it begins.
type TrainerOptions struct {
	// OutDir is where metrics.jsonl and checkpoints/ go; empty: nowhere, but for the config's
	// trainer.checkpoint_folder.
	OutDir string `json:"-"`
	// Resume goes on from the newest complete checkpoint of the run.
	Resume bool `json:"resume,omitempty"`
}

func freeTrainer(raw unsafe.Pointer) { C.tsr_trainer_free((*C.tsr_trainer)(raw)) }

// NewTrainer makes a trainer; nil options: it writes nothing by itself.
func NewTrainer(c *Config, options *TrainerOptions) (*Trainer, error) {
	given, err := object(options)
	if err != nil {
		return nil, err
	}
	folder := ""
	if options != nil {
		folder = options.OutDir
	}
	var made *C.tsr_trainer
	err = c.use(func(raw unsafe.Pointer) error {
		out, outLength := chars(folder)
		data, length := chars(given)
		return take(C.tsr_trainer_new((*C.tsr_config)(raw), out, outLength, data, length, &made))
	})
	if err != nil {
		return nil, err
	}
	return &Trainer{own(unsafe.Pointer(made), freeTrainer), new(sinkFailure)}, nil
}

// Step does one optimizer step. OutOfRange when trainer.steps are done.
func (t *Trainer) Step() (Step, error) {
	result := C.tsr_step_result{struct_size: C.uint32_t(unsafe.Sizeof(C.tsr_step_result{}))}
	err := t.use(func(raw unsafe.Pointer) error {
		return take(C.tsr_trainer_step((*C.tsr_trainer)(raw), &result))
	})
	if err == nil {
		err = t.sinks.take()
	}
	if err != nil {
		return Step{EvalLoss: math.NaN()}, err
	}
	return stepOf(&result), nil
}

// Steps gives the steps that are left, one done for each. It ends after trainer.steps, after the
// first error, or, with the context's error, when that is done.
func (t *Trainer) Steps(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		for {
			if err := context.Cause(ctx); err != nil {
				yield(Step{EvalLoss: math.NaN()}, err)
				return
			}
			step, err := t.Step()
			if errors.Is(err, OutOfRange) || !yield(step, err) || err != nil {
				return
			}
		}
	}
}

// Run trains on a thread of its own until trainer.steps, or for so many steps more when steps is
// positive, evaluating and saving as configured. When ctx is done the job is cancelled.
func (t *Trainer) Run(ctx context.Context, steps int64) (*Job, error) {
	var made *C.tsr_job
	err := t.use(func(raw unsafe.Pointer) error {
		return take(C.tsr_trainer_run((*C.tsr_trainer)(raw), C.int64_t(steps), &made))
	})
	if err != nil {
		return nil, err
	}
	return newJob(ctx, own(unsafe.Pointer(made), freeJob), t.sinks), nil
}

// Evaluate gives the mean loss over the whole validation split.
func (t *Trainer) Evaluate() (float64, error) {
	loss := C.double(math.NaN())
	err := t.use(func(raw unsafe.Pointer) error {
		return take(C.tsr_trainer_evaluate((*C.tsr_trainer)(raw), &loss))
	})
	return float64(loss), err
}

// Save saves as step_N among the checkpoints of the run; it returns when that is complete.
func (t *Trainer) Save() error { return t.save("") }

// SaveTo saves a checkpoint to path.
func (t *Trainer) SaveTo(path string) error {
	if path == "" {
		return Errorf(InvalidArgument, "path: expected a folder, got nothing")
	}
	return t.save(path)
}

func (t *Trainer) save(path string) error {
	return t.use(func(raw unsafe.Pointer) error {
		data, length := chars(path)
		return take(C.tsr_trainer_save((*C.tsr_trainer)(raw), data, length))
	})
}

// Load loads parameters, optimizer and data position from a checkpoint.
func (t *Trainer) Load(path string) error {
	return t.use(func(raw unsafe.Pointer) error {
		data, length := chars(path)
		return take(C.tsr_trainer_load((*C.tsr_trainer)(raw), data, length))
	})
}

// Describe tells step, parameters, memory, data, checkpoints found and refused; as JSON.
func (t *Trainer) Describe() (json.RawMessage, error) {
	found, err := t.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_trainer_describe((*C.tsr_trainer)(raw), out, length)
	})
	return json.RawMessage(found), err
}

// Profile gives time per op since the last call, as JSON; it needs trainer.profile.
func (t *Trainer) Profile() (json.RawMessage, error) {
	found, err := t.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_trainer_profile((*C.tsr_trainer)(raw), out, length)
	})
	return json.RawMessage(found), err
}

type sink struct {
	call     func(record []byte)
	failures *sinkFailure
}

// AddSink calls a function with the JSON record of each step and evaluation, on the thread that
// steps. It must not use its trainer, but may cancel the job. A panic of it is the error of that step.
func (t *Trainer) AddSink(call func(record []byte)) error {
	if call == nil {
		return Errorf(InvalidArgument, "sink: expected a function, got nil")
	}
	return t.use(func(raw unsafe.Pointer) error {
		return take(C.tesseraAddSink((*C.tsr_trainer)(raw), user(&sink{call, t.sinks})))
	})
}

//export tesseraGoSink
func tesseraGoSink(cell unsafe.Pointer, record *C.char, length C.size_t) {
	kept := used[*sink](cell)
	defer func() {
		if reason := recover(); reason != nil {
			kept.failures.put(panicError(reason))
		}
	}()
	kept.call(copied(unsafe.Pointer(record), uint64(length)))
}

// Generator makes a generator that shares the parameters; it gives an error while this trainer steps.
func (t *Trainer) Generator() (*Generator, error) {
	return newGenerator(t.handle, func(raw unsafe.Pointer, out **C.tsr_generator) *C.tsr_status {
		return C.tsr_generator_from_trainer((*C.tsr_trainer)(raw), out)
	})
}
