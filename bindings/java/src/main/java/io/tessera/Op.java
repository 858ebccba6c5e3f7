package io.tessera;

import java.util.List;
import java.util.Map;

/** An op of one's own, for {@link Runtime#registerOp}: its name, its CPU kernel, its gradient. */
public final class Op {
  /** Computes whole operands, on one of the runtime's threads, never two at a time for a program. */
  @FunctionalInterface
  public interface Kernel {
    void run(Map<String, Object> attrs, List<Operand> inputs, List<Operand> outputs)
        throws Exception;
  }

  /**
   * Emits the gradient of one use: from inputs, outputs and the gradients of the outputs, one
   * gradient per input ({@link Value#NONE} for none).
   */
  @FunctionalInterface
  public interface Gradient {
    List<Value> build(Scope scope, Map<String, Object> attrs, List<Value> values)
        throws Exception;
  }

  private final String name;
  private final String signature;
  private final String doc;
  private final int version;
  private final Kernel kernel;
  private final Gradient gradient;

  private Op(String name, String signature, String doc, int version, Kernel kernel,
      Gradient gradient) {
    this.name = name;
    this.signature = signature;
    this.doc = doc;
    this.version = version;
    this.kernel = kernel;
    this.gradient = gradient;
  }

  /**
   * @param name in lower_case
   * @param signature in index notation, {@code "x[..., D] -> y[..., D]"}
   */
  public static Op of(String name, String signature, Kernel kernel) throws TesseraException {
    return new Op(name, signature, "", 1, Runtime.notNull(kernel, "kernel"), null);
  }

  public Op withDoc(String text) {
    return new Op(name, signature, text, version, kernel, gradient);
  }

  /** Stored with checkpoints as {@code name@version}. */
  public Op withVersion(int number) {
    return new Op(name, signature, doc, number, kernel, gradient);
  }

  /** Without it the op runs, and asking for a gradient is an error. */
  public Op withGradient(Gradient builder) {
    return new Op(name, signature, doc, version, kernel, builder);
  }

  String name() {
    return name;
  }

  String signature() {
    return signature;
  }

  String doc() {
    return doc;
  }

  int version() {
    return version;
  }

  boolean hasGradient() {
    return gradient != null;
  }

  Kernel kernel() {
    return kernel;
  }

  Gradient gradient() {
    return gradient;
  }
}
