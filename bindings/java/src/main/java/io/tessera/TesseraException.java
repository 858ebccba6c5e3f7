package io.tessera;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the library says when a call does not succeed, or what a module, an op or a sink of Java
 * threw within it (that is then the cause).
 *
 * <p>Errors of configs name the file, the line and the path of the field; when a config has
 * several, {@link #details} has all of them.
 */
public final class TesseraException extends Exception {
  private static final long serialVersionUID = 1;

  private final Code code;
  private final String path;
  private final String file;
  private final int line;
  private final int rank;
  private final boolean isRetryable;
  private final String details;

  /** An error of one's own, for modules and ops to throw. */
  public TesseraException(Code code, String message) {
    this(code, message, null, "", "", 0, -1,
        code == Code.UNAVAILABLE || code == Code.ABORTED, "{}");
  }

  /** As above, with what it came from. */
  public TesseraException(Code code, String message, Throwable cause) {
    this(code, message);
    initCause(cause);
  }

  private TesseraException(Code code, String message, Throwable cause, String path, String file,
      int line, int rank, boolean isRetryable, String details) {
    super(message);
    if (cause != null) {
      initCause(cause);
    }
    this.code = code;
    this.path = path;
    this.file = file;
    this.line = line;
    this.rank = rank;
    this.isRetryable = isRetryable;
    this.details = details;
  }

  /** Called by native/errors.h. */
  static TesseraException ofStatus(int code, byte[] message, byte[] path, byte[] file, int line,
      int rank, boolean isRetryable, byte[] payload) {
    String text = Text.of(message);
    return new TesseraException(Code.of(code), text, Failures.take(text), Text.of(path),
        Text.of(file), line, rank, isRetryable, Text.of(payload));
  }

  public Code code() {
    return code;
  }

  /** The config or parameter path that the error is about, {@code model.decoder.num_layers}. */
  public Optional<String> path() {
    return Optional.of(path).filter(text -> !text.isEmpty());
  }

  public Optional<String> file() {
    return Optional.of(file).filter(text -> !text.isEmpty());
  }

  /** The line in {@link #file}, from 1. */
  public OptionalInt line() {
    return line > 0 ? OptionalInt.of(line) : OptionalInt.empty();
  }

  /** The rank that failed in a group of processes. */
  public OptionalInt rank() {
    return rank >= 0 ? OptionalInt.of(rank) : OptionalInt.empty();
  }

  /** Whether the same call may succeed later. */
  public boolean isRetryable() {
    return isRetryable;
  }

  /**
   * Details as a JSON object; for configs and options {@code {"errors": [...]}} with file, line,
   * column, path, expected, got and nearest name of each.
   */
  public String details() {
    return details;
  }
}
