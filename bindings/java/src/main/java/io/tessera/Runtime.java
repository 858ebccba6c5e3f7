package io.tessera;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Threads, kernels and registered types: the first thing a program makes. Two runtimes do not know
 * of each other; what was made from one keeps it alive. Any thread may use it.
 */
public final class Runtime extends NativeHandle {
  private Runtime(long handle) {
    super(handle, Raw::tsr_runtime_free);
  }

  /** With the default options: all cores, the best instruction set. */
  public static Runtime create() throws TesseraException {
    return builder().build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** The options of a runtime. */
  public static final class Builder extends Options<Builder> {
    private Builder() {}

    /** Threads that compute; 0 for all cores. */
    public Builder threads(int count) {
      return with("threads", count);
    }

    /** How long an idle thread spins before it sleeps. */
    public Builder spinUs(int spinUs) {
      return with("spin_us", spinUs);
    }

    /** {@code reference}, {@code baseline}, {@code avx2}, {@code avx512}, {@code amx} and so on. */
    public Builder isa(String name) {
      return with("isa", name);
    }

    /** Checks handles and that modules are pure, at some cost; for tests. */
    public Builder checked(boolean isChecked) {
      return with("checked", isChecked);
    }

    public Builder memoryLimitBytes(long bytes) {
      return with("memory_limit_bytes", bytes);
    }

    /** This process is {@code rank} of {@code worldSize} that meet at {@code address:port}. */
    public Builder rank(int rank, int worldSize, String address, int port) {
      return with("rank", rank).with("world_size", worldSize).with("master_addr", address)
          .with("master_port", port);
    }

    /**
     * What modifiers with {@code when} are told of the machine, in place of what it is: fields of
     * the config type Hardware.
     */
    public Builder hardware(Map<String, ?> fields) {
      return with("hardware", fields);
    }

    /** Allows {@link Runtime#loadPlugin}, which runs code of a file. */
    public Builder plugins(boolean areAllowed) {
      return with("plugins", areAllowed);
    }

    /** How long the ranks wait for each other. */
    public Builder timeoutS(int timeoutS) {
      return with("timeout_s", timeoutS);
    }

    public Runtime build() throws TesseraException {
      return new Runtime(make(out -> Raw.tsr_runtime_new(json(), out)));
    }
  }

  /** Compiler, instruction sets and version of the library that is loaded, as JSON. */
  public static String buildInfo() throws TesseraException {
    return Text.of(Raw::tsr_build_info);
  }

  /** The version of the library that is loaded, {@code 0.1.0}. */
  public static String version() {
    int version = Raw.tsr_version();
    return (version >> 16) + "." + (version >> 8 & 0xff) + "." + (version & 0xff);
  }

  /** Threads, instruction set and why, rank, kernels, backends; as JSON. */
  public String describe() throws TesseraException {
    return text(handle -> out -> Raw.tsr_runtime_describe(handle, out));
  }

  /**
   * The catalogue of a kind as JSON: {@code modules}, {@code ops}, {@code optimizers},
   * {@code schedules}, {@code kernels}, {@code data}, a role such as {@code norm}, or {@code all}.
   */
  public String list(String kind) throws TesseraException {
    return text(handle -> out -> Raw.tsr_runtime_list(handle, Text.bytes(kind), out));
  }

  /**
   * A JSON Schema of config files and of files of modifiers, with the types that this runtime knows:
   * an editor completes and checks with it.
   */
  public String jsonSchema() throws TesseraException {
    return text(handle -> out -> Raw.tsr_runtime_json_schema(handle, out));
  }

  /** Fields, ranges, defaults and docs of a config type or an op, as JSON. */
  public String describeType(String name) throws TesseraException {
    return text(handle -> out -> Raw.tsr_runtime_describe_type(handle, Text.bytes(name), out));
  }

  /**
   * Registers a module type: slots, configs, the catalogue and checkpoints treat it as one of the
   * library's own.
   *
   * @param schema the FlatBuffers text of the type's table
   * @param type the name of that table
   */
  public void registerModule(String schema, String type, Module module) throws TesseraException {
    Object[] parts = {
      Text.withoutNul(schema, "schema"), Text.withoutNul(type, "type"), notNull(module, "module")};
    act(handle -> Raw.tsr_runtime_register_module(handle, parts));
  }

  /** Registers an op with its CPU kernel. */
  public void registerOp(Op op) throws TesseraException {
    Object[] parts = {
      Text.withoutNul(op.name(), "name"), Text.withoutNul(op.signature(), "signature"),
      Text.withoutNul(op.doc(), "doc"), op, new int[] {op.version(), op.hasGradient() ? 1 : 0}};
    act(handle -> Raw.tsr_runtime_register_op(handle, parts));
  }

  /** Registers a data source: a trainer whose {@code data.source} is {@code name} reads there. */
  public void registerSource(String name, DataSource source) throws TesseraException {
    Object[] parts = {Text.withoutNul(name, "name"), notNull(source, "source")};
    act(handle -> Raw.tsr_runtime_register_source(handle, parts));
  }

  /**
   * Registers an optimizer. Training costs what the ops of its updates cost.
   *
   * @param schema the FlatBuffers text of its table, with role "optimizer" and a field
   *     {@code learning_rate: double}
   * @param type the name of that table
   * @param slots names of what is kept per parameter
   */
  public void registerOptimizer(String schema, String type, List<String> slots,
      Optimizer optimizer) throws TesseraException {
    Object[] parts = {Text.withoutNul(schema, "schema"), Text.withoutNul(type, "type"),
      notNull(optimizer, "optimizer"), Text.withoutNul(String.join(",", slots), "slots")};
    act(handle -> Raw.tsr_runtime_register_optimizer(handle, parts));
  }

  /** Registers a schedule of the learning rate; its table has the role "schedule". */
  public void registerSchedule(String schema, String type, Schedule schedule)
      throws TesseraException {
    Object[] parts = {Text.withoutNul(schema, "schema"), Text.withoutNul(type, "type"),
      notNull(schedule, "schedule")};
    act(handle -> Raw.tsr_runtime_register_schedule(handle, parts));
  }

  /**
   * Registers a checkpoint store that this process alone saves to. {@code name://path} is a path in
   * it wherever a checkpoint's path is asked for, {@code Path.of("name:/path")} too.
   */
  public void registerStore(String name, CheckpointStore store) throws TesseraException {
    registerStore(name, store, false);
  }

  /**
   * Registers a checkpoint store. With {@code isShared} other processes save there too; then nobody
   * knows whether the writer of what is named {@code .tmp-...} is dead, and what such a one left
   * stays.
   */
  public void registerStore(String name, CheckpointStore store, boolean isShared)
      throws TesseraException {
    Object[] parts = {
      Text.withoutNul(name, "name"), notNull(store, "store"), new int[] {isShared ? 1 : 0}};
    act(handle -> Raw.tsr_runtime_register_store(handle, parts));
  }

  /**
   * Loads a shared library that registers parts of its own with this runtime; its manifest, JSON.
   * PERMISSION_DENIED unless {@link Builder#plugins} allowed it.
   */
  public String loadPlugin(Path path) throws TesseraException {
    byte[] text = Text.bytes(path.toString());
    return text(handle -> out -> Raw.tsr_runtime_load_plugin(handle, text, out));
  }

  static <T> T notNull(T value, String what) throws TesseraException {
    if (value == null) {
      throw new TesseraException(Code.INVALID_ARGUMENT, what + ": expected one, got null");
    }
    return value;
  }
}
