package io.tessera;

import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The buffer that all views of a tensor derive from. They refer to it, and while it is reachable the
 * tensor's memory is kept, by a reference of DLPack. When the tensor is closed before, the memory
 * lingers; the collector does not see how much, so where it is a lot it is asked to run, as the JDK
 * does for direct buffers of its own.
 */
final class View {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final long MUCH_BYTES = 64L << 20;
  private static final AtomicLong LINGERING_BYTES = new AtomicLong();
  private static volatile long nextCollectionBytes = MUCH_BYTES;

  private final ByteBuffer buffer;
  private final Kept kept;

  private View(ByteBuffer buffer, Kept kept) {
    this.buffer = buffer;
    this.kept = kept;
  }

  /** A view of {@code buffer}, whose memory the managed tensor keeps. */
  static View of(ByteBuffer buffer, long managed) {
    Kept kept = new Kept(managed, buffer.capacity());
    CLEANER.register(buffer, kept);
    return new View(buffer, kept);
  }

  ByteBuffer buffer() {
    return buffer.duplicate();
  }

  /** The tensor is closed; who has buffers may go on with them. */
  void close() {
    kept.lingers();
    long bytes = LINGERING_BYTES.get();
    if (bytes > nextCollectionBytes) {
      // What is still in use then lingers on; not each further close should collect again.
      nextCollectionBytes = bytes + MUCH_BYTES;
      System.gc();
    } else if (bytes < MUCH_BYTES) {
      nextCollectionBytes = MUCH_BYTES;
    }
  }

  /** Memory of closed tensors whose buffers were not collected yet. */
  static long lingeringBytes() {
    return LINGERING_BYTES.get();
  }

  /** What is freed when the buffer is collected. It does not refer to it. */
  private static final class Kept implements Runnable {
    private final long managed;
    private final long bytes;
    private boolean isLingering;

    Kept(long managed, long bytes) {
      this.managed = managed;
      this.bytes = bytes;
    }

    synchronized void lingers() {
      isLingering = true;
      LINGERING_BYTES.addAndGet(bytes);
    }

    @Override
    public synchronized void run() {
      Raw.dlpack_delete(managed);
      if (isLingering) {
        LINGERING_BYTES.addAndGet(-bytes);
      }
    }
  }
}
