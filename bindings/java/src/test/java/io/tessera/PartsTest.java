package io.tessera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A data source, an optimizer and a schedule of one's own: program and losses as built in. */
@Timeout(120)
final class PartsTest {
  private static final String SGD = """
      /// Stochastic gradient descent with momentum.
      table HostSgd (role: "optimizer") {
        learning_rate: double = 0.01;
        momentum: double = 0.9;
        weight_decay: double = 0;
      }
      """;
  private static final String FALL = """
      /// A straight line to nothing.
      table HostFall (role: "schedule") { warmup_steps: long = 0; }
      """;

  @TempDir
  Path folder;

  private Config builtIn(Runtime runtime, Object corpus) throws TesseraException {
    return Small.config(runtime, corpus)
        .set("optimizer",
            Map.of("type", "Sgd", "learning_rate", 0.05, "momentum", 0.9, "weight_decay", 0.1))
        .set("schedule", Map.of("type", "LinearDecay", "warmup_steps", 0, "min_lr_ratio", 0));
  }

  private static List<Value> update(Scope scope, Update update) throws TesseraException {
    assertEquals("f32", update.dtype());
    assertFalse(update.dims().isEmpty());
    return scope.addMany("sgd_update",
        Map.of("momentum", update.config().getDouble("momentum"),
            "weight_decay", update.weightDecay()),
        List.of(update.param(), update.gradient(), update.slots().get(0), update.learningRate(),
            update.step(), update.clip()));
  }

  private static List<Double> losses(Config config) throws TesseraException {
    List<Double> found = new ArrayList<>();
    try (Trainer trainer = Trainer.create(config)) {
      for (Step step : trainer.steps()) {
        found.add(step.loss());
        found.add(step.learningRate());
      }
    }
    return found;
  }

  @Test
  void partsTrainAsTheBuiltInOnes() throws Exception {
    Path corpus = Small.corpus(folder);
    String text = Files.readString(corpus);
    try (Runtime runtime = Small.runtime(); Config plain = builtIn(runtime, corpus)) {
      runtime.registerSource("memory", (documents, name) -> {
        assertEquals("anything", name);
        documents.addText(text);
      });
      runtime.registerOptimizer(SGD, "HostSgd", List.of("momentum"), PartsTest::update);
      runtime.registerSchedule(FALL, "HostFall",
          (config, step, totalSteps) -> 1 - (double) step / totalSteps);
      try (Config custom = builtIn(runtime, "anything")) {
        custom.set("data.source", "memory")
            .set("optimizer", Map.of("type", "HostSgd", "learning_rate", 0.05, "weight_decay", 0.1))
            .set("schedule", Map.of("type", "HostFall"));
        assertEquals(plain.plan("{\"text\": true}"), custom.plan("{\"text\": true}"));
        List<Double> expected = losses(plain);
        assertEquals(12, expected.size());
        assertEquals(expected, losses(custom));
      }
    }
  }

  @Test
  void whatPartsThrowIsTheCause() throws Exception {
    Path corpus = Small.corpus(folder);
    Exception mine = new Exception("no line");
    Corpus[] kept = new Corpus[1];
    try (Runtime runtime = Small.runtime(); Config config = builtIn(runtime, corpus)) {
      runtime.registerSource("refuses", (documents, name) -> {
        kept[0] = documents;
        throw mine;
      });
      runtime.registerSource("mixed", (documents, name) -> {
        documents.addTokens(1, 2, 3);
        documents.addText("text");
      });
      config.set("data.source", "refuses");
      assertSame(mine,
          assertThrows(TesseraException.class, () -> Trainer.create(config)).getCause());
      assertThrows(IllegalStateException.class, () -> kept[0].addText("late"));
      config.set("data.source", "mixed");
      TesseraException error =
          assertThrows(TesseraException.class, () -> Trainer.create(config));
      assertTrue(error.getMessage().contains("one or the other"), error.getMessage());
      assertThrows(TesseraException.class, () -> runtime.registerSource("text", (d, n) -> {}));
      assertEquals(Code.PERMISSION_DENIED, assertThrows(TesseraException.class,
          () -> runtime.loadPlugin(corpus)).code());
    }
    try (Runtime open = Runtime.builder().threads(1).plugins(true).build()) {
      assertEquals(Code.FAILED_PRECONDITION, assertThrows(TesseraException.class,
          () -> open.loadPlugin(corpus)).code());
    }
  }

  private static String graphText(Runtime runtime, boolean isTyped) throws TesseraException {
    try (Graph graph = Graph.create(runtime)) {
      Value x = graph.input("x", DType.F32, "N,8");
      Value w = graph.input("w", DType.F32, "4,8");
      List<Value> top;
      Value low;
      Value most;
      if (isTyped) {
        Value y = new Ops.Matmul().transposeRhs(true).add(graph, x, w);
        top = new Ops.TopK(2).add(graph, y);
        low = new Ops.Fill().value(Double.NEGATIVE_INFINITY).add(graph);
        most = new Ops.Maximum().add(graph, top.get(0), low);
      } else {
        Value y = graph.add("matmul", Map.of("transpose_rhs", true), x, w);
        top = graph.addMany("top_k", Map.of("k", 2), List.of(y));
        low = graph.add("fill", Map.of("value", "-inf"));
        most = graph.add("maximum", top.get(0), low);
      }
      graph.output("a", most);
      graph.output("b", top.get(1));
      return graph.toText();
    }
  }

  @Test
  void opsAddWhatTheyName() throws Exception {
    try (Runtime runtime = Small.runtime()) {
      assertEquals(graphText(runtime, false), graphText(runtime, true));
    }
  }

  @Test
  void aJobThatIsClosedStillCompletesItsFuture() throws Exception {
    try (Runtime runtime = Small.runtime();
        Config config = builtIn(runtime, Small.corpus(folder)).set("trainer.steps", 1000000);
        Trainer trainer = Trainer.create(config)) {
      for (int i = 0; i < 20; ++i) {
        CompletableFuture<Progress> future;
        try (Job job = trainer.run()) {
          future = job.future();
        }
        Throwable thrown = future.handle((progress, failure) -> failure).get(60, TimeUnit.SECONDS);
        assertEquals(Code.CANCELLED, ((TesseraException) thrown).code());
      }
    }
  }
}
