package io.tessera;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/** A complete checkpoint: step, config, tensors. Any thread may use it. */
public final class Checkpoint {
  /**
   * A tensor of a checkpoint.
   *
   * @param path of the parameter it belongs to
   * @param kind {@code param}, {@code optimizer} and so on
   * @param slot which of the optimizer's; empty for the parameter
   */
  public record TensorInfo(String path, String kind, String slot, DType dtype, List<Long> dims,
      String file, long offset, long bytes, boolean isPart) {}

  private final Runtime runtime;  // null: read from the folder
  private final Path folder;
  private final String json;
  private final long step;
  private final List<TensorInfo> tensors = new ArrayList<>();

  private Checkpoint(Runtime runtime, Path path, String json) throws TesseraException {
    this.runtime = runtime;
    Map<String, Object> fields = Json.parseObject(json);
    this.json = json;
    folder = Path.of(String.valueOf(fields.getOrDefault("path", path.toString())));
    step = ((Number) fields.getOrDefault("step", 0L)).longValue();
    for (Object tensor : (List<?>) fields.getOrDefault("tensors", List.of())) {
      tensors.add(info((Map<?, ?>) tensor));
    }
  }

  @SuppressWarnings("unchecked")
  private static TensorInfo info(Map<?, ?> fields) throws TesseraException {
    Object slot = fields.get("slot");
    return new TensorInfo((String) fields.get("path"), (String) fields.get("kind"),
        slot == null ? "" : (String) slot, DType.named((String) fields.get("dtype")),
        (List<Long>) fields.get("dims"), (String) fields.get("file"),
        (Long) fields.get("offset"), (Long) fields.get("bytes"),
        fields.containsKey("box_offset"));
  }

  /** A checkpoint, or the newest complete one in a folder of them. Checksums are not read. */
  public static Checkpoint open(Path path) throws TesseraException {
    return inspect(path, 0);
  }

  /** As {@link #open}, comparing every checksum. DATA_LOSS says what is damaged and where. */
  public static Checkpoint verify(Path path) throws TesseraException {
    return inspect(path, 1);
  }

  /**
   * As {@link #open(Path)}, also of a path in a store of the runtime, which then reads the tensors
   * and must be open for that.
   */
  public static Checkpoint open(Runtime runtime, Path path) throws TesseraException {
    return inspect(runtime, path, 0);
  }

  /** As {@link #open(Runtime, Path)}, comparing every checksum. */
  public static Checkpoint verify(Runtime runtime, Path path) throws TesseraException {
    return inspect(runtime, path, 1);
  }

  private static Checkpoint inspect(Path path, int verify) throws TesseraException {
    byte[] bytes = Text.bytes(path.toString());
    return new Checkpoint(null, path,
        Text.of(out -> Raw.tsr_checkpoint_inspect(bytes, verify, out)));
  }

  private static Checkpoint inspect(Runtime runtime, Path path, int verify)
      throws TesseraException {
    byte[] bytes = Text.bytes(path.toString());
    return new Checkpoint(runtime, path, runtime.text(
        handle -> out -> Raw.tsr_runtime_inspect(handle, bytes, verify, out)));
  }

  /**
   * Reads a model from elsewhere into a new checkpoint at {@code path}: {@code source} is a Hugging
   * Face folder or a GGUF file. The job's progress counts bytes; one that fails leaves nothing.
   */
  public static Job importModel(Runtime runtime, Path source, Path path) throws TesseraException {
    byte[] from = Text.bytes(source.toString());
    byte[] to = Text.bytes(path.toString());
    return new Job(runtime.use(handle -> NativeHandle.make(
        out -> Raw.tsr_checkpoint_import(handle, from, to, out))), new AtomicReference<>());
  }

  /**
   * Writes the model of a checkpoint (or of the newest one in a folder of them) as a Hugging Face
   * folder.
   *
   * @param options {@code {"family": "llama", "max_file_bytes": 1000000}}, or an empty map
   */
  public static Job exportModel(Runtime runtime, Path path, Path folder, Map<String, ?> options)
      throws TesseraException {
    byte[] from = Text.bytes(path.toString());
    byte[] to = Text.bytes(folder.toString());
    byte[] json = Text.bytes(Json.write(options));
    return new Job(runtime.use(handle -> NativeHandle.make(
        out -> Raw.tsr_checkpoint_export(handle, from, to, json, out))), new AtomicReference<>());
  }

  public Path path() {
    return folder;
  }

  public long step() {
    return step;
  }

  /** All that is known of it, as the library writes it. */
  public String json() {
    return json;
  }

  public List<TensorInfo> tensors() {
    return List.copyOf(tensors);
  }

  /** The parameter at {@code path}. */
  public Tensor read(String path) throws TesseraException {
    return read(path, "");
  }

  /** What the optimizer keeps in {@code slot} for the parameter at {@code path}. */
  public Tensor read(String path, String slot) throws TesseraException {
    for (TensorInfo info : tensors) {
      if (info.path().equals(path) && info.slot().equals(slot)) {
        return read(info);
      }
    }
    throw new TesseraException(Code.NOT_FOUND, folder + ": holds no tensor '" + path + "'"
        + (slot.isEmpty() ? "" : " (" + slot + ")"));
  }

  private Tensor read(TensorInfo info) throws TesseraException {
    if (runtime != null) {
      byte[] path = Text.bytes(folder.toString());
      byte[] name = Text.bytes(info.path());
      byte[] slot = Text.bytes(info.slot());
      return new Tensor(runtime.use(handle -> NativeHandle.make(
          out -> Raw.tsr_runtime_read_tensor(handle, path, name, slot, out))));
    }
    if (info.isPart()) {
      throw new TesseraException(Code.UNIMPLEMENTED,
          info.path() + ": expected a whole tensor, got the part of a rank");
    }
    long[] dims = info.dims().stream().mapToLong(Long::longValue).toArray();
    Tensor tensor = Tensor.zeros(info.dtype(), dims);
    Path file = folder.resolve(info.file());
    try (FileChannel channel = FileChannel.open(file)) {
      ByteBuffer data = tensor.bytes();  // a view that ends with this method
      if (data.remaining() != info.bytes()) {
        throw new IOException("expected " + data.remaining() + " bytes of '" + info.path()
            + "', got " + info.bytes());
      }
      long at = info.offset();
      while (data.hasRemaining()) {
        int count = channel.read(data, at);
        if (count < 0) {
          throw new IOException("expected more bytes, got the end");
        }
        at += count;
      }
      return tensor;
    } catch (IOException error) {
      tensor.close();
      throw new TesseraException(Code.DATA_LOSS, file + ": " + error.getMessage(), error);
    }
  }
}
