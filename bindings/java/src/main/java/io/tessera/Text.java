package io.tessera;

import java.nio.charset.StandardCharsets;

/** Texts as the library takes and gives them: UTF-8. */
final class Text {
  private Text() {}

  /** A call that writes a text to {@code out[0]}. */
  interface Call {
    void into(byte[][] out) throws TesseraException;
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String of(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  static byte[] bytesOf(Call call) throws TesseraException {
    byte[][] out = new byte[1][];
    call.into(out);
    return out[0];
  }

  static String of(Call call) throws TesseraException {
    return of(bytesOf(call));
  }

  /** UTF-8 for an argument that ends at its first 0, so there must be none within. */
  static byte[] withoutNul(String text, String what) throws TesseraException {
    int at = text.indexOf(0);
    if (at >= 0) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          what + ": expected text without NUL, got one at character " + at);
    }
    return bytes(text);
  }
}
