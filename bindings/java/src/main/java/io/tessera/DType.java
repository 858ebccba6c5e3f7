package io.tessera;

/** The element type of a tensor. */
public enum DType {
  F64(1, 8),
  F32(2, 4),
  BF16(3, 2),
  F16(4, 2),
  I64(5, 8),
  I32(6, 4),
  I8(7, 1),
  U32(8, 4),
  U16(9, 2),
  U8(10, 1),
  BOOL(11, 1);

  final int number;
  private final int bytes;

  DType(int number, int bytes) {
    this.number = number;
    this.bytes = bytes;
  }

  /** Bytes of one element. */
  public int bytes() {
    return bytes;
  }

  static DType of(int number) throws TesseraException {
    for (DType dtype : values()) {
      if (dtype.number == number) {
        return dtype;
      }
    }
    throw new TesseraException(Code.UNIMPLEMENTED, "dtype " + number + ": unknown to this version");
  }

  /** The dtype of a name as the library writes it, {@code bf16}. */
  static DType named(String name) throws TesseraException {
    for (DType dtype : values()) {
      if (dtype.name().equalsIgnoreCase(name)) {
        return dtype;
      }
    }
    throw new TesseraException(Code.UNIMPLEMENTED, "dtype '" + name + "': unknown to this version");
  }
}
