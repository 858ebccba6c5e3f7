package io.tessera;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * Where a module stands while it is traced: gives parameters, children and ambient values, and
 * takes ops. It lives during the call only, on the thread that traces; later it throws
 * IllegalStateException.
 */
public final class Scope implements OpBuilder {
  private final Thread thread = Thread.currentThread();
  private long handle;

  Scope(long handle) {
    this.handle = handle;
  }

  void end() {
    handle = 0;
  }

  private long handle() {
    if (handle == 0 || thread != Thread.currentThread()) {
      throw new IllegalStateException(
          "scope: expected use during the call and on its thread, got another use");
    }
    return handle;
  }

  /** A parameter at the relative {@code path}, in the model's dtype. */
  public Value param(String path, Init init, long... dims) throws TesseraException {
    String text = LongStream.of(dims).mapToObj(Long::toString).collect(Collectors.joining(","));
    return Value.one(out -> Raw.tsr_scope_param(
        handle(), Text.bytes(path), Text.bytes(text), init.json(), out));
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
    return Value.many(out -> Raw.tsr_scope_add(handle(), Text.bytes(op), ids, json, out));
  }

  /** Builds the child in {@code slot}; {@code layers[2]} is a child of a list. */
  public List<Value> call(String slot, List<Value> inputs) throws TesseraException {
    int[] ids = Value.ids(inputs);
    return Value.many(out -> Raw.tsr_scope_call(handle(), Text.bytes(slot), ids, out));
  }

  /** What the surroundings provide: {@code positions}, {@code segments}. */
  public Value ambient(String name) throws TesseraException {
    return Value.one(out -> Raw.tsr_scope_ambient(handle(), Text.bytes(name), out));
  }

  /** Adds a loss, as {@link Graph#loss}. */
  public void loss(String name, Value numerator, Value denominator, double weight)
      throws TesseraException {
    Raw.tsr_scope_loss(handle(), Text.bytes(name), numerator.id(), denominator.id(), weight);
  }

  /** A dim of a value as text: {@code B}, {@code 512}. */
  public String dim(Value value, int index) throws TesseraException {
    return Text.of(out -> Raw.tsr_scope_dim(handle(), value.id(), index, out));
  }
}
