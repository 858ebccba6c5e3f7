package io.tessera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints in memory: the bytes that a folder holds, and a run that goes on from them. */
@Timeout(120)
final class StoreTest {
  /** The README's store, which can fail. */
  private static final class MemoryStore implements CheckpointStore {
    final TreeMap<String, byte[]> objects = new TreeMap<>();
    private final Map<String, ByteArrayOutputStream> open = new HashMap<>();
    IOException gone;
    int readLess;

    @Override
    public void write(String name, long offset, byte[] data, boolean isLast) throws IOException {
      if (gone != null) {
        throw gone;
      }
      ByteArrayOutputStream object =
          open.computeIfAbsent(name, unused -> new ByteArrayOutputStream());
      assertEquals(offset, object.size());
      object.write(data);
      if (isLast) {
        objects.put(name, open.remove(name).toByteArray());
      }
    }

    @Override
    public byte[] read(String name, long offset, int size) throws IOException {
      if (gone != null) {
        throw gone;
      }
      return Arrays.copyOfRange(objects.get(name), (int) offset, (int) offset + size - readLess);
    }

    @Override
    public Map<String, Long> list(String prefix) {
      Map<String, Long> found = new HashMap<>();
      objects.forEach((name, data) -> {
        if (name.startsWith(prefix)) {
          found.put(name, (long) data.length);
        }
      });
      return found;
    }

    @Override
    public void rename(String from, String to) {
      for (String name : list(from).keySet()) {
        objects.put(to + name.substring(from.length()), objects.remove(name));
      }
    }

    @Override
    public void remove(String name) {
      objects.remove(name);
      open.remove(name);
    }
  }

  @TempDir
  Path folder;

  private static void run(Config config, Path out, int steps, boolean resumes) throws Exception {
    Trainer.Builder builder = Trainer.builder(config).resume(resumes);
    if (out != null) {
      builder.outDir(out);
    }
    try (Trainer trainer = builder.build(); Job job = trainer.run(steps)) {
      job.await();
      trainer.save();
    }
  }

  private static byte[] bytes(Checkpoint checkpoint, String slot) throws TesseraException {
    try (Tensor tensor = checkpoint.read("embedding/weight", slot)) {
      ByteBuffer data = tensor.bytes();
      byte[] copy = new byte[data.remaining()];
      data.get(copy);
      return copy;
    }
  }

  @Test
  void checkpointsGoToAStore() throws Exception {
    MemoryStore store = new MemoryStore();
    Path out = folder.resolve("out");
    try (Runtime runtime = Small.runtime();
        Config plain = Small.config(runtime, Small.corpus(folder));
        Config stored = Small.config(runtime, folder.resolve("corpus.txt"))) {
      runtime.registerStore("memory", store);
      stored.set("trainer.checkpoint_folder", "memory://runs/a");
      run(plain, out, 6, false);
      run(stored, null, 3, false);
      run(stored, null, 3, true);
      Path kept = Path.of("memory://runs/a");
      Checkpoint verified = Checkpoint.verify(runtime, kept);
      assertEquals(6, verified.step());
      for (String slot : new String[] {"", "m", "v"}) {
        byte[] expected = bytes(Checkpoint.open(out.resolve("checkpoints")), slot);
        assertTrue(expected.length > 0);
        assertTrue(Arrays.equals(expected, bytes(verified, slot)), slot);
      }
      assertEquals(store.objects.keySet(), store.list("runs/a/step_").keySet());
      whatGoesWrong(runtime, plain, store);
    }
  }

  private static void whatGoesWrong(Runtime runtime, Config plain, MemoryStore store)
      throws Exception {
    Path kept = Path.of("memory://runs/a");
    try (Trainer trainer = Trainer.create(plain)) {
      store.gone = new IOException("no bucket");
      Path best = Path.of("memory://best");
      assertSame(store.gone,
          assertThrows(TesseraException.class, () -> trainer.save(best)).getCause());
      assertSame(store.gone,
          assertThrows(TesseraException.class, () -> trainer.load(kept)).getCause());
      store.gone = null;
      trainer.load(kept);
      store.readLess = 1;
      assertEquals(Code.DATA_LOSS,
          assertThrows(TesseraException.class, () -> trainer.load(kept)).code());
      store.readLess = 0;
      store.objects.forEach((name, data) -> {
        if (name.startsWith("runs/a/step_6/")) {
          data[data.length / 2] ^= 1;
        }
      });
      Path damaged = Path.of("memory://runs/a/step_6");
      assertEquals(Code.DATA_LOSS,
          assertThrows(TesseraException.class, () -> trainer.load(damaged)).code());
      trainer.load(Path.of("memory://runs/a/step_3"));
    }
    assertEquals(Code.ALREADY_EXISTS, assertThrows(TesseraException.class,
        () -> runtime.registerStore("memory", store)).code());
    assertEquals(Code.INVALID_ARGUMENT, assertThrows(TesseraException.class,
        () -> runtime.registerStore("Memory", store, true)).code());
    assertEquals(Code.INVALID_ARGUMENT, assertThrows(TesseraException.class,
        () -> runtime.registerStore("none", null)).code());
  }
}
