package io.tessera;

import java.nio.file.Path;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * Trains the model of a config: step by step, or on a thread of its own as a {@link Job}. One
 * thread at a time uses it; a second one gets FAILED_PRECONDITION. Closing it cancels a running job
 * and waits for its step.
 */
public final class Trainer extends NativeHandle {
  private final AtomicReference<Throwable> sinkFailure = new AtomicReference<>();

  private Trainer(long handle) {
    super(handle, Raw::tsr_trainer_free);
  }

  /** A trainer that writes nothing by itself. */
  public static Trainer create(Config config) throws TesseraException {
    return builder(config).build();
  }

  public static Builder builder(Config config) {
    return new Builder(config);
  }

  /** Where a trainer writes and how it begins. */
  public static final class Builder extends Options<Builder> {
    private final Config config;
    private String outDir = "";

    private Builder(Config config) {
      this.config = config;
    }

    /** Where {@code metrics.jsonl} and {@code checkpoints/} go; by default nowhere. */
    public Builder outDir(Path folder) {
      outDir = folder.toString();
      return this;
    }

    /** Goes on from the newest complete checkpoint of the folder. */
    public Builder resume(boolean isResumed) {
      return with("resume", isResumed);
    }

    public Trainer build() throws TesseraException {
      return new Trainer(config.use(handle -> make(
          out -> Raw.tsr_trainer_new(handle, Text.bytes(outDir), json(), out))));
    }
  }

  /** Does one optimizer step. OUT_OF_RANGE when {@code trainer.steps} are done. */
  public Step step() throws TesseraException {
    long[] fields = new long[Step.FIELDS];
    act(handle -> Raw.tsr_trainer_step(handle, fields));
    Sink.check(sinkFailure);
    return Step.of(fields, 0);
  }

  /**
   * The steps that are left, one done for each that is asked for. The iterator throws
   * {@link StepFailed} where {@link #step} throws.
   */
  public Iterable<Step> steps() {
    return () -> new Iterator<>() {
      private Step next;
      private boolean isDone;

      @Override
      public boolean hasNext() {
        if (next == null && !isDone) {
          try {
            next = step();
          } catch (TesseraException error) {
            isDone = true;
            if (error.code() != Code.OUT_OF_RANGE) {
              throw new StepFailed(error);
            }
          }
        }
        return next != null;
      }

      @Override
      public Step next() {
        if (!hasNext()) {
          throw new NoSuchElementException("the steps are done");
        }
        Step step = next;
        next = null;
        return step;
      }
    };
  }

  /** A step of an iterator failed; {@link #getCause} says why. */
  public static final class StepFailed extends RuntimeException {
    private static final long serialVersionUID = 1;

    StepFailed(TesseraException cause) {
      super(cause.getMessage(), cause);
    }

    @Override
    public synchronized TesseraException getCause() {
      return (TesseraException) super.getCause();
    }
  }

  /** Trains until {@code trainer.steps}, evaluating and saving as configured. */
  public Job run() throws TesseraException {
    return startJob(0);
  }

  /** As {@link #run()}, for {@code count} steps more. */
  public Job run(long count) throws TesseraException {
    if (count < 1) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          "count: expected at least 1, got " + count);
    }
    return startJob(count);
  }

  private Job startJob(long count) throws TesseraException {
    return new Job(use(handle -> make(out -> Raw.tsr_trainer_run(handle, count, out))),
        sinkFailure);
  }

  /** Mean loss over the whole validation split. */
  public double evaluate() throws TesseraException {
    double[] loss = new double[1];
    act(handle -> Raw.tsr_trainer_evaluate(handle, loss));
    return loss[0];
  }

  /** Saves to {@code outDir/checkpoints/step_N}; returns when it is complete on disk. */
  public void save() throws TesseraException {
    act(handle -> Raw.tsr_trainer_save(handle, null));
  }

  public void save(Path path) throws TesseraException {
    if (path.toString().isEmpty()) {
      throw new TesseraException(Code.INVALID_ARGUMENT, "path: expected a folder, got nothing");
    }
    act(handle -> Raw.tsr_trainer_save(handle, Text.bytes(path.toString())));
  }

  /** Loads parameters, optimizer and data position from a checkpoint. */
  public void load(Path path) throws TesseraException {
    act(handle -> Raw.tsr_trainer_load(handle, Text.bytes(path.toString())));
  }

  /** Step, parameters, memory, data, checkpoints found and refused; as JSON. */
  public String describe() throws TesseraException {
    return text(handle -> out -> Raw.tsr_trainer_describe(handle, out));
  }

  /** Time per op since the last call, as JSON; needs {@code trainer.profile}. */
  public String profile() throws TesseraException {
    return text(handle -> out -> Raw.tsr_trainer_profile(handle, out));
  }

  /**
   * Calls {@code sink} with the JSON record of each step and evaluation, on the thread that steps.
   * It must not use this trainer, but may cancel the job. What it throws is the cause of the error
   * of that step.
   */
  public void addSink(Consumer<String> sink) throws TesseraException {
    Sink kept = new Sink(Runtime.notNull(sink, "sink"), sinkFailure);
    act(handle -> Raw.tsr_trainer_add_sink(handle, kept));
  }

  /** A generator that shares the parameters; it gives an error while this trainer steps. */
  public Generator generator() throws TesseraException {
    return new Generator(use(handle -> make(
        out -> Raw.tsr_generator_from_trainer(handle, out))));
  }
}
