package io.tessera;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every noun once, through the library: what it gives, what it refuses, and what the language adds:
 * lambdas that throw, futures, views of memory, closing in any order.
 */
@Timeout(120)
final class BindingsTest {
  @TempDir
  Path folder;

  private static TesseraException fails(Code code, String part, Executable call) {
    TesseraException error = assertThrows(TesseraException.class, call);
    assertEquals(code, error.code(), error.getMessage());
    assertTrue(error.getMessage().contains(part), error.getMessage());
    return error;
  }

  @Test
  void versionsAndCatalogue() throws Exception {
    assertEquals(NativeLibrary.VERSION, Runtime.version());
    assertTrue(Runtime.buildInfo().contains("version"));
    try (Runtime runtime = Small.runtime()) {
      assertEquals(2L, Json.parseObject(runtime.describe()).get("threads"));
      assertTrue(runtime.list("ops").contains("matmul"));
      assertTrue(runtime.describeType("FeedForward").contains("hidden_dim"));
      fails(Code.NOT_FOUND, "FeedForward", () -> runtime.describeType("FeedForwrd"));
    }
  }

  @Test
  void configs() throws Exception {
    try (Runtime runtime = Small.runtime();
        Config config = Small.config(runtime, "corpus.txt");
        Config before = config.copy()) {
      assertEquals(6, config.getLong("trainer.steps"));
      config.set("trainer.steps", 7).set("data.train", "øther.txt").setText("runtime.dtype", "bf16");
      config.set("model.decoder.layer.feed_forward", Map.of("hidden_dim", 24));
      assertEquals(List.of("øther.txt"), config.get("data.train"));
      assertEquals("bf16", config.getString("runtime.dtype"));
      assertEquals(0.01, config.getDouble("optimizer.learning_rate"));
      fails(Code.INVALID_ARGUMENT, "expected a String", () -> config.getString("trainer.steps"));
      assertTrue(before.diff(config).contains("trainer.steps"));
      assertTrue(config.toJson().contains("bf16") && config.explain().contains("hidden_dim"));
      assertTrue(Json.parse(config.resolve()) instanceof Map);
      assertTrue(Json.parse(config.plan()) instanceof Map);
      try (Config again = Config.fromBytes(runtime, config.toBytes())) {
        assertEquals("", again.diff(config));
      }
      assertThrows(TesseraException.class, () -> Config.fromBytes(runtime, new byte[] {1, 2}));
      fails(Code.NOT_FOUND, "/nowhere", () -> Config.load(runtime, Path.of("/nowhere/x.json")));
    }
  }

  @Test
  void modifiersEditConfigsAllOrNothing() throws Exception {
    try (Runtime runtime = Small.runtime(); Config config = Small.config(runtime, "corpus.txt")) {
      assertTrue(Json.parse(runtime.jsonSchema()) instanceof Map);
      String report = config.modify(Map.of("replace", "any position", "with", "LearnedPosition"));
      assertTrue(report.contains("model.decoder.position"), report);
      assertEquals("LearnedPosition", config.getString("model.decoder.position.type"));
      String before = config.toJson();
      String wrong = "[\n{\"set\": {\"hidden_dim\": 48}, \"in\": \"FeedForward\"},\n"
          + "{\"set\": {\"num_head\": 3}, \"in\": \"Attention\"}]";
      TesseraException error = fails(Code.INVALID_ARGUMENT, "num_heads",
          () -> config.modifyText(wrong, "m.json"));
      assertEquals("m.json", error.file().orElseThrow());
      assertEquals(3, error.line().orElseThrow());
      assertEquals(before, config.toJson());
    }
  }

