package io.tessera;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** What the tests share: a model that trains in milliseconds, on text with something to learn. */
final class Small {
  static final String RMS_SCHEMA = """
      /// A gated feed-forward layer that brings its own norm.
      table RmsFeedForward (role: "feed_forward") {
        model_dim: long (flows: "model_dim", required_field, min: "1");
        hidden_dim: long (required_field, min: "1", max: "1000000");
      }
      """;

  private Small() {}

  static Runtime runtime() throws TesseraException {
    return Runtime.builder().checked(true).threads(2).build();
  }

  static Path corpus(Path folder) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 400; ++i) {
      text.append("line ").append(i % 10).append(": the quick brown fox jumps over the dog.\n");
    }
    try {
      return Files.writeString(folder.resolve("corpus.txt"), text);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static Config config(Runtime runtime, Object corpus) throws TesseraException {
    return Config.of(runtime, Map.of(
        "model", Map.of("type", "LanguageModel", "vocab_size", 256, "model_dim", 16,
            "decoder", Map.of("num_layers", 2, "layer", Map.of(
                "attention", Map.of("num_heads", 2),
                "feed_forward", Map.of("hidden_dim", 32)))),
        "data", Map.of("tokenizer", "ByteTokenizer", "validation_fraction", 0.1,
            "train", corpus.toString()),
        "trainer", Map.of("steps", 6, "batch_size", 2, "sequence_length", 16),
        "optimizer", Map.of("learning_rate", 0.01),
        "runtime", Map.of("seed", 1, "dtype", "fp32")));
  }

  /** y = (silu(n gate) * (n up)) down, n = x / rms(x) * scale: the layer of samples/custom_layer. */
  static List<Value> rmsFeedForward(Scope scope, ModuleConfig config, List<Value> inputs)
      throws TesseraException {
    long model = config.getLong("model_dim");
    long hidden = config.getLong("hidden_dim");
    Value scale = scope.param("scale", Init.constant(1), model);
    Value gate = scope.param("gate/weight", Init.normal(0.02), model, hidden);
    Value up = scope.param("up/weight", Init.normal(0.02), model, hidden);
    Value down = scope.param("down/weight", Init.normal(0.02), hidden, model);
    Value n = scope.add("rms_norm", inputs.get(0), scale);
    Value h = scope.add("glu", Map.of("activation", "silu"),
        scope.add("matmul", n, gate), scope.add("matmul", n, up));
    return List.of(scope.add("matmul", h, down));
  }

  static void register(Runtime runtime) throws TesseraException {
    runtime.registerModule(RMS_SCHEMA, "RmsFeedForward", Small::rmsFeedForward);
  }
}
