package io.tessera;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Handles that were collected without having been closed. Their memory is given back all the same,
 * but late, and the collector does not know how much it is. Each is logged as a warning by the
 * logger {@code io.tessera}; with the system property {@code io.tessera.leaks=trace} with the place
 * where it was made.
 */
public final class Leaks {
  private static final System.Logger LOGGER = System.getLogger("io.tessera");
  private static final boolean IS_TRACED = "trace".equals(System.getProperty("io.tessera.leaks"));
  private static final AtomicLong COUNT = new AtomicLong();

  private Leaks() {}

  /** How many there were in this process. */
  public static long count() {
    return COUNT.get();
  }

  static Throwable trace() {
    return IS_TRACED ? new Throwable("made here") : null;
  }

  static void report(String type, Throwable trace) {
    COUNT.incrementAndGet();
    String text = type + ": expected close(), got collected; "
        + (trace == null ? "-Dio.tessera.leaks=trace says where it was made" : "made");
    LOGGER.log(System.Logger.Level.WARNING, text, trace);
  }
}
