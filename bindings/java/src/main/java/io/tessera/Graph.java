package io.tessera;

import java.util.List;
import java.util.Map;

/**
 * A function built op by op, to be compiled into a {@link Program}. One thread at a time uses it; a
 * second one gets FAILED_PRECONDITION.
 */
public final class Graph extends NativeHandle implements OpBuilder {
  private Graph(long handle) {
    super(handle, Raw::tsr_graph_free);
  }

  public static Graph create(Runtime runtime) throws TesseraException {
    return new Graph(runtime.use(handle -> make(out -> Raw.tsr_graph_new(handle, out))));
  }

  /** Reads the FlatBuffers form, verified. */
  public static Graph fromBytes(Runtime runtime, byte[] bytes) throws TesseraException {
    return new Graph(
        runtime.use(handle -> make(out -> Raw.tsr_graph_from_bytes(handle, bytes, out))));
  }

  public byte[] toBytes() throws TesseraException {
    return use(handle -> Text.bytesOf(out -> Raw.tsr_graph_to_bytes(handle, out)));
  }

  /** An argument of the program; dims with symbols, {@code "B,T,512"}. */
  public Value input(String name, DType dtype, String dims) throws TesseraException {
    return use(handle -> Value.one(out -> Raw.tsr_graph_input(
        handle, Text.bytes(name), dtype.number, Text.bytes(dims), out)));
  }

  /** A trainable parameter at {@code path}. */
  public Value param(String path, DType dtype, String dims, Init init) throws TesseraException {
    return use(handle -> Value.one(out -> Raw.tsr_graph_param(
        handle, Text.bytes(path), dtype.number, Text.bytes(dims), init.json(), out)));
  }

  /** Adds an op with one output. */
  public Value add(String op, Value... inputs) throws TesseraException {
    return add(op, Map.of(), inputs);
  }

  public Value add(String op, Map<String, ?> attrs, Value... inputs) throws TesseraException {
    return Value.only(addMany(op, attrs, List.of(inputs)), op);
  }

  /** Adds an op with any number of outputs. */
  @Override
  public List<Value> addMany(String op, Map<String, ?> attrs, List<Value> inputs)
      throws TesseraException {
    byte[] json = Text.bytes(Json.write(attrs));
    int[] ids = Value.ids(inputs);
    return use(handle -> Value.many(
        out -> Raw.tsr_graph_add(handle, Text.bytes(op), ids, json, out)));
  }

  /**
   * Adds a module of the catalogue. Names of its parameters and losses are below {@code path}.
   *
   * @param config of the module alone: {@code {"type": "FeedForward", "model_dim": 64, ...}}
   * @param options {@code {"mode": "train", "dtype": "bf16"}}, or an empty map
   */
  public List<Value> call(Config config, String path, Map<String, ?> options, List<Value> inputs)
      throws TesseraException {
    byte[] json = Text.bytes(Json.write(options));
    int[] ids = Value.ids(inputs);
    return use(handle -> config.use(module -> Value.many(
        out -> Raw.tsr_graph_call(handle, module, Text.bytes(path), json, ids, out))));
  }

  /** Makes a value a result of the program. */
  public void output(String name, Value value) throws TesseraException {
    act(handle -> Raw.tsr_graph_output(handle, Text.bytes(name), value.id()));
  }

  /** Makes weight * numerator / denominator a loss; both are scalars summed over the batch. */
  public void loss(String name, Value numerator, Value denominator, double weight)
      throws TesseraException {
    act(handle -> Raw.tsr_graph_loss(
        handle, Text.bytes(name), numerator.id(), denominator.id(), weight));
  }

  /** Dtype and dims of a value, {@code bf16[B,T,512]}. */
  public String type(Value value) throws TesseraException {
    return text(handle -> out -> Raw.tsr_graph_type(handle, value.id(), out));
  }

  public String toText() throws TesseraException {
    return text(handle -> out -> Raw.tsr_graph_to_text(handle, out));
  }
}
