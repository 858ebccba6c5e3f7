package io.tessera;

import java.util.LinkedHashMap;
import java.util.Map;

/** Options that become a JSON object; what is not set has the library's default. */
abstract class Options<T extends Options<T>> {
  private final Map<String, Object> values = new LinkedHashMap<>();

  @SuppressWarnings("unchecked")
  final T with(String name, Object value) {
    values.put(name, value);
    return (T) this;
  }

  final byte[] json() {
    return Text.bytes(Json.write(values));
  }
}
