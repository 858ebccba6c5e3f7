package io.tessera;

import java.util.LinkedHashMap;
import java.util.Map;

/** A config type with some of its fields: what {@link Configs} builds. */
public abstract class Part {
  private final Map<String, Object> fields = new LinkedHashMap<>();

  Part(String type) {
    fields.put("type", type);
  }

  final void put(String field, Object value) {
    fields.put(field, value);
  }

  final Map<String, Object> fields() {
    return fields;
  }

  /** The part as JSON. */
  @Override
  public String toString() {
    return Json.write(fields);
  }
}
