package io.tessera;

import java.util.Map;

/** How a parameter starts. */
public final class Init {
  private final String json;

  private Init(String json) {
    this.json = json;
  }

  private static Init of(String kind, String field, double value) {
    return new Init(Json.write(Map.of("kind", kind, field, value)));
  }

  public static Init zeros() {
    return new Init("");
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

  byte[] json() {
    return Text.bytes(json);
  }
}
