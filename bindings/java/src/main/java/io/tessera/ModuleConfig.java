package io.tessera;

import java.util.Collections;
import java.util.Map;

/** The resolved config of a module, optimizer or schedule: every field has its value. */
public final class ModuleConfig {
  private final Map<String, Object> fields;

  ModuleConfig(String json) throws TesseraException {
    fields = Collections.unmodifiableMap(Json.parseObject(json));
  }

  /** Long, Double, Boolean, String, List or Map. */
  public Object get(String field) throws TesseraException {
    if (!fields.containsKey(field)) {
      throw new TesseraException(Code.NOT_FOUND,
          "the module's config has no field '" + field + "'");
    }
    return fields.get(field);
  }

  public long getLong(String field) throws TesseraException {
    return get(field, Long.class);
  }

  public double getDouble(String field) throws TesseraException {
    return get(field, Number.class).doubleValue();
  }

  public String getString(String field) throws TesseraException {
    return get(field, String.class);
  }

  private <T> T get(String field, Class<T> type) throws TesseraException {
    Object value = get(field);
    if (!type.isInstance(value)) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          "field '" + field + "': expected a " + type.getSimpleName() + ", got " + value);
    }
    return type.cast(value);
  }

  public Map<String, Object> fields() {
    return fields;
  }
}
