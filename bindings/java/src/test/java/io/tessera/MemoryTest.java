package io.tessera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Creating and closing many times takes no memory; what was forgotten is freed and reported. */
@Timeout(240)
final class MemoryTest {
  private static final long MOST_BYTES = 16L << 20; // the JVM's own tables and code move that much

  @TempDir
  Path folder;

  private interface Cycle {
    void run(int index) throws Exception;
  }

  private static long residentBytes() throws Exception {
    for (int i = 0; i < 500 && (i == 0 || View.lingeringBytes() > 0); ++i) {
      System.gc();
      Thread.sleep(5);
    }
    String[] fields = Files.readString(Path.of("/proc/self/statm")).split(" ");
    return Long.parseLong(fields[1]) * 4096;
  }

  // The least growth in one of three runs, after one to warm up: a leak grows in each of them, an
  // allocator that keeps pieces and a compiler that is not done yet do not.
  private static long growth(int count, Cycle cycle) throws Exception {
    long least = Long.MAX_VALUE;
    long before = 0;
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < count; ++i) {
        cycle.run(i);
      }
      long after = residentBytes();
      if (round > 0) {
        least = Math.min(least, after - before);
      }
      before = after;
    }
    return least;
  }

  @Test
  void closingGivesEverythingBack() throws Exception {
    Path corpus = Small.corpus(folder);
    try (Runtime runtime = Runtime.builder().threads(1).build();
        Config config = Small.config(runtime, corpus)) {
      long small = growth(10_000, index -> {
        try (Config copy = config.copy(); Graph graph = Graph.create(runtime);
            Tensor tensor = Tensor.zeros(DType.F32, 1000)) {
          tensor.floats().put(0, 1);
          assertThrows(TesseraException.class, () -> copy.get("trainer.stepz"));
        }
      });
      assertTrue(small < MOST_BYTES, small + " bytes more after 10,000 cycles");
      Random random = new Random(7);
      long large = growth(30, index -> oneOfEach(corpus, random));
      assertTrue(large < MOST_BYTES, large + " bytes more after 30 trainers");
    }
  }

  /** A runtime with all that is made from it, closed in some order. */
  private static void oneOfEach(Path corpus, Random random) throws Exception {
    List<AutoCloseable> all = new ArrayList<>();
    Runtime runtime = Runtime.builder().threads(1).build();
    Small.register(runtime);
    Config config = Small.config(runtime, corpus);
    Trainer trainer = Trainer.create(config);
    trainer.addSink(record -> { });
    trainer.step();
    Collections.addAll(all, runtime, config, trainer, trainer.generator(),
        Program.fromConfig(config, new Program.Settings()), trainer.run());
    Collections.shuffle(all, random);
    for (AutoCloseable each : all) {
      each.close();
    }
  }

  @Test
  void whatIsForgottenIsFreedAndReported() throws Exception {
    Logger logger = Logger.getLogger("io.tessera"); // what System.Logger writes to
    logger.setLevel(Level.OFF);
    long before = Leaks.count();
    for (int i = 0; i < 20; ++i) {
      Tensor.zeros(DType.F32, 1000);
    }
    for (int i = 0; i < 100 && Leaks.count() < before + 20; ++i) {
      System.gc();
      Thread.sleep(10);
    }
    assertEquals(before + 20, Leaks.count());
    Tensor.zeros(DType.F32, 1000).close();
    System.gc();
    assertEquals(before + 20, Leaks.count());
    logger.setLevel(null);
  }

  @Test
  void viewsOfClosedTensorsDoNotPileUp() throws Exception {
    long most = 0;
    for (int i = 0; i < 300; ++i) { // 1.2 GB, which the collector does not see
      try (Tensor tensor = Tensor.zeros(DType.F32, 1 << 20)) {
        tensor.floats().put(i, 1);
      }
      most = Math.max(most, View.lingeringBytes());
    }
    assertTrue(most > 0 && most < 400L << 20, most + " bytes lingered");
  }

  @Test
  void closingWhileAnotherThreadCallsIsSafe() throws Exception {
    for (int round = 0; round < 200; ++round) {
      Tensor tensor = Tensor.zeros(DType.F32, 100);
      Thread reader = new Thread(() -> {
        try {
          for (;;) {
            tensor.dims();
          }
        } catch (TesseraException | IllegalStateException closed) {
          return;
        }
      });
      reader.start();
      tensor.close();
      reader.join();
    }
  }
}
