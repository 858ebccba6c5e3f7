package io.tessera;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Where calls of the library arrive (native/callbacks.h). None of them throws: what the called code
 * throws becomes the status that is returned, 0 for none.
 */
final class Callbacks {
  private Callbacks() {}

  /** Calls that give values: {@code out[0]} is their number, and they follow. */
  private interface Trace {
    List<Value> values(Scope scope, List<Value> inputs) throws Exception;
  }

  private static long trace(long scopeHandle, int[] inputs, int[] out, Trace trace) {
    Scope scope = new Scope(scopeHandle);
    try {
      List<Value> values = trace.values(scope, Value.list(inputs));
      if (values == null || values.size() > out.length - 1) {
        throw new TesseraException(Code.INVALID_ARGUMENT,
            "expected at most " + (out.length - 1) + " outputs, got "
                + (values == null ? "null" : values.size()));
      }
      out[0] = values.size();
      for (int i = 0; i < values.size(); ++i) {
        out[1 + i] = values.get(i).id();
      }
      return 0;
    } catch (Throwable thrown) {
      return Failures.status(thrown);
    } finally {
      scope.end();
    }
  }

  static long build(Object module, long scopeHandle, byte[] config, int[] inputs, int[] outputs) {
    return trace(scopeHandle, inputs, outputs, (scope, values) ->
        ((Module) module).build(scope, new ModuleConfig(Text.of(config)), values));
  }

  static long update(Object optimizer, long scopeHandle, byte[] settings, int[] values,
      int[] outputs) {
    return trace(scopeHandle, values, outputs, (scope, given) ->
        ((Optimizer) optimizer).update(scope, Update.of(Text.of(settings), given)));
  }

  static long read(Object source, long corpusHandle, byte[] name) {
    Corpus corpus = new Corpus(corpusHandle);
    try {
      ((DataSource) source).read(corpus, Text.of(name));
      return 0;
    } catch (Throwable thrown) {
      return Failures.status(thrown);
    } finally {
      corpus.end();
    }
  }

  static long factor(Object schedule, byte[] config, long step, long totalSteps, double[] out) {
    try {
      out[0] = ((Schedule) schedule).factor(new ModuleConfig(Text.of(config)), step, totalSteps);
      return 0;
    } catch (Throwable thrown) {
      return Failures.status(thrown);
    }
  }

  /** What a method of a store does. */
  private interface Act {
    void with(CheckpointStore store) throws Exception;
  }

  private static long inStore(Object store, Act act) {
    try {
      act.with((CheckpointStore) store);
      return 0;
    } catch (Throwable thrown) {
      return Failures.status(thrown);
    }
  }

  static long storeWrite(Object store, byte[] name, long offset, byte[] data, boolean isLast) {
    return inStore(store, to -> to.write(Text.of(name), offset, data, isLast));
  }

  static long storeRead(Object store, byte[] name, long offset, int size, byte[][] out) {
    return inStore(store,
        from -> out[0] = Runtime.notNull(from.read(Text.of(name), offset, size), "bytes"));
  }

  static long storeList(Object store, byte[] prefix, long listing) {
    return inStore(store, in -> {
      for (Map.Entry<String, Long> object : in.list(Text.of(prefix)).entrySet()) {
        Raw.tsr_listing_add(listing, Text.bytes(object.getKey()), object.getValue());
      }
    });
  }

  static long storeRename(Object store, byte[] from, byte[] to) {
    return inStore(store, in -> in.rename(Text.of(from), Text.of(to)));
  }

  static long storeRemove(Object store, byte[] name) {
    return inStore(store, from -> from.remove(Text.of(name)));
  }

  static void end(Object action) {
    try {
      ((Runnable) action).run();
    } catch (Throwable thrown) {
      // Of a future's dependents; they have it, and nobody else could be told.
      return;
    }
  }

  static long gradient(Object op, long scopeHandle, byte[] attrs, int[] values, int[] gradients) {
    return trace(scopeHandle, values, gradients, (scope, given) -> {
      List<Value> found = ((Op) op).gradient().build(scope, attributes(attrs), given);
      if (found == null || found.size() != gradients.length - 1) {
        throw new TesseraException(Code.INVALID_ARGUMENT,
            "expected " + (gradients.length - 1) + " gradients, one per input, got "
                + (found == null ? "null" : found.size()));
      }
      return found;
    });
  }

  static long run(Object op, byte[] attrs, ByteBuffer[] inputs, long[] inputDims,
      int[] inputTypes, ByteBuffer[] outputs, long[] outputDims, int[] outputTypes) {
    try {
      ((Op) op).kernel().run(attributes(attrs), operands(inputs, inputDims, inputTypes, false),
          operands(outputs, outputDims, outputTypes, true));
      return 0;
    } catch (Throwable thrown) {
      return Failures.status(thrown);
    }
  }

  private static Map<String, Object> attributes(byte[] json) throws TesseraException {
    return json.length <= 2 ? Map.of() : Json.parseObject(Text.of(json)); // "{}" is none
  }

  /** {@code dims} has those of all operands, each after their number. */
  private static List<Operand> operands(ByteBuffer[] buffers, long[] dims, int[] types,
      boolean isWritten) throws TesseraException {
    List<Operand> operands = new ArrayList<>(buffers.length);
    int at = 0;
    for (int i = 0; i < buffers.length; ++i) {
      int rank = (int) dims[at];
      ByteBuffer data = isWritten ? buffers[i] : buffers[i].asReadOnlyBuffer();
      operands.add(new Operand(data, DType.of(types[i]),
          Arrays.copyOfRange(dims, at + 1, at + 1 + rank)));
      at += 1 + rank;
    }
    return operands;
  }

  static void sink(Object sink, byte[] record) {
    ((Sink) sink).accept(Text.of(record));
  }

  /** 1 to stop. */
  static int piece(Object stream, byte[] bytes) {
    return ((Generator.Stream) stream).accept(bytes) ? 0 : 1;
  }
}
