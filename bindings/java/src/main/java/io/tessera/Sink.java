package io.tessera;

import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** A metrics sink, and where the first thing that it threw waits for the call that reports it. */
final class Sink {
  private final Consumer<String> consumer;
  private final AtomicReference<Throwable> failure;

  Sink(Consumer<String> consumer, AtomicReference<Throwable> failure) {
    this.consumer = consumer;
    this.failure = failure;
  }

  void accept(String record) {
    try {
      consumer.accept(record);
    } catch (Throwable thrown) {
      failure.compareAndSet(null, thrown);
    }
  }

  static void check(AtomicReference<Throwable> failure) throws TesseraException {
    Throwable thrown = failure.getAndSet(null);
    if (thrown != null) {
      throw new TesseraException(Code.UNKNOWN, "the metrics sink threw " + thrown, thrown);
    }
  }
}
