package io.tessera;

import java.util.ArrayDeque;
import java.util.Iterator;

/**
 * What callbacks threw, until the library's status comes back with its text: so the exception that
 * a caller gets has the original one as its cause, on whatever thread that was. Thread-safe.
 */
final class Failures {
  private static final int MOST = 32;
  private static final ArrayDeque<Failure> KEPT = new ArrayDeque<>();

  private record Failure(String text, Throwable thrown) {}

  private Failures() {}

  /** A status for the library, which is its owner, that says what was thrown. */
  static long status(Throwable thrown) {
    Code code = Code.UNKNOWN;
    String text = "threw " + thrown;
    if (thrown instanceof TesseraException) {
      code = ((TesseraException) thrown).code();
      text = String.valueOf(thrown.getMessage());
    }
    synchronized (KEPT) {
      if (KEPT.size() == MOST) {
        KEPT.removeFirst();
      }
      KEPT.addLast(new Failure(text, thrown));
    }
    return Raw.tsr_status_new(code.number, Text.bytes(text));
  }

  /** The failure that an error's message tells of, or null. */
  static Throwable take(String message) {
    synchronized (KEPT) {
      for (Iterator<Failure> each = KEPT.descendingIterator(); each.hasNext();) {
        Failure failure = each.next();
        if (message.contains(failure.text())) {
          each.remove();
          return failure.thrown();
        }
      }
    }
    return null;
  }
}
