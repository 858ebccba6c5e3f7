package io.tessera.samples.service;

import io.tessera.Checkpoint;
import io.tessera.Code;
import io.tessera.Config;
import io.tessera.Generator;
import io.tessera.Job;
import io.tessera.Runtime;
import io.tessera.TesseraException;
import io.tessera.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A customer's model: a folder with text and checkpoints, a training that may run, and one thread that
 * generates. Thread-safe.
 */
final class Customer {
  /** Prompts that may wait for one model. */
  private static final int QUEUE_LIMIT = 256;

  private final Runtime runtime;
  private final Path config;
  private final Path folder;
  private final Set<Consumer<String>> listeners = ConcurrentHashMap.newKeySet();
  /** Counts checkpoints, so that the generator knows when to read the newest. */
  private final AtomicLong saved = new AtomicLong(1);
  private final ThreadPoolExecutor generating = new ThreadPoolExecutor(
      1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(QUEUE_LIMIT));

  // Of the thread that generates.
  private Generator generator;
  private long generatorVersion;

  // Guarded by this.
  private boolean isTraining;
  private boolean isCancelled;
  private Job job;
  private String error;

  Customer(Runtime runtime, Path config, Path folder) {
    this.runtime = runtime;
    this.config = config;
    this.folder = folder;
  }

  private Path checkpoints() {
    return folder.resolve("run");
  }

  void putText(byte[] text) throws TesseraException {
    try {
      Files.createDirectories(folder);
      Files.write(folder.resolve("text"), text);
    } catch (IOException failed) {
      throw new TesseraException(Code.UNAVAILABLE, failed.toString(), failed);
    }
  }

  /** Begins to train, or goes on from the newest checkpoint. */
  void train(long steps, Map<String, Object> changes) throws TesseraException {
    synchronized (this) {
      if (isTraining) {
        throw new TesseraException(Code.FAILED_PRECONDITION, "a training runs already");
      }
      isTraining = true;
      isCancelled = false;
      error = null;
    }
    Trainer trainer;
    try {
      trainer = prepare(steps, changes);
    } catch (TesseraException | RuntimeException failed) {
      ended(failed);
      throw failed;
    }
    new Thread(() -> run(trainer), "training").start();
  }

  private Trainer prepare(long steps, Map<String, Object> changes) throws TesseraException {
    try (Config made = Config.load(runtime, config)) {
      made.set("data.train", folder.resolve("text").toString());
      for (Map.Entry<String, Object> change : changes.entrySet()) {
        made.set(change.getKey(), change.getValue());
      }
      long done = savedStep();
      made.set("trainer.steps", done + steps);
      Trainer trainer = Trainer.builder(made).outDir(checkpoints()).resume(done > 0).build();
      trainer.addSink(this::tell);
      return trainer;
    }
  }

  private void run(Trainer trainer) {
    Exception failed = null;
    try (trainer; Job running = trainer.run()) {
      synchronized (this) {
        job = running;
        if (isCancelled) {
          running.cancel();
        }
      }
      running.await();
    } catch (TesseraException ended) {
      failed = ended.code() == Code.CANCELLED ? null : ended; // it has saved
    } catch (RuntimeException unexpected) {
      failed = unexpected;
    }
    saved.incrementAndGet();
    ended(failed);
  }

  private void ended(Exception failed) {
    synchronized (this) {
      isTraining = false;
      job = null;
      error = failed == null ? null : failed.getMessage();
      notifyAll();
    }
    tell("{\"ended\": true}");
  }

  void cancel() {
    synchronized (this) {
      isCancelled = true;
      if (job != null) {
        try {
          job.cancel();
        } catch (TesseraException | IllegalStateException alreadyEnded) {
          job = null;
        }
      }
    }
  }

  /** Waits for the training, which must have been cancelled, and frees what generates. */
  void close() {
    synchronized (this) {
      try {
        while (isTraining) {
          wait();
        }
      } catch (InterruptedException hurried) {
        Thread.currentThread().interrupt();
      }
    }
    generating.execute(() -> {
      if (generator != null) {
        generator.close();
      }
    });
    generating.shutdown();
  }

  private void tell(String record) {
    listeners.forEach(listener -> listener.accept(record));
  }

  void listen(Consumer<String> listener) {
    listeners.add(listener);
  }

  void unlisten(Consumer<String> listener) {
    listeners.remove(listener);
  }

  private long savedStep() throws TesseraException {
    try {
      return Checkpoint.open(checkpoints()).step();
    } catch (TesseraException none) {
      if (none.code() != Code.NOT_FOUND) {
        throw none;
      }
      return 0;
    }
  }

  /** What GET /models/NAME says. */
  record State(boolean is_training, String error, long step) {}

  State describe() throws TesseraException {
    long step = savedStep();
    synchronized (this) {
      return new State(isTraining, error, step);
    }
  }

  /**
   * Queues a prompt; UNAVAILABLE when too many wait. {@code isWanted} is asked on the thread that
   * generates, before the first and after each token: false stops.
   */
  CompletableFuture<String> generate(String prompt, Generator.Settings settings,
      BooleanSupplier isWanted) throws TesseraException {
    CompletableFuture<String> answer = new CompletableFuture<>();
    try {
      generating.execute(() -> answerPrompt(prompt, settings, isWanted, answer));
    } catch (RejectedExecutionException full) {
      throw new TesseraException(Code.UNAVAILABLE, QUEUE_LIMIT + " prompts wait already");
    }
    return answer;
  }

  private void answerPrompt(String prompt, Generator.Settings settings, BooleanSupplier isWanted,
      CompletableFuture<String> answer) {
    try {
      long version = saved.get();
      if (generator == null || generatorVersion != version) {
        Generator newest = Generator.fromCheckpoint(runtime, checkpoints());
        if (generator != null) {
          generator.close();
        }
        generator = newest;
        generatorVersion = version;
      }
      answer.complete(isWanted.getAsBoolean()
          ? generator.generate(prompt, settings, piece -> isWanted.getAsBoolean()) : "");
    } catch (TesseraException | RuntimeException failed) {
      answer.completeExceptionally(failed);
    }
  }
}
