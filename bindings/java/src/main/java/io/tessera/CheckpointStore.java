package io.tessera;

import java.util.Map;

/**
 * A place for checkpoints other than a folder: object storage, a database, memory; for
 * {@link Runtime#registerStore} and {@code trainer.checkpoint_folder}. A checkpoint is some named
 * objects.
 *
 * <p>The methods are called on whichever thread saves or loads, one at a time, and must not use the
 * store through the library. What they throw is the cause of the exception that the call which saves
 * or loads throws. What they have returned from must survive the process, as far as the store is to.
 */
public interface CheckpointStore {
  /**
   * Puts {@code data} behind the {@code offset} bytes that the new object has so far. The call with
   * {@code isLast} ends the object, and may bring no bytes; before it the object is not listed.
   */
  void write(String name, long offset, byte[] data, boolean isLast) throws Exception;

  /**
   * The {@code size} bytes from {@code offset} on. Fewer, because the object ends, are reported as
   * damage.
   */
  byte[] read(String name, long offset, int size) throws Exception;

  /** Every ended object whose name begins with {@code prefix}, with its size in bytes. */
  Map<String, Long> list(String prefix) throws Exception;

  /**
   * Gives every object whose name begins with {@code from} one that begins with {@code to}. This
   * commits a checkpoint, and takes one away before it is removed: it should be atomic. Where it
   * cannot be, {@code manifest.tsm} moves last: nothing is loaded without it.
   */
  void rename(String from, String to) throws Exception;

  /** Removes one object, ended or not; one that is not there is fine. */
  void remove(String name) throws Exception;
}
