package io.tessera.samples.service;

import io.tessera.Code;
import io.tessera.Config;
import io.tessera.Runtime;
import io.tessera.TesseraException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/** All customers, made when they are first asked for. */
final class Customers {
  /** Names are parts of paths, so they are few letters. */
  private static final Pattern NAME = Pattern.compile("[a-z0-9-]{1,40}");

  private final Map<String, Customer> open = new ConcurrentHashMap<>();
  private final Runtime runtime;
  private final Path config;
  private final Path folder;

  Customers(Path config, Path folder) throws TesseraException {
    this.config = config;
    this.folder = folder;
    runtime = Runtime.create();
    Config.load(runtime, config).close(); // what is wrong with it is said now
  }

  Customer get(String name) throws TesseraException {
    if (!NAME.matcher(name).matches()) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          "name: expected 1 to 40 of a-z, 0-9 and -");
    }
    return open.computeIfAbsent(name,
        key -> new Customer(runtime, config, folder.resolve(key)));
  }

  /** Cancels all trainings and waits until they have saved. */
  void close() {
    open.values().forEach(Customer::cancel);
    open.values().forEach(Customer::close);
    runtime.close();
  }
}
