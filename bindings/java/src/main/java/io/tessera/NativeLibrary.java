package io.tessera;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/**
 * Loads the native libraries, once: from the folder in the system property
 * {@code io.tessera.library.path}; or from the natives jar on the class path, written to
 * {@code CACHE/tessera/VERSION-HASH} where CACHE is the property {@code io.tessera.cache}, else
 * {@code ~/.cache}. A process finds what another has written there. The error lists what was tried.
 */
final class NativeLibrary {
  static final String VERSION = "0.1.0";
  private static final String CORE = "libtessera.so.0";
  private static final String GLUE = "libtesserajni.so";

  private NativeLibrary() {}

  /** Called when the raw layer is first used. */
  static void load() {
    List<String> tried = new ArrayList<>();
    String folder = System.getProperty("io.tessera.library.path");
    if (folder != null) {
      // Whoever names a folder means that one: no other is taken in its place.
      if (loadFrom(Path.of(folder).toAbsolutePath(), tried)) {
        return;
      }
    } else if (loadFromJar(tried)) {
      return;
    }
    throw new UnsatisfiedLinkError("the native library of Tessera was not found:\n  "
        + String.join("\n  ", tried) + "\nput the natives jar (classifier " + platform()
        + ") on the class path, or set -Dio.tessera.library.path to the folder that holds " + CORE
        + " and " + GLUE);
  }

  private static boolean loadFrom(Path folder, List<String> tried) {
    try {
      // The glue needs the core, which by then is loaded under its name.
      System.load(folder.resolve(CORE).toString());
      System.load(folder.resolve(GLUE).toString());
      return true;
    } catch (UnsatisfiedLinkError error) {
      tried.add(folder + ": " + error.getMessage());
      return false;
    }
  }

  private static boolean loadFromJar(List<String> tried) {
    String base = "/io/tessera/natives/" + platform() + "/";
    try (InputStream core = NativeLibrary.class.getResourceAsStream(base + CORE);
        InputStream glue = NativeLibrary.class.getResourceAsStream(base + GLUE)) {
      if (core == null || glue == null) {
        tried.add("class path: no " + base + (core == null ? CORE : GLUE));
        return false;
      }
      return loadFrom(extract(core.readAllBytes(), glue.readAllBytes()), tried);
    } catch (IOException error) {
      tried.add(base + ": " + error);
      return false;
    }
  }

  private static Path extract(byte[] core, byte[] glue) throws IOException {
    String cache = System.getProperty("io.tessera.cache");
    Path root = cache != null ? Path.of(cache) : Path.of(System.getProperty("user.home"), ".cache");
    Path folder = root.resolve("tessera").resolve(VERSION + "-" + hash(core, glue));
    Files.createDirectories(folder);
    write(folder.resolve(CORE), core);
    write(folder.resolve(GLUE), glue);
    return folder.toAbsolutePath();
  }

  /** Complete or not at all, also when several processes do so at once. */
  private static void write(Path path, byte[] bytes) throws IOException {
    if (Files.exists(path) && Files.size(path) == bytes.length) {
      return;
    }
    Path partial = Files.createTempFile(path.getParent(), path.getFileName() + ".", ".partial");
    try {
      Files.write(partial, bytes);
      try {
        Files.move(partial, path, StandardCopyOption.ATOMIC_MOVE);
      } catch (AtomicMoveNotSupportedException error) {
        Files.move(partial, path, StandardCopyOption.REPLACE_EXISTING);
      }
    } finally {
      Files.deleteIfExists(partial);
    }
  }

  private static String hash(byte[]... parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (byte[] part : parts) {
        digest.update(part);
      }
      return HexFormat.of().formatHex(digest.digest()).substring(0, 16);
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException("every Java has SHA-256", error);
    }
  }

  static String platform() {
    String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    String machine = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    return (system.startsWith("mac") ? "osx" : system.startsWith("win") ? "windows" : system) + "-"
        + (machine.equals("amd64") ? "x86_64" : machine);
  }
}
