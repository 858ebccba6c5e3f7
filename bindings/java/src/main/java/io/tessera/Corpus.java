package io.tessera;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Where a {@link DataSource} puts its documents. It lives during the call only, on its thread; later it
 * throws IllegalStateException.
 */
public final class Corpus {
  private final Thread thread = Thread.currentThread();
  private long handle;

  Corpus(long handle) {
    this.handle = handle;
  }

  void end() {
    handle = 0;
  }

  private long handle() {
    if (handle == 0 || thread != Thread.currentThread()) {
      throw new IllegalStateException(
          "corpus: expected use during the call and on its thread, got another use");
    }
    return handle;
  }

  /** A document of text. All documents of a run are text, or all are ids. */
  public void addText(String text) throws TesseraException {
    Raw.tsr_corpus_add_text(handle(), Text.bytes(text));
  }

  /** A document of token ids. */
  public void addTokens(int... ids) throws TesseraException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(ids.length, 4))
        .order(ByteOrder.nativeOrder());
    bytes.asIntBuffer().put(ids);
    Raw.tsr_corpus_add_tokens(handle(), bytes.array(), 4);
  }
}
