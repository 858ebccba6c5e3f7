package io.tessera;

import java.util.Map;

/** What calls and callbacks cost; a line each, in ns (tests/bench/binding_calls.py). */
public final class Calls {
  private static final int ROUNDS = 7; // the compiler works during the first

  private Calls() {}

  private interface Call {
    void run() throws TesseraException;
  }

  /** The least of some rounds, in ns per call. */
  private static double perCall(int count, Call call) throws TesseraException {
    double least = Double.POSITIVE_INFINITY;
    for (int round = 0; round < ROUNDS; ++round) {
      long start = System.nanoTime();
      for (int i = 0; i < count; ++i) {
        call.run();
      }
      least = Math.min(least, (System.nanoTime() - start) / (double) count);
    }
    return least;
  }

  private static void show(String name, int count, Call call) throws TesseraException {
    System.out.printf("%s: %.0f%n", name, perCall(count, call));
  }

  /** A program of so many uses of an op that does nothing. */
  private static Program uses(Runtime runtime, int count) throws TesseraException {
    try (Graph graph = Graph.create(runtime)) {
      Value x = graph.param("x", DType.F32, "1", Init.zeros());
      for (int i = 0; i < count; ++i) {
        x = graph.add("bench_nothing", x);
      }
      graph.output("y", x);
      return Program.fromGraph(graph, new Program.Settings());
    }
  }

  public static void main(String[] arguments) throws TesseraException {
    try (Runtime runtime = Runtime.builder().threads(1).build();
        Tensor tensor = Tensor.zeros(DType.F32, 4, 1000);
        Graph graph = Graph.create(runtime)) {
      Value value = graph.input("x", DType.F32, "B,T,64");
      show("a getter", 100_000, tensor::dtype);
      show("a status and a text", 20_000, () -> graph.type(value));
      show("an error", 2_000, () -> {
        try {
          Tensor.zeros(DType.F32, -1);
        } catch (TesseraException expected) {
          return;
        }
        throw new AssertionError("expected an error, got none");
      });
      show("a tensor made and closed", 20_000, () -> Tensor.zeros(DType.F32, 1).close());
      show("a view of its data", 100_000, tensor::floats);
      runtime.registerOp(Op.of("bench_nothing", "x[N] -> y[N]", (attrs, inputs, outputs) -> { }));
      try (Program few = uses(runtime, 1); Program many = uses(runtime, 201)) {
        double once = perCall(500, () -> few.run(Map.of()).close());
        double often = perCall(500, () -> many.run(Map.of()).close());
        System.out.printf("a kernel's callback: %.0f%n", (often - once) / 200);
      }
    }
  }
}
