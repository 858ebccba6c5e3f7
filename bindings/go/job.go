package tessera

/*
#include "callbacks.h"
*/
import "C"

import (
	"context"
	"encoding/json"
	"errors"
	"unsafe"
)

// Progress is how far a job is; Last.Step is 0 before the first step.
type Progress struct {
	Done       bool
	Step       int64
	TotalSteps int64
	Last       Step
}

// Job is training, an import or an export on a thread of its own. Any goroutine may use it.
type Job struct {
	handle
	done  chan struct{}
	err   error // read after done is closed
	sinks *sinkFailure
}

func freeJob(raw unsafe.Pointer) { C.tsr_job_free((*C.tsr_job)(raw)) }

// newJob watches a job: its end tells a goroutine, which holds no thread; that of the context cancels
// it.
func newJob(ctx context.Context, owned handle, sinks *sinkFailure) *Job {
	job := &Job{handle: owned, done: make(chan struct{}), sinks: sinks}
	stop := context.AfterFunc(ctx, job.Cancel)
	go func() {
		defer close(job.done)
		defer stop()
		// Held open meanwhile, so that closing does not free it before it has told.
		job.err = job.use(func(raw unsafe.Pointer) error {
			ended := make(jobEnd)
			if err := take(C.tesseraOnEnd((*C.tsr_job)(raw), user(ended))); err != nil {
				return err
			}
			<-ended
			return take(C.tsr_job_wait((*C.tsr_job)(raw), 0))
		})
		var failed *Error
		if errors.As(job.err, &failed) && failed.Code == Cancelled {
			failed.cause = context.Cause(ctx)
		}
	}()
	return job
}

// jobEnd is closed when a job has ended.
type jobEnd chan struct{}

//export tesseraGoEnd
func tesseraGoEnd(cell unsafe.Pointer) { close(used[jobEnd](cell)) }

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.done }

// Wait waits for the end: where it got to, or why it did not. The error of a job whose context was
// done is Cancelled and that of the context.
func (j *Job) Wait() (Progress, error) {
	<-j.done
	progress, err := j.Progress()
	if j.err != nil {
		err = j.err
	} else if failed := j.sinks.take(); failed != nil {
		err = failed
	}
	return progress, err
}

// Progress tells how far it is.
func (j *Job) Progress() (Progress, error) {
	raw := C.tsr_progress{struct_size: C.uint32_t(unsafe.Sizeof(C.tsr_progress{}))}
	err := j.use(func(job unsafe.Pointer) error {
		return take(C.tsr_job_progress((*C.tsr_job)(job), &raw))
	})
	return Progress{raw.done != 0, int64(raw.step), int64(raw.total_steps), stepOf(&raw.last)}, err
}

// Report is what a job that has ended well reports, as a JSON object: of an import the family of the
// model, its tensors and bytes, and notes. Of a training it is empty.
func (j *Job) Report() (json.RawMessage, error) {
	found, err := j.textOf(func(raw unsafe.Pointer, out **C.char, length *C.size_t) *C.tsr_status {
		return C.tsr_job_report((*C.tsr_job)(raw), out, length)
	})
	return json.RawMessage(found), err
}

// Cancel asks it to stop: it finishes its step, saves as configured and ends with Cancelled.
func (j *Job) Cancel() {
	_ = j.use(func(raw unsafe.Pointer) error {
		C.tsr_job_cancel((*C.tsr_job)(raw))
		return nil
	})
}

// Close cancels it when it runs; what it holds is given back when it has ended. It does not wait, so
// that a sink may call it: Done and Wait do.
func (j *Job) Close() error {
	j.Cancel()
	return j.handle.Close()
}
