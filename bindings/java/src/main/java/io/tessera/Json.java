package io.tessera;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * JSON as the library writes it, to maps, lists, strings, numbers (Long or Double), booleans and
 * null, and back. Keeps this package without dependencies.
 */
final class Json {
  private static final int MOST_DEPTH = 200;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  static Object parse(String text) throws TesseraException {
    Json json = new Json(text);
    Object value = json.value(0);
    json.space();
    if (json.at != text.length()) {
      throw json.wrong("the end");
    }
    return value;
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> parseObject(String text) throws TesseraException {
    Object value = parse(text);
    if (!(value instanceof Map)) {
      throw new TesseraException(Code.INVALID_ARGUMENT, "JSON: expected an object, got " + value);
    }
    return (Map<String, Object>) value;
  }

  private TesseraException wrong(String expected) {
    String got = at < text.length() ? "'" + text.charAt(at) + "'" : "the end";
    return new TesseraException(Code.INVALID_ARGUMENT,
        "JSON, character " + at + ": expected " + expected + ", got " + got);
  }

  private void space() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      ++at;
    }
  }

  private boolean takes(char expected) {
    space();
    if (at < text.length() && text.charAt(at) == expected) {
      ++at;
      return true;
    }
    return false;
  }

  private void expect(char expected) throws TesseraException {
    if (!takes(expected)) {
      throw wrong("'" + expected + "'");
    }
  }

  private Object value(int depth) throws TesseraException {
    space();
    if (depth > MOST_DEPTH || at == text.length()) {
      throw wrong(depth > MOST_DEPTH ? "fewer levels" : "a value");
    }
    switch (text.charAt(at)) {
      case '{':
        return object(depth);
      case '[':
        return list(depth);
      case '"':
        return string();
      default:
        return word();
    }
  }

  private Map<String, Object> object(int depth) throws TesseraException {
    Map<String, Object> map = new LinkedHashMap<>();
    expect('{');
    if (takes('}')) {
      return map;
    }
    do {
      space();
      String name = string();
      expect(':');
      map.put(name, value(depth + 1));
    } while (takes(','));
    expect('}');
    return map;
  }

  private List<Object> list(int depth) throws TesseraException {
    List<Object> list = new ArrayList<>();
    expect('[');
    if (takes(']')) {
      return list;
    }
    do {
      list.add(value(depth + 1));
    } while (takes(','));
    expect(']');
    return list;
  }

  private String string() throws TesseraException {
    expect('"');
    StringBuilder out = new StringBuilder();
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '"') {
        return out.toString();
      }
      out.append(c == '\\' ? escaped() : c);
    }
    throw wrong("'\"'");
  }

  private char escaped() throws TesseraException {
    char c = at < text.length() ? text.charAt(at++) : 0;
    int plain = "\"\\/bfnrt".indexOf(c);
    if (plain >= 0) {
      return "\"\\/\b\f\n\r\t".charAt(plain);
    }
    if (c == 'u' && at + 4 <= text.length()) {
      try {
        at += 4;
        return (char) Integer.parseInt(text.substring(at - 4, at), 16);
      } catch (NumberFormatException error) {
        at -= 4;
      }
    }
    throw wrong("an escape");
  }

  private Object word() throws TesseraException {
    int from = at;
    while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
      ++at;
    }
    String word = text.substring(from, at);
    switch (word) {
      case "true":
        return true;
      case "false":
        return false;
      case "null":
        return null;
      default:
        try {
          boolean isWhole = word.chars().allMatch(c -> c == '-' || Character.isDigit(c));
          return isWhole ? (Object) Long.valueOf(word) : (Object) Double.valueOf(word);
        } catch (NumberFormatException error) {
          at = from;
          throw wrong("a value");
        }
    }
  }

  /** Maps, iterables, arrays of numbers, strings, numbers, booleans and null as JSON. */
  static String write(Object value) {
    StringBuilder out = new StringBuilder();
    append(out, value);
    return out.toString();
  }

  private static void append(StringBuilder out, Object value) {
    if (value instanceof Part) {
      append(out, ((Part) value).fields());
    } else if (value instanceof Map) {
      String comma = "{";
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        out.append(comma);
        quote(out, String.valueOf(entry.getKey()));
        out.append(": ");
        append(out, entry.getValue());
        comma = ", ";
      }
      out.append(comma.equals("{") ? "{}" : "}");
    } else if (value instanceof Iterable) {
      String comma = "[";
      for (Object item : (Iterable<?>) value) {
        out.append(comma);
        append(out, item);
        comma = ", ";
      }
      out.append(comma.equals("[") ? "[]" : "]");
    } else if (value == null || value instanceof Boolean) {
      out.append(value);
    } else if (value instanceof Number) {
      // Numbers that JSON lacks are texts to the library.
      double number = ((Number) value).doubleValue();
      boolean isUsual = !Double.isNaN(number) && !Double.isInfinite(number);
      out.append(isUsual ? value.toString()
          : Double.isNaN(number) ? "\"nan\"" : number > 0 ? "\"inf\"" : "\"-inf\"");
    } else {
      quote(out, value.toString());
    }
  }

  private static void quote(StringBuilder out, String text) {
    out.append('"');
    for (int i = 0; i < text.length(); ++i) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < 0x20) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}