  @Test
  void buildersSayTheSameAsJson() throws Exception {
    Part layer = new Configs.TransformerLayer()
        .attention(new Configs.Attention().numHeads(2))
        .feedForward(new Configs.FeedForward().hiddenDim(32)
            .activation(Configs.Activation.SILU));
    Part experiment = new Configs.Experiment()
        .model(new Configs.LanguageModel().vocabSize(256).modelDim(16)
            .decoder(new Configs.Decoder().numLayers(2).layer(layer)))
        .data(new Configs.Data().tokenizer(new Configs.ByteTokenizer()).validationFraction(0.1)
            .train(List.of("corpus.txt")))
        .trainer(new Configs.Trainer().steps(6).batchSize(2).sequenceLength(16))
        .optimizer(new Configs.AdamW().learningRate(0.01))
        .runtime(new Configs.Runtime().seed(1).dtype(Configs.NumberFormat.FP32));
    try (Runtime runtime = Small.runtime(); Config built = Config.of(runtime, experiment);
        Config written = Small.config(runtime, "corpus.txt")) {
      written.set("model.decoder.layer.feed_forward.activation", Configs.Activation.SILU);
      assertEquals("", built.diff(written));
    }
  }

  @Test
  void errorsOfConfigsNameFileLineAndPath() throws Exception {
    String text = "{\n  \"trainer\": {\n    \"stepz\": 3,\n    \"batch_size\": \"x\"\n  }\n}\n";
    try (Runtime runtime = Small.runtime()) {
      TesseraException error = fails(Code.INVALID_ARGUMENT, "did you mean 'steps'",
          () -> Config.parse(runtime, text, "mine.json"));
      assertEquals("mine.json", error.file().orElseThrow());
      assertEquals(3, error.line().orElseThrow());
      assertEquals("trainer.stepz", error.path().orElseThrow());
      assertFalse(error.isRetryable() || error.rank().isPresent());
      assertTrue(((List<?>) Json.parseObject(error.details()).get("errors")).size() >= 2);
    }
  }

