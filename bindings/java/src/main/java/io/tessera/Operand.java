package io.tessera;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;

/** What a kernel reads or writes: a view of a whole operand, for the time of the call. */
public final class Operand {
  private final ByteBuffer data;
  private final DType dtype;
  private final long[] dims;

  Operand(ByteBuffer data, DType dtype, long[] dims) {
    this.data = data;
    this.dtype = dtype;
    this.dims = dims;
  }

  public DType dtype() {
    return dtype;
  }

  public long[] dims() {
    return dims.clone();
  }

  public ByteBuffer bytes() {
    return data.duplicate().order(ByteOrder.nativeOrder());
  }

  public FloatBuffer floats() throws TesseraException {
    return expect(DType.F32).asFloatBuffer();
  }

  public DoubleBuffer doubles() throws TesseraException {
    return expect(DType.F64).asDoubleBuffer();
  }

  public IntBuffer ints() throws TesseraException {
    return expect(DType.I32).asIntBuffer();
  }

  private ByteBuffer expect(DType expected) throws TesseraException {
    if (dtype != expected) {
      throw new TesseraException(Code.UNIMPLEMENTED,
          "operand: expected " + expected + ", got " + dtype);
    }
    return bytes();
  }
}
