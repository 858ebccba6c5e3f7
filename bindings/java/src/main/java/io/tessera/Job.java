package io.tessera;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Training, an import or an export on a thread of its own. Any thread may use it. Closing it cancels
 * a running one and waits for its step.
 */
public final class Job extends NativeHandle {
  private final AtomicReference<Throwable> sinkFailure;
  private CompletableFuture<Progress> future;

  Job(long handle, AtomicReference<Throwable> sinkFailure) {
    super(handle, Raw::tsr_job_free);
    this.sinkFailure = sinkFailure;
  }

  /** Waits for the end: where it got to, or why it did not. */
  public Progress await() throws TesseraException {
    act(handle -> Raw.tsr_job_wait(handle, -1));
    return end();
  }

  /** Waits up to {@code timeout}; empty when the job is still running. */
  public Optional<Progress> await(Duration timeout) throws TesseraException {
    try {
      act(handle -> Raw.tsr_job_wait(handle, timeout.toNanos() / 1e9));
    } catch (TesseraException error) {
      // A job may itself end with that code; then it is done.
      if (error.code() != Code.DEADLINE_EXCEEDED || progress().isDone()) {
        throw error;
      }
      return Optional.empty();
    }
    return Optional.of(end());
  }

  private Progress end() throws TesseraException {
    Sink.check(sinkFailure);
    return progress();
  }

  public Progress progress() throws TesseraException {
    long[] fields = new long[3 + Step.FIELDS];
    act(handle -> Raw.tsr_job_progress(handle, fields));
    return Progress.of(fields);
  }

  /**
   * What a job that has ended well reports, as a JSON object: of an import the family of the model,
   * its tensors and bytes, and notes. Of a training it is empty.
   */
  public String report() throws TesseraException {
    return text(handle -> out -> Raw.tsr_job_report(handle, out));
  }

  /** The job finishes its step, saves as configured and ends with CANCELLED. */
  public void cancel() throws TesseraException {
    act(Raw::tsr_job_cancel);
  }

  /**
   * The job as a future: it completes when the job ends, exceptionally with the TesseraException
   * that says why it did not get there, on the job's own thread, so that what depends on it should
   * be short or asynchronous. Cancelling the future cancels the job. No thread waits.
   */
  public synchronized CompletableFuture<Progress> future() throws TesseraException {
    if (future == null) {
      Cancelling made = new Cancelling(this);
      long held = hold(); // closing the job must not free it before it has told
      Runnable complete = () -> made.completeWhenDone(this, held);
      try {
        Raw.tsr_job_on_end(held, complete);
      } catch (TesseraException refused) {
        letGo();
        throw refused;
      }
      future = made;
    }
    return future;
  }

  private static final class Cancelling extends CompletableFuture<Progress> {
    private final Job job;

    Cancelling(Job job) {
      this.job = job;
    }

    void completeWhenDone(Job ended, long handle) {
      try {
        Raw.tsr_job_wait(handle, 0);
        Sink.check(ended.sinkFailure);
        long[] fields = new long[3 + Step.FIELDS];
        Raw.tsr_job_progress(handle, fields);
        complete(Progress.of(fields));
      } catch (Throwable thrown) {
        completeExceptionally(thrown);
      } finally {
        ended.letGo();
      }
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
      boolean isCancelled = super.cancel(mayInterruptIfRunning);
      if (isCancelled) {
        try {
          job.cancel();
        } catch (TesseraException | IllegalStateException alreadyEnded) {
          return true;
        }
      }
      return isCancelled;
    }
  }

  /** Cancels it when it runs, and waits for its step (not on its own thread, in a sink). */
  @Override
  public void close() {
    try {
      cancel();
      await();
    } catch (TesseraException | IllegalStateException ended) {
      // How it ended is asked by await and future, not by closing.
    }
    super.close();
  }
}
