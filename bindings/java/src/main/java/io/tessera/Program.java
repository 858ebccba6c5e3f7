package io.tessera;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A compiled model or graph, run on tensors with or without gradients. One thread at a time uses
 * it; a second one gets FAILED_PRECONDITION.
 */
public final class Program extends NativeHandle {
  private final List<String> outputNames;

  private Program(long handle) throws TesseraException {
    super(handle, Raw::tsr_program_free);
    try {
      outputNames = readOutputNames();
    } catch (TesseraException | RuntimeException error) {
      close();
      throw error;
    }
  }

  /** How a program is compiled. */
  public static final class Settings extends Options<Settings> {
    /** {@code evaluate}, {@code train} or {@code decode}; not for graphs. */
    public Settings mode(String mode) {
      return with("mode", mode);
    }

    /** Whether {@link #runWithGradients} will be asked for. */
    public Settings gradients(boolean hasGradients) {
      return with("gradients", hasGradients);
    }

    /** {@code fp32}, {@code bf16}, {@code fp64}; not for graphs. */
    public Settings dtype(String dtype) {
      return with("dtype", dtype);
    }

    /** {@code none}, {@code selective} or {@code full}. */
    public Settings recompute(String policy) {
      return with("recompute", policy);
    }

    /** {@code record} or {@code replay}: the choices of mixtures of experts; not for graphs. */
    public Settings routing(String routing) {
      return with("routing", routing);
    }

    public Settings seed(long seed) {
      return with("seed", seed);
    }
  }

  /** What a run gave: tensors by name, in the order of {@link #describe}. Close it. */
  public static final class Outputs implements AutoCloseable {
    private final Map<String, Tensor> tensors;
    private final double loss;

    private Outputs(Map<String, Tensor> tensors, double loss) {
      this.tensors = tensors;
      this.loss = loss;
    }

    public Tensor get(String name) throws TesseraException {
      Tensor tensor = tensors.get(name);
      if (tensor == null) {
        throw new TesseraException(Code.NOT_FOUND,
            "output '" + name + "': expected one of " + tensors.keySet());
      }
      return tensor;
    }

    public Map<String, Tensor> tensors() {
      return tensors;
    }

    /** The weighted sum of the losses; NaN where no gradients were asked for. */
    public double loss() {
      return loss;
    }

    @Override
    public void close() {
      tensors.values().forEach(Tensor::close);
    }
  }

  /** Compiles the model of a config; parameters start as its initialisers say. */
  public static Program fromConfig(Config config, Settings settings) throws TesseraException {
    return new Program(config.use(handle -> make(
        out -> Raw.tsr_program_from_config(handle, settings.json(), out))));
  }

  public static Program fromGraph(Graph graph, Settings settings) throws TesseraException {
    return new Program(graph.use(handle -> make(
        out -> Raw.tsr_program_from_graph(handle, settings.json(), out))));
  }

  /**
   * The model of a checkpoint with its parameters. The functions stored there are used, so the code
   * of its modules is not needed.
   */
  public static Program fromCheckpoint(Runtime runtime, Path path, Settings settings)
      throws TesseraException {
    byte[] bytes = Text.bytes(path.toString());
    return new Program(runtime.use(handle -> make(
        out -> Raw.tsr_program_from_checkpoint(handle, bytes, settings.json(), out))));
  }

  /** Inputs, outputs, parameters (path, dtype, dims) and losses, as JSON. */
  public String describe() throws TesseraException {
    return text(handle -> out -> Raw.tsr_program_describe(handle, out));
  }

  /** The compiled program: functions, parameters, schedule. */
  public String toText() throws TesseraException {
    return text(handle -> out -> Raw.tsr_program_to_text(handle, out));
  }

  private List<String> readOutputNames() throws TesseraException {
    List<String> names = new ArrayList<>();
    for (Object output : (List<?>) Json.parseObject(describe()).get("outputs")) {
      names.add((String) ((Map<?, ?>) output).get("name"));
    }
    return names;
  }

  /** Runs the forward on inputs by name; those that have a usual value may be left out. */
  public Outputs run(Map<String, Tensor> inputs) throws TesseraException {
    return run(inputs, false);
  }

  /** Runs forward and backward; gradients are then read by {@link #gradient}. */
  public Outputs runWithGradients(Map<String, Tensor> inputs) throws TesseraException {
    return run(inputs, true);
  }

  private Outputs run(Map<String, Tensor> inputs, boolean hasGradients) throws TesseraException {
    byte[][] names = new byte[inputs.size()][];
    long[] handles = new long[inputs.size()];
    long[] results = new long[outputNames.size()];
    double[] loss = {Double.NaN};
    act(handle -> withInputs(List.copyOf(inputs.entrySet()), names, handles, () -> {
      Object[] pair = {names, handles};
      if (hasGradients) {
        Raw.tsr_program_run_with_gradients(handle, pair, results, loss);
      } else {
        Raw.tsr_program_run(handle, pair, results);
      }
    }));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (int i = 0; i < results.length && results[i] != 0; ++i) {
      tensors.put(outputNames.get(i), new Tensor(results[i]));
    }
    return new Outputs(tensors, loss[0]);
  }

  private interface Body {
    void run() throws TesseraException;
  }

  /** Runs {@code body} while all of {@code inputs} are held open, from the last to the first. */
  private static void withInputs(List<Map.Entry<String, Tensor>> inputs, byte[][] names,
      long[] handles, Body body) throws TesseraException {
    if (inputs.isEmpty()) {
      body.run();
      return;
    }
    int last = inputs.size() - 1;
    Map.Entry<String, Tensor> input = inputs.get(last);
    names[last] = Text.withoutNul(input.getKey(), "input name");
    input.getValue().act(handle -> {
      handles[last] = handle;
      withInputs(inputs.subList(0, last), names, handles, body);
    });
  }

  /** A copy of the parameter at {@code path}. */
  public Tensor param(String path) throws TesseraException {
    return new Tensor(use(handle -> make(
        out -> Raw.tsr_program_get_param(handle, Text.bytes(path), out))));
  }

  /** Copies a tensor of the same dims into the parameter at {@code path}; dtypes are converted. */
  public void setParam(String path, Tensor tensor) throws TesseraException {
    act(handle -> tensor.act(
        data -> Raw.tsr_program_set_param(handle, Text.bytes(path), data)));
  }

  /** The gradient of the parameter at {@code path}, of the last run with gradients. */
  public Tensor gradient(String path) throws TesseraException {
    return new Tensor(use(handle -> make(
        out -> Raw.tsr_program_get_gradient(handle, Text.bytes(path), out))));
  }
}