  @Test
  void tensors() throws Exception {
    try (Tensor tensor = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3)) {
      assertEquals("f32[2,3]", tensor.toString());
      assertEquals(6, tensor.size());
      tensor.floats().put(0, 7);
      assertArrayEquals(new float[] {7, 2, 3, 4, 5, 6}, tensor.toFloats());
      fails(Code.INVALID_ARGUMENT, "expected F64, got F32", tensor::doubles);
      try (Tensor shared = Tensor.fromDlpack(tensor.toDlpack())) {
        shared.floats().put(1, 9);
        assertEquals(9, tensor.floats().get(1));
      }
    }
    assertEquals(3, Tensor.of(new long[] {1, 2, 3}, 3).longs().get(2));
    assertEquals(2, Tensor.of(new int[] {1, 2}, 1, 2).ints().get(1));
    assertEquals(0.5, Tensor.of(new double[] {0.5}).doubles().get(0));
    try (Tensor empty = Tensor.zeros(DType.F32, 0, 5)) {
      assertEquals(0, empty.floats().remaining());
    }
    try (Tensor half = Tensor.zeros(DType.BF16, 1)) {
      half.bytes().putShort(0, (short) 0x3fc0);
      assertArrayEquals(new float[] {1.5f}, half.toFloats());
    }
    fails(Code.INVALID_ARGUMENT, "expected as many elements", () -> Tensor.of(new int[3], 2, 2));
    assertThrows(TesseraException.class, () -> Tensor.zeros(DType.F32, new long[9]));
    assertThrows(TesseraException.class, () -> Tensor.zeros(DType.F32, -1));
    assertThrows(TesseraException.class, () -> Tensor.zeros(DType.F32, Long.MAX_VALUE, 2));
    assertEquals(65504f, Tensor.halfToFloat((short) 0x7bff));
    assertEquals(-0x1p-24f, Tensor.halfToFloat((short) 0x8001));
  }

  @Test
  void viewsOutliveTheirTensor() throws Exception {
    Tensor tensor = Tensor.of(new float[1 << 20], 1 << 20);
    FloatBuffer view = tensor.floats();
    tensor.close();
    tensor.close();
    assertThrows(IllegalStateException.class, tensor::dims);
    for (int i = 0; i < 20; ++i) {
      System.gc();
      Tensor.zeros(DType.F32, 1 << 20).close(); // would take the place of freed memory
    }
    view.put(12345, 3);
    assertEquals(3, view.get(12345));
  }

  private static Graph squareGraph(Runtime runtime) throws TesseraException {
    Graph graph = Graph.create(runtime);
    Value x = graph.input("x", DType.F64, "B,2");
    Value w = graph.param("w", DType.F64, "2,1", Init.constant(0.5));
    Value y = graph.add("matmul", x, w);
    assertEquals("f64[B,1]", graph.type(y));
    Value sum = graph.add("reduce_sum", Map.of("dims", List.of(0, 1)), graph.add("mul", y, y));
    Value one = graph.add("fill", Map.of("value", 1, "dtype", "f64", "shape", ""));
    graph.output("y", y);
    graph.loss("square", sum, one, 1);
    return graph;
  }

  @Test
  void graphsAndGradients() throws Exception {
    Program program;
    try (Runtime runtime = Small.runtime(); Graph made = squareGraph(runtime);
        Graph graph = Graph.fromBytes(runtime, made.toBytes())) {
      assertTrue(graph.toText().contains("matmul"));
      fails(Code.NOT_FOUND, "matmul", () -> graph.add("matmull"));
      program = Program.fromGraph(graph, new Program.Settings().gradients(true));
    }
    // The program keeps alive what it needs.
    try (program; Tensor x = Tensor.of(new double[] {1, 2, 3, 5}, 2, 2)) {
      try (Program.Outputs outputs = program.runWithGradients(Map.of("x", x))) {
        assertEquals(1.5 * 1.5 + 16, outputs.loss());
        assertEquals(4, outputs.get("y").doubles().get(1));
        assertEquals(2, outputs.tensors().size());
      }
      try (Tensor gradient = program.gradient("w")) { // d/dw sum y^2 = 2 x^T y
        assertEquals(27, gradient.doubles().get(0));
        assertEquals(46, gradient.doubles().get(1));
      }
      try (Tensor w = program.param("w")) {
        w.doubles().put(0, 1).put(1, 0);
        program.setParam("w", w);
      }
      try (Program.Outputs outputs = program.run(Map.of("x", x))) {
        assertEquals(3, outputs.get("y").doubles().get(1));
        fails(Code.NOT_FOUND, "'z'", () -> outputs.get("z"));
      }
      fails(Code.NOT_FOUND, "w", () -> program.param("v"));
      fails(Code.INVALID_ARGUMENT, "input", () -> program.run(Map.of("y", x)));
      fails(Code.INVALID_ARGUMENT, "NUL", () -> program.run(Map.of("x\0", x)));
      assertTrue(program.toText().contains("matmul"));
    }
  }

  @Test
  void modulesOfTheCatalogueInAGraph() throws Exception {
    try (Runtime runtime = Small.runtime();
        Config module = Config.of(runtime,
            Map.of("type", "FeedForward", "model_dim", 4, "hidden_dim", 6));
        Graph graph = Graph.create(runtime)) {
      Value x = graph.input("x", DType.F64, "B,T,4");
      Value y = graph.call(module, "ff", Map.of(), List.of(x)).get(0);
      assertEquals("f64[B,T,4]", graph.type(y));
      graph.output("y", y);
      assertThrows(TesseraException.class,
          () -> graph.call(module, "ff2", Map.of("mode", "nonsense"), List.of(x)));
      try (Program program = Program.fromGraph(graph, new Program.Settings());
          Tensor zeros = Tensor.zeros(DType.F64, 1, 2, 4);
          Program.Outputs outputs = program.run(Map.of("x", zeros))) {
        assertArrayEquals(new long[] {6, 4}, program.param("ff/down_proj/weight").dims());
        assertArrayEquals(new long[] {1, 2, 4}, outputs.get("y").dims());
      }
    }
  }

  @Test
  void importsAndExportsAreJobs() throws Exception {
    Path saved = folder.resolve("saved");
    Path exported = folder.resolve("hf");
    Path again = folder.resolve("again");
    try (Runtime runtime = Small.runtime();
        Config config = Small.config(runtime, Small.corpus(folder));
        Job missing = Checkpoint.importModel(runtime, folder.resolve("none"), again)) {
      fails(Code.NOT_FOUND, "none", missing::await);
      fails(Code.FAILED_PRECONDITION, "", missing::report);
      config.set("model.decoder.position", "RotaryPosition");
      try (Trainer trainer = Trainer.create(config)) {
        trainer.save(saved);
      }
      try (Job job = Checkpoint.exportModel(runtime, saved, exported, Map.of())) {
        job.future().get(60, TimeUnit.SECONDS);
        assertTrue((Long) Json.parseObject(job.report()).get("tensors") > 0);
      }
      try (Job job = Checkpoint.importModel(runtime, exported, again)) {
        job.await();
      }
    }
    try (Tensor first = Checkpoint.open(saved).read("embedding/weight");
        Tensor second = Checkpoint.open(again).read("embedding/weight")) {
      assertEquals(first.bytes(), second.bytes());
    }
  }

  @Test
  void trainingSavingLoadingAndGenerating() throws Exception {
    List<String> records = Collections.synchronizedList(new ArrayList<>());
    List<Double> losses = new ArrayList<>();
    try (Runtime runtime = Small.runtime();
        Config config = Small.config(runtime, Small.corpus(folder));
        Trainer trainer = Trainer.builder(config).outDir(folder.resolve("out")).build()) {
      trainer.addSink(records::add);
      for (Step step : trainer.steps()) {
        losses.add(step.loss());
        assertEquals(32 * step.step(), step.tokens());
        assertTrue(step.evalLoss().isEmpty() && !step.isSkipped() && step.gradNorm() > 0);
      }
      assertEquals(6, losses.size());
      assertEquals(6, records.size());
      fails(Code.OUT_OF_RANGE, "", trainer::step);
      assertTrue(trainer.evaluate() > 0);
      assertEquals(6L, Json.parseObject(trainer.describe()).get("step"));
      fails(Code.FAILED_PRECONDITION, "trainer.profile", trainer::profile);
      trainer.save();
      trainer.save(folder.resolve("copy"));
      fails(Code.ALREADY_EXISTS, "copy", () -> trainer.save(folder.resolve("copy")));

      Generator.Settings greedy = new Generator.Settings().maxTokens(12).temperature(0);
      StringBuilder streamed = new StringBuilder();
      try (Generator shared = trainer.generator();
          Generator loaded = Generator.fromCheckpoint(runtime, folder.resolve("out"))) {
        String text = shared.generate("the ", greedy, piece -> {
          streamed.append(piece);
          return true;
        });
        assertEquals(text, streamed.toString());
        assertEquals(text, loaded.generate("the ", greedy));
        AtomicInteger calls = new AtomicInteger();
        loaded.generateBytes("the ", greedy, bytes -> calls.incrementAndGet() < 1);
        assertEquals(1, calls.get());
      }
      checkCheckpoint(runtime);
      try (Trainer fresh = Trainer.create(config)) {
        assertEquals(losses.get(0), fresh.step().loss());
        fresh.load(folder.resolve("copy"));
        assertEquals(6L, Json.parseObject(fresh.describe()).get("step"));
      }
    }
  }

  private void checkCheckpoint(Runtime runtime) throws TesseraException {
    Checkpoint checkpoint = Checkpoint.verify(folder.resolve("out"));
    assertEquals(6, checkpoint.step());
    assertEquals(Checkpoint.open(folder.resolve("out")).path(), checkpoint.path());
    try (Tensor embedding = checkpoint.read("embedding/weight");
        Program program = Program.fromCheckpoint(
            runtime, folder.resolve("copy"), new Program.Settings());
        Tensor param = program.param("embedding/weight")) {
      assertArrayEquals(new long[] {256, 16}, embedding.dims());
      assertEquals(param.bytes(), embedding.bytes());
    }
    fails(Code.NOT_FOUND, "embedding/wait", () -> checkpoint.read("embedding/wait"));
    Checkpoint.TensorInfo slot = checkpoint.tensors().stream()
        .filter(info -> !info.slot().isEmpty()).findFirst().orElseThrow();
    checkpoint.read(slot.path(), slot.slot()).close();
  }

  private Trainer endless(Runtime runtime) throws TesseraException {
    try (Config config = Small.config(runtime, Small.corpus(folder))) {
      config.set("trainer.steps", 100_000_000);
      return Trainer.builder(config).outDir(folder.resolve("out")).build();
    }
  }

  @Test
  void jobsAreWaitedForAndCancelled() throws Exception {
    try (Runtime runtime = Small.runtime(); Trainer trainer = endless(runtime)) {
      try (Job job = trainer.run(3)) {
        Progress progress = job.await();
        assertTrue(progress.isDone() && progress.step() == 3);
        assertEquals(3, progress.last().orElseThrow().step());
      }
      fails(Code.INVALID_ARGUMENT, "count", () -> trainer.run(0));
      try (Job job = trainer.run()) {
        assertTrue(job.await(Duration.ofMillis(30)).isEmpty());
        fails(Code.FAILED_PRECONDITION, "job", trainer::step);
        Thread other = new Thread(() -> assertDoesNotThrowTessera(job::cancel));
        other.start();
        fails(Code.CANCELLED, "", job::await);
        other.join();
      }
      trainer.run().close(); // cancels, and has left the trainer
      trainer.step();
    }
  }

  private static void assertDoesNotThrowTessera(Executable call) {
    org.junit.jupiter.api.Assertions.assertDoesNotThrow(call);
  }

  @Test
  void jobsAreFutures() throws Exception {
    try (Runtime runtime = Small.runtime(); Trainer trainer = endless(runtime)) {
      try (Job job = trainer.run(4)) {
        assertSame(job.future(), job.future());
        assertEquals(4, job.future().thenApply(Progress::step).get(60, TimeUnit.SECONDS));
      }
      try (Job job = trainer.run()) {
        CompletableFuture<Progress> future = job.future();
        assertTrue(future.cancel(true));
        assertThrows(CancellationException.class, future::get);
        fails(Code.CANCELLED, "", job::await);
      }
      Job job = trainer.run();
      CompletableFuture<Progress> future = job.future();
      job.close();
      Throwable cause = assertThrows(ExecutionException.class, future::get).getCause();
      assertEquals(Code.CANCELLED, ((TesseraException) cause).code());
      trainer.step();
    }
  }

  @Test
  void whatSinksAndStreamsThrowComesBack() throws Exception {
    try (Runtime runtime = Small.runtime(); Trainer trainer = endless(runtime)) {
      IllegalStateException enough = new IllegalStateException("the sink has had enough");
      AtomicInteger throwing = new AtomicInteger(1);
      trainer.addSink(record -> {
        if (throwing.get() == 1) {
          throw enough;
        }
      });
      assertSame(enough, fails(Code.UNKNOWN, "had enough", trainer::step).getCause());
      try (Job job = trainer.run(2)) {
        assertSame(enough, fails(Code.UNKNOWN, "had enough", job::await).getCause());
      }
      throwing.set(0);
      trainer.step();
      try (Generator generator = trainer.generator()) {
        Generator.Settings settings = new Generator.Settings().maxTokens(5);
        assertSame(enough, assertThrows(IllegalStateException.class,
            () -> generator.generate("a", settings, piece -> {
              throw enough;
            })));
        generator.generate("a", settings);
      }
    }
  }

  @Test
  void callbacksThatCallBackInAreToldSo() throws Exception {
    List<Code> codes = Collections.synchronizedList(new ArrayList<>());
    try (Runtime runtime = Small.runtime(); Trainer trainer = endless(runtime)) {
      trainer.addSink(record -> {
        TesseraException error = assertThrows(TesseraException.class, trainer::step);
        codes.add(error.code());
        trainer.close(); // ends the training; the handle is freed when the step is over
      });
      Job job = trainer.run();
      fails(Code.CANCELLED, "", job::await);
      job.close();
      assertThrows(IllegalStateException.class, trainer::step);
    }
    assertEquals(List.of(Code.FAILED_PRECONDITION), codes);
  }

  @Test
  void aLayerInJavaTrainsAndRunsWhereItsCodeIsNot() throws Exception {
    try (Runtime runtime = Small.runtime(); Runtime other = Small.runtime();
        Config config = Small.config(runtime, Small.corpus(folder))) {
      Small.register(runtime);
      fails(Code.ALREADY_EXISTS, "RmsFeedForward", () -> Small.register(runtime));
      config.set("model.decoder.layer.feed_forward",
          Map.of("type", "RmsFeedForward", "hidden_dim", 24)).set("trainer.steps", 30);
      List<Double> losses = new ArrayList<>();
      try (Trainer trainer = Trainer.create(config)) {
        trainer.steps().forEach(step -> losses.add(step.loss()));
        trainer.save(folder.resolve("saved"));
      }
      assertTrue(losses.get(29) < losses.get(0) - 1, losses.toString());
      assertArrayEquals(logits(runtime), logits(other));
    }
  }

  private float[] logits(Runtime runtime) throws TesseraException {
    try (Program program = Program.fromCheckpoint(
            runtime, folder.resolve("saved"), new Program.Settings());
        Tensor tokens = Tensor.of(new int[] {116, 104, 101}, 1, 3);
        Program.Outputs outputs = program.run(Map.of("tokens", tokens))) {
      return outputs.get("logits").toFloats();
    }
  }

  private static final String FEED_FORWARD = """
      table JavaFeedForward (role: "feed_forward") {
        model_dim: long (flows: "model_dim", required_field, min: "1");
        hidden_dim: long (required_field, min: "1");
        bias: bool = false;
        init_std: double = 0.02 (min: "0");
        up_proj: Slot (role: "linear", default_type: "Linear", dims: "model_dim -> hidden_dim",
            names: "embed -> mlp", gives: "bias; init_std");
        gate_proj: Slot (role: "linear", default_type: "Linear", dims: "model_dim -> hidden_dim",
            names: "embed -> mlp", gives: "bias; init_std");
        down_proj: Slot (role: "linear", default_type: "Linear", dims: "hidden_dim -> model_dim",
            names: "mlp -> embed", gives: "bias; init_std");
      }
      """;
  private static final String GATE = """
      table JavaGate (role: "gate") {
        model_dim: long (flows: "model_dim", required_field, min: "1");
        num_experts: long (flows: "num_experts", required_field, min: "1");
        top_k: long = 2 (min: "1", inherits: "top_k");
      }
      """;

  /** What FeedForward and TopKGate of the catalogue build. */
  private static void registerLikeBuiltIn(Runtime runtime) throws TesseraException {
    runtime.registerModule(FEED_FORWARD, "JavaFeedForward", (scope, fields, inputs) -> {
      Value up = scope.call("up_proj", inputs).get(0);
      Value gate = scope.call("gate_proj", inputs).get(0);
      return scope.call("down_proj",
          List.of(scope.add("glu", Map.of("activation", "silu"), gate, up)));
    });
    runtime.registerModule(GATE, "JavaGate", (scope, fields, inputs) -> {
      Value weight = scope.param("weight", Init.normal(0.02).withLogicalDims("embed", "router"),
          fields.getLong("model_dim"), fields.getLong("num_experts"));
      Value logits = scope.add("matmul", inputs.get(0), weight);
      Map<String, Long> k = Map.of("k", fields.getLong("top_k"));
      Value ids = scope.addMany("top_k", k, List.of(logits)).get(1);
      Value scores = scope.add("softmax", logits);
      Value weights = scope.add("softmax", scope.add("pick", logits, ids));
      return List.of(ids, weights, scores, logits);
    });
  }

  @Test
  void modulesInJavaAreTheSameProgramAsBuiltInOnes() throws Exception {
    List<List<Map<String, Object>>> pairs = List.of(
        List.of(Map.of("type", "FeedForward", "hidden_dim", 24),
            Map.of("type", "JavaFeedForward", "hidden_dim", 24)),
        List.of(mixture("TopKGate"), mixture("JavaGate")));
    try (Runtime runtime = Small.runtime()) {
      registerLikeBuiltIn(runtime);
      for (List<Map<String, Object>> pair : pairs) {
        List<Object> builtIn = hashAndLosses(runtime, pair.get(0));
        assertEquals(7, builtIn.size());
        assertEquals(builtIn, hashAndLosses(runtime, pair.get(1)));
      }
    }
  }

  private static Map<String, Object> mixture(String gate) {
    return Map.of("type", "MixtureOfExperts", "num_experts", 4, "top_k", 2,
        "expert", Map.of("hidden_dim", 16), "gate", Map.of("type", gate));
  }

  private List<Object> hashAndLosses(Runtime runtime, Map<String, Object> part)
      throws TesseraException {
    List<Object> found = new ArrayList<>();
    try (Config config = Small.config(runtime, Small.corpus(folder))) {
      config.set("model.decoder.layer.feed_forward", part);
      try (Program program = Program.fromConfig(config, new Program.Settings());
          Trainer trainer = Trainer.create(config)) {
        Object hash = Json.parseObject(program.describe()).get("program_hash");
        assertTrue(hash != null);
        found.add(hash);
        trainer.steps().forEach(step -> found.add(step.loss()));
      }
    }
    return found;
  }

  @Test
  void modulesThatFailThrowOrReturnTooMuch() throws Exception {
    AtomicInteger what = new AtomicInteger();
    List<Scope> scopes = new ArrayList<>();
    RuntimeException lost = new RuntimeException("lost things");
    try (Runtime runtime = Small.runtime(); Config config = Small.config(runtime, "none")) {
      runtime.registerModule("table Wrong (role: \"feed_forward\") { }", "Wrong",
          (scope, fields, inputs) -> {
            scopes.add(scope);
            switch (what.get()) {
              case 0:
                throw new TesseraException(Code.UNAVAILABLE, "not today");
              case 1:
                throw lost;
              case 2:
                return Collections.nCopies(100, inputs.get(0));
              case 3:
                return scope.call("nothing", inputs);
              case 4:
                return null;
              case 5:
                throw new StackOverflowError("too deep");
              default:
                return inputs;
            }
          });
      config.set("model.decoder.layer.feed_forward", "Wrong");
      Executable compile = () -> Program.fromConfig(config, new Program.Settings()).close();
      fails(Code.UNAVAILABLE, "not today", compile);
      what.set(1);
      assertSame(lost, fails(Code.UNKNOWN, "lost things", compile).getCause());
      what.set(2);
      fails(Code.INVALID_ARGUMENT, "expected at most 64 outputs, got 100", compile);
      what.set(3);
      fails(Code.NOT_FOUND, "nothing", compile);
      what.set(4);
      fails(Code.INVALID_ARGUMENT, "got null", compile);
      what.set(5);
      assertTrue(fails(Code.UNKNOWN, "too deep", compile).getCause() instanceof Error);
      what.set(6);
      Program.fromConfig(config, new Program.Settings()).close();
      assertThrows(IllegalStateException.class, () -> scopes.get(0).ambient("positions"));
      fails(Code.INVALID_ARGUMENT, "module", () -> runtime.registerModule("x", "X", null));
    }
  }

  private static Op scaledSquare() throws TesseraException {
    return Op.of("scaled_square", "x[..., D] -> y[..., D]", (attrs, inputs, outputs) -> {
      double factor = ((Number) attrs.get("factor")).doubleValue();
      if (factor == 13) {
        throw new ArithmeticException("an unlucky factor");
      }
      var x = inputs.get(0).doubles();
      var y = outputs.get(0).doubles();
      while (x.hasRemaining()) {
        double value = x.get();
        y.put(factor * value * value);
      }
    }).withVersion(2).withDoc("The square, scaled.").withGradient((scope, attrs, values) -> {
      double factor = ((Number) attrs.get("factor")).doubleValue();
      Value product = scope.add("mul", values.get(0), values.get(2));
      Value two = scope.add("fill", Map.of("value", 2 * factor, "dtype", "f64", "shape", ""));
      return List.of(scope.add("mul", product, two));
    });
  }

  private static Program squares(Runtime runtime, double factor, DType dtype, boolean gradients)
      throws TesseraException {
    try (Graph graph = Graph.create(runtime)) {
      Value x = graph.param("x", dtype, "3", Init.constant(2));
      Value y = graph.add("scaled_square", Map.of("factor", factor), x);
      Value sum = graph.add("reduce_sum", Map.of("dims", List.of(0)), y);
      String name = dtype.toString().toLowerCase();
      Value one = graph.add("fill", Map.of("value", 1, "dtype", name, "shape", ""));
      graph.loss("sum", sum, one, 1);
      return Program.fromGraph(graph, new Program.Settings().gradients(gradients));
    }
  }

  @Test
  void anOpInJavaHasGradientsAndErrors() throws Exception {
    try (Runtime runtime = Small.runtime()) {
      runtime.registerOp(scaledSquare());
      fails(Code.ALREADY_EXISTS, "scaled_square", () -> runtime.registerOp(scaledSquare()));
      try (Program program = squares(runtime, 3, DType.F64, true)) {
        for (int i = 0; i < 3; ++i) {
          assertEquals(36, program.runWithGradients(Map.of()).loss());
        }
        assertEquals(12, program.gradient("x").doubles().get(2));
      }
      try (Program program = squares(runtime, 13, DType.F64, false)) {
        TesseraException error =
            fails(Code.UNKNOWN, "an unlucky factor", () -> program.run(Map.of()));
        assertTrue(error.getCause() instanceof ArithmeticException);
      }
      try (Program program = squares(runtime, 1, DType.F32, false)) {
        fails(Code.UNIMPLEMENTED, "expected F64, got F32", () -> program.run(Map.of()));
      }
    }
  }

  @Test
  void piecesAreWholeCharacters() {
    Generator.Pieces pieces = new Generator.Pieces();
    StringBuilder text = new StringBuilder();
    byte[] bytes = Text.bytes("aé→😀b");
    int count = 0;
    for (byte each : bytes) {
      String piece = pieces.push(new byte[] {each}, false);
      text.append(piece);
      count += piece.isEmpty() ? 0 : 1;
    }
    assertEquals("aé→😀b", text + pieces.push(new byte[0], true));
    assertEquals(5, count);
    Generator.Pieces wrong = new Generator.Pieces();
    assertEquals("a\ufffdb\ufffd",
        wrong.push(new byte[] {'a', -1, 'b', (byte) 0xf0, (byte) 0x9f}, false)
            + wrong.push(new byte[0], true));
  }
}
