package io.tessera;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** How a parameter starts, and what is known of its dims. */
public final class Init {
  private final Map<String, Object> options;

  private Init(Map<String, Object> options) {
    this.options = options;
  }

  private static Init of(String kind, String field, double value) {
    return new Init(Map.of("kind", kind, field, value));
  }

  private Init with(String name, Object value) {
    Map<String, Object> more = new LinkedHashMap<>(options);
    more.put(name, value);
    return new Init(more);
  }

  public static Init zeros() {
    return constant(0);
  }

  public static Init constant(double value) {
    return of("constant", "mean", value);
  }

  public static Init normal(double stddev) {
    return of("normal", "stddev", stddev);
  }

  /** Between -stddev and stddev. */
  public static Init uniform(double stddev) {
    return of("uniform", "stddev", stddev);
  }

  /** What the dims are, for rules of sharding: {@code "embed", "mlp"}. */
  public Init withLogicalDims(String... names) {
    return with("logical_dims", List.of(names));
  }

  /** Whether weight decay applies; by default to two dims and more. */
  public Init withDecay(boolean isDecayed) {
    return with("decay", isDecayed);
  }

  byte[] json() {
    return Text.bytes(Json.write(options));
  }
}
