package io.tessera;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A model, its data and its training as a tree of typed parts. Any thread may read it; one at a
 * time may set fields.
 */
public final class Config extends NativeHandle {
  private Config(long handle) {
    super(handle, Raw::tsr_config_free);
  }

  /**
   * Reads JSON text (comments and trailing commas allowed); {@code name} stands in errors for the
   * file. All errors of the text are reported at once, see {@link TesseraException#details}.
   */
  public static Config parse(Runtime runtime, String text, String name) throws TesseraException {
    byte[] bytes = Text.bytes(text);
    return new Config(runtime.use(handle -> make(
        out -> Raw.tsr_config_parse(handle, bytes, Text.bytes(name), out))));
  }

  /** A config of maps, lists, strings, numbers and booleans. */
  public static Config of(Runtime runtime, Map<String, ?> value) throws TesseraException {
    return parse(runtime, Json.write(value), "value");
  }

  /** A config of builders: {@link Configs.Experiment} for a whole one. */
  public static Config of(Runtime runtime, Part value) throws TesseraException {
    return parse(runtime, value.toString(), "value");
  }

  public static Config load(Runtime runtime, Path path) throws TesseraException {
    byte[] bytes = Text.bytes(path.toString());
    return new Config(
        runtime.use(handle -> make(out -> Raw.tsr_config_load(handle, bytes, out))));
  }

  /** Reads the FlatBuffers form, verified before use. */
  public static Config fromBytes(Runtime runtime, byte[] bytes) throws TesseraException {
    return new Config(
        runtime.use(handle -> make(out -> Raw.tsr_config_from_bytes(handle, bytes, out))));
  }

  public byte[] toBytes() throws TesseraException {
    return use(handle -> Text.bytesOf(out -> Raw.tsr_config_to_bytes(handle, out)));
  }

  /** An independent copy. */
  public Config copy() throws TesseraException {
    return new Config(use(handle -> make(out -> Raw.tsr_config_copy(handle, out))));
  }

  /**
   * Sets the field at {@code path} ({@code trainer.steps}, {@code model.decoder.layers[2].norm}).
   * The value is a number, a boolean, a text, a list, or a part with its
   * own fields: a map, or one of {@link Configs}.
   */
  public Config set(String path, Object value) throws TesseraException {
    return setText(path, Json.write(value));
  }

  /** As {@link #set}, with the value as on the command line: JSON, or plain text. */
  public Config setText(String path, String value) throws TesseraException {
    act(handle -> Raw.tsr_config_set(handle, Text.bytes(path), Text.bytes(value)));
    return this;
  }

  /**
   * Applies a modifier (a map) or a list of them, all or nothing: {@code {"replace": "FeedForward",
   * "with": "MixtureOfExperts", "set": {"num_experts": 8}}}. The verbs are replace, wrap, set, unset,
   * insert, remove, chain and when.
   *
   * @return what each did, as JSON
   */
  public String modify(Object modifiers) throws TesseraException {
    return modifyText(Json.write(modifiers), "modifiers");
  }

  /** As {@link #modify}, from JSON text; {@code name} stands in errors and origins for the file. */
  public String modifyText(String text, String name) throws TesseraException {
    return text(handle -> report -> Raw.tsr_config_modify(
        handle, Text.bytes(text), Text.bytes(name), report));
  }

  /** The value at {@code path}: Long, Double, Boolean, String, List or Map. Defaults count. */
  public Object get(String path) throws TesseraException {
    return Json.parse(
        text(handle -> out -> Raw.tsr_config_get(handle, Text.bytes(path), out)));
  }

  public long getLong(String path) throws TesseraException {
    return get(path, Long.class);
  }

  public double getDouble(String path) throws TesseraException {
    return get(path, Number.class).doubleValue();
  }

  public String getString(String path) throws TesseraException {
    return get(path, String.class);
  }

  private <T> T get(String path, Class<T> type) throws TesseraException {
    Object value = get(path);
    if (!type.isInstance(value)) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          path + ": expected a " + type.getSimpleName() + ", got " + Json.write(value));
    }
    return type.cast(value);
  }

  /** Canonical JSON with the fields that were set. */
  public String toJson() throws TesseraException {
    return text(handle -> out -> Raw.tsr_config_to_json(handle, out));
  }

  /** Every field with its value and where it came from, as JSON. Fails with all that is unmet. */
  public String resolve() throws TesseraException {
    return text(handle -> out -> Raw.tsr_config_resolve(handle, 1, out));
  }

  /** {@link #resolve} as text for people. */
  public String explain() throws TesseraException {
    return text(handle -> out -> Raw.tsr_config_resolve(handle, 0, out));
  }

  /** Where two configs differ, a line a field: path, value here, value there. */
  public String diff(Config other) throws TesseraException {
    return text(handle -> out -> other.act(
        second -> Raw.tsr_config_diff(handle, second, out)));
  }

  /** Parameters, flops, bytes of memory and ops as JSON, without allocating weights. */
  public String plan() throws TesseraException {
    return plan("");
  }

  /** {@link #plan()} with the program too: {@code {"text": true, "dot": true}}. */
  public String plan(String options) throws TesseraException {
    return text(handle -> out -> Raw.tsr_config_plan(handle, Text.bytes(options), out));
  }

  /**
   * Looks for what makes the kernels of a training step faster on this machine. No result changes by
   * a bit; the job's report says what was found.
   *
   * @param options {@code {"out": "tuning.json", "budget_s": 60, "most_timed": 32, "exhaustive":
   *     false}}, or an empty map
   */
  public Job tune(Map<String, ?> options) throws TesseraException {
    byte[] json = Text.bytes(Json.write(options));
    return new Job(use(handle -> NativeHandle.make(
        out -> Raw.tsr_config_tune(handle, json, out))), new AtomicReference<>());
  }
}
