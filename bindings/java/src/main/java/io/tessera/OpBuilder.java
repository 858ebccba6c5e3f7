package io.tessera;

import java.util.List;
import java.util.Map;

/** What takes ops: a {@link Graph}, or the {@link Scope} of a module. */
public interface OpBuilder {
  /** Adds an op by name, with any number of outputs. */
  List<Value> addMany(String op, Map<String, ?> attrs, List<Value> inputs)
      throws TesseraException;
}
