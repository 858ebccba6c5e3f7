package io.tessera;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The actions that all languages and the command line do alike; prints what came out as JSON.
 * Arguments: CONFIG OUT WRONG_CONFIG.
 */
public final class Parity {
  private Parity() {}

  public static void main(String[] arguments) throws TesseraException {
    Path out = Path.of(arguments[1]);
    try (Runtime runtime = Runtime.builder().threads(1).build();
        Config config = Config.load(runtime, Path.of(arguments[0]))) {
      List<Double> losses = new ArrayList<>();
      double evalLoss;
      try (Trainer trainer = Trainer.builder(config).outDir(out).build()) {
        trainer.steps().forEach(step -> losses.add(step.loss()));
        evalLoss = trainer.evaluate();
        trainer.save();
      }
      String text;
      try (Generator generator = Generator.fromCheckpoint(runtime, out)) {
        text = generator.generate("the ",
            new Generator.Settings().maxTokens(24).temperature(0));
      }
      System.out.println(Json.write(Map.of("losses", losses, "eval_loss", evalLoss, "text", text,
          "error", error(runtime, Path.of(arguments[2])))));
    }
  }

  private static Map<String, Object> error(Runtime runtime, Path wrong) {
    try (Config config = Config.load(runtime, wrong)) {
      throw new AssertionError("expected an error, got a config");
    } catch (TesseraException error) {
      return Map.of("code", error.code(), "path", error.path().orElseThrow(),
          "file", error.file().orElseThrow(), "line", error.line().orElseThrow());
    }
  }
}
