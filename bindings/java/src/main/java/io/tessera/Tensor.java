package io.tessera;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.util.function.Function;

/**
 * An element type, dims and row-major data, shared with the library and not copied: the buffers are
 * views of the tensor's own memory, which lives until the last of them is collected, also after
 * {@link #close}. Whoever reads and writes from several threads orders that.
 */
public final class Tensor extends NativeHandle {
  private View view;

  Tensor(long handle) {
    super(handle, Raw::tsr_tensor_free);
  }

  /** A tensor of zeros. */
  public static Tensor zeros(DType dtype, long... dims) throws TesseraException {
    return new Tensor(make(out -> Raw.tsr_tensor_new(dtype.number, dims, out)));
  }

  /** A tensor with a copy of {@code data}. */
  public static Tensor of(float[] data, long... dims) throws TesseraException {
    Tensor tensor = zeros(DType.F32, dims);
    tensor.expectCount(data.length);
    tensor.withData(buffer -> buffer.asFloatBuffer().put(data));
    return tensor;
  }

  public static Tensor of(double[] data, long... dims) throws TesseraException {
    Tensor tensor = zeros(DType.F64, dims);
    tensor.expectCount(data.length);
    tensor.withData(buffer -> buffer.asDoubleBuffer().put(data));
    return tensor;
  }

  public static Tensor of(int[] data, long... dims) throws TesseraException {
    Tensor tensor = zeros(DType.I32, dims);
    tensor.expectCount(data.length);
    tensor.withData(buffer -> buffer.asIntBuffer().put(data));
    return tensor;
  }

  public static Tensor of(long[] data, long... dims) throws TesseraException {
    Tensor tensor = zeros(DType.I64, dims);
    tensor.expectCount(data.length);
    tensor.withData(buffer -> buffer.asLongBuffer().put(data));
    return tensor;
  }

  public DType dtype() throws TesseraException {
    return DType.of(use(Raw::tsr_tensor_dtype));
  }

  public long[] dims() throws TesseraException {
    return use(handle -> {
      long[] dims = new long[Raw.tsr_tensor_rank(handle)];
      for (int i = 0; i < dims.length; ++i) {
        dims[i] = Raw.tsr_tensor_dim(handle, i);
      }
      return dims;
    });
  }

  /** The number of elements. */
  public long size() throws TesseraException {
    return use(Raw::tsr_tensor_bytes) / dtype().bytes();
  }

  /**
   * The data of any dtype. Its memory lives until this buffer and all that derive from it are
   * collected; where much of it lingers after {@link #close}, closing asks the collector to run.
   */
  public synchronized ByteBuffer bytes() throws TesseraException {
    if (view == null) {
      view = View.of(use(Raw::tsr_tensor_data), toDlpack());
    }
    return view.buffer().order(ByteOrder.nativeOrder());
  }

  /** Uses the data during a call, so that nothing of it lingers. */
  <T> T withData(Function<ByteBuffer, T> body) throws TesseraException {
    return use(handle -> body.apply(
        Raw.tsr_tensor_data(handle).order(ByteOrder.nativeOrder())));
  }

  @Override
  public synchronized void close() {
    super.close();
    if (view != null) {
      view.close();
      view = null;
    }
  }

  public FloatBuffer floats() throws TesseraException {
    expect(DType.F32);
    return bytes().asFloatBuffer();
  }

  public DoubleBuffer doubles() throws TesseraException {
    expect(DType.F64);
    return bytes().asDoubleBuffer();
  }

  public IntBuffer ints() throws TesseraException {
    expect(DType.I32);
    return bytes().asIntBuffer();
  }

  public LongBuffer longs() throws TesseraException {
    expect(DType.I64);
    return bytes().asLongBuffer();
  }

  /** A copy as floats, of any float dtype. */
  public float[] toFloats() throws TesseraException {
    DType dtype = dtype();
    float[] copy = new float[Math.toIntExact(size())];
    if (dtype != DType.F64 && dtype != DType.F32 && dtype != DType.BF16 && dtype != DType.F16) {
      throw wrongDtype("a float dtype", dtype);
    }
    return withData(from -> {
      for (int i = 0; i < copy.length; ++i) {
        copy[i] = switch (dtype) {
          case F64 -> (float) from.getDouble();
          case F32 -> from.getFloat();
          case BF16 -> Float.intBitsToFloat(from.getShort() << 16);
          default -> halfToFloat(from.getShort());
        };
      }
      return copy;
    });
  }

  static float halfToFloat(short bits) {
    int exponent = bits >> 10 & 0x1f;
    int fraction = bits & 0x3ff;
    float sign = bits < 0 ? -1 : 1;
    if (exponent == 0) {
      return sign * fraction * 0x1p-24f;
    }
    if (exponent == 0x1f) {
      return fraction == 0 ? sign * Float.POSITIVE_INFINITY : Float.NaN;
    }
    return sign * (1 + fraction / 1024f) * (float) Math.pow(2, exponent - 15);
  }

  /**
   * The address of a {@code DLManagedTensor} that shares the memory; whoever takes it calls its
   * deleter.
   */
  public long toDlpack() throws TesseraException {
    return use(handle -> make(out -> Raw.tsr_tensor_to_dlpack(handle, out)));
  }

  /** Takes the {@code DLManagedTensor} at an address (CPU, row-major contiguous) without copying. */
  public static Tensor fromDlpack(long managed) throws TesseraException {
    return new Tensor(make(out -> Raw.tsr_tensor_from_dlpack(managed, out)));
  }

  private void expect(DType expected) throws TesseraException {
    DType dtype = dtype();
    if (dtype != expected) {
      throw wrongDtype(expected.toString(), dtype);
    }
  }

  private static TesseraException wrongDtype(String expected, DType got) {
    return new TesseraException(Code.INVALID_ARGUMENT,
        "tensor: expected " + expected + ", got " + got);
  }

  private void expectCount(int count) throws TesseraException {
    long size = size();
    if (size != count) {
      close();
      throw new TesseraException(Code.INVALID_ARGUMENT,
          "data: expected as many elements as the dims hold, " + size + ", got " + count);
    }
  }

  @Override
  public String toString() {
    try {
      StringBuilder text = new StringBuilder(dtype().toString().toLowerCase()).append('[');
      String comma = "";
      for (long dim : dims()) {
        text.append(comma).append(dim);
        comma = ",";
      }
      return text.append(']').toString();
    } catch (TesseraException | IllegalStateException error) {
      return "Tensor, closed";
    }
  }
}
