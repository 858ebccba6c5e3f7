package io.tessera;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;

/**
 * Owns one handle of the library. Closing frees it once, when no call uses it any more; a later
 * call throws IllegalStateException. One that is collected without having been closed is freed too,
 * and reported as a leak (see {@link Leaks}). Handles may be closed in any order and on any thread.
 */
abstract class NativeHandle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final Counted counted;
  private final Cleaner.Cleanable cleanable;

  NativeHandle(long handle, LongConsumer free) {
    counted = new Counted(handle, free, getClass().getSimpleName(), Leaks.trace());
    cleanable = CLEANER.register(this, counted);
  }

  /** A call that gives a result. */
  interface Use<T> {
    T with(long handle) throws TesseraException;
  }

  /** A call that gives none. */
  interface Act {
    void with(long handle) throws TesseraException;
  }

  /** A call that writes a new handle to {@code out[0]}. */
  interface Make {
    void into(long[] out) throws TesseraException;
  }

  static long make(Make call) throws TesseraException {
    long[] out = new long[1];
    call.into(out);
    return out[0];
  }

  final <T> T use(Use<T> call) throws TesseraException {
    long handle = counted.acquire();
    try {
      return call.with(handle);
    } finally {
      counted.release();
      Reference.reachabilityFence(this);
    }
  }

  /** The handle, which stays until {@link #letGo}, whoever closes it. */
  final long hold() {
    return counted.acquire();
  }

  final void letGo() {
    counted.release();
  }

  final void act(Act call) throws TesseraException {
    use(handle -> {
      call.with(handle);
      return null;
    });
  }

  /** The JSON or text that a call writes. */
  final String text(Use<Text.Call> call) throws TesseraException {
    return use(handle -> Text.of(call.with(handle)));
  }

  /** Frees the handle; again, it does nothing. */
  @Override
  public void close() {
    counted.close();
    cleanable.clean();
  }

  /** The handle with the number of calls that use it. It does not refer to its owner. */
  private static final class Counted implements Runnable {
    private static final int CLOSED = 1;
    private static final int USER = 2;

    private final long handle;
    private final LongConsumer free;
    private final String type;
    private final Throwable trace;
    private final AtomicInteger state = new AtomicInteger();

    Counted(long handle, LongConsumer free, String type, Throwable trace) {
      this.handle = handle;
      this.free = free;
      this.type = type;
      this.trace = trace;
    }

    long acquire() {
      for (;;) {
        int now = state.get();
        if ((now & CLOSED) != 0) {
          throw new IllegalStateException(type + ": expected an open one, got one that is closed");
        }
        if (state.compareAndSet(now, now + USER)) {
          return handle;
        }
      }
    }

    void release() {
      if (state.addAndGet(-USER) == CLOSED) {
        free.accept(handle);
      }
    }

    /** False when it was closed before. */
    boolean close() {
      for (;;) {
        int now = state.get();
        if ((now & CLOSED) != 0) {
          return false;
        }
        if (state.compareAndSet(now, now | CLOSED)) {
          if (now == 0) {
            free.accept(handle);
          }
          return true;
        }
      }
    }

    /** The owner was collected, or closed. */
    @Override
    public void run() {
      if (close()) {
        Leaks.report(type, trace);
      }
    }
  }
}
