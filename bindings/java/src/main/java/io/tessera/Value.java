package io.tessera;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A value of a graph or scope: the result of an op, an input or a parameter. */
public record Value(int id) {
  /** Gives none: for an input of an op that has no gradient. */
  public static final Value NONE = new Value(-1);

  /** As many outputs as an op or a module may have. */
  static final int MOST = 64;
  private static final int MOST_INPUTS = 1024;

  /** A call that writes the number of values to {@code out[0]}, and them after it. */
  interface Call {
    void into(int[] out) throws TesseraException;
  }

  static int[] ids(List<Value> values) throws TesseraException {
    if (values.size() > MOST_INPUTS) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          "inputs: expected at most " + MOST_INPUTS + ", got " + values.size());
    }
    return values.stream().mapToInt(Value::id).toArray();
  }

  static List<Value> list(int[] ids) {
    List<Value> values = new ArrayList<>(ids.length);
    for (int id : ids) {
      values.add(new Value(id));
    }
    return values;
  }

  static List<Value> many(Call call) throws TesseraException {
    int[] out = new int[1 + MOST_INPUTS];
    call.into(out);
    return list(Arrays.copyOfRange(out, 1, 1 + out[0]));
  }

  static Value one(Call call) throws TesseraException {
    int[] out = new int[1];
    call.into(out);
    return new Value(out[0]);
  }

  /** The only one of an op's outputs. */
  static Value only(List<Value> values, String op) throws TesseraException {
    if (values.size() != 1) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          op + ": expected one output, got " + values.size() + "; use addMany");
    }
    return values.get(0);
  }
}
