package io.tessera;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Predicate;

/**
 * Text from a trained model. One thread at a time uses it; a second one gets FAILED_PRECONDITION.
 */
public final class Generator extends NativeHandle {
  Generator(long handle) {
    super(handle, Raw::tsr_generator_free);
  }

  /** How to sample. */
  public static final class Settings extends Options<Settings> {
    public Settings maxTokens(long count) {
      return with("max_tokens", count);
    }

    /** 0 takes the likeliest token. */
    public Settings temperature(double temperature) {
      return with("temperature", temperature);
    }

    /** Samples among the {@code count} likeliest tokens; 0 for all. */
    public Settings topK(long count) {
      return with("top_k", count);
    }

    /** Samples among the likeliest tokens that together have this probability. */
    public Settings topP(double probability) {
      return with("top_p", probability);
    }

    public Settings seed(long seed) {
      return with("seed", seed);
    }
  }

  /** From a checkpoint, or the newest complete one in a folder of them. */
  public static Generator fromCheckpoint(Runtime runtime, Path path) throws TesseraException {
    return fromCheckpoint(runtime, path, "");
  }

  /** As above, computing in {@code fp32}, {@code bf16} or {@code fp64}. */
  public static Generator fromCheckpoint(Runtime runtime, Path path, String dtype)
      throws TesseraException {
    byte[] bytes = Text.bytes(path.toString());
    byte[] options = Text.bytes("{\"dtype\": \"" + dtype + "\"}");
    return new Generator(runtime.use(handle -> make(
        out -> Raw.tsr_generator_from_checkpoint(handle, bytes, options, out))));
  }

  /** Continues {@code prompt}. What is no UTF-8 (a model of bytes) is replaced by U+FFFD. */
  public String generate(String prompt, Settings settings) throws TesseraException {
    return Text.of(generateBytes(prompt, settings, null));
  }

  /**
   * As above, giving each piece of whole characters as it is there; false stops. What {@code sink}
   * throws stops too, and is thrown from here.
   */
  public String generate(String prompt, Settings settings, Predicate<String> sink)
      throws TesseraException {
    Pieces pieces = new Pieces();
    byte[] bytes = generateBytes(prompt, settings, piece -> {
      String text = pieces.push(piece, false);
      return text.isEmpty() || sink.test(text);
    });
    String rest = pieces.push(new byte[0], true);
    if (!rest.isEmpty()) {
      sink.test(rest);
    }
    return Text.of(bytes);
  }

  /** The bytes of the continuation, and of each token as it is there; {@code sink} may be null. */
  public byte[] generateBytes(String prompt, Settings settings, Predicate<byte[]> sink)
      throws TesseraException {
    Stream stream = sink == null ? null : new Stream(sink);
    byte[] bytes = use(handle -> Text.bytesOf(out -> Raw.tsr_generator_generate(
        handle, Text.bytes(prompt), settings.json(), stream, out)));
    if (stream != null && stream.thrown != null) {
      Stream.<RuntimeException>throwAsItIs(stream.thrown);
    }
    return bytes;
  }

  /** What Callbacks gives the pieces to. */
  static final class Stream {
    private final Predicate<byte[]> sink;
    private Throwable thrown;

    Stream(Predicate<byte[]> sink) {
      this.sink = sink;
    }

    boolean accept(byte[] bytes) {
      try {
        return sink.test(bytes);
      } catch (Throwable error) {
        thrown = error;
        return false;
      }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void throwAsItIs(Throwable error) throws T {
      throw (T) error;
    }
  }

  /** Cuts a stream of bytes at the ends of characters. */
  static final class Pieces {
    private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
        .onMalformedInput(CodingErrorAction.REPLACE)
        .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private ByteBuffer pending = ByteBuffer.allocate(0);

    String push(byte[] bytes, boolean isEnd) {
      ByteBuffer in = ByteBuffer.allocate(pending.remaining() + bytes.length);
      in.put(pending).put(bytes).flip();
      CharBuffer out = CharBuffer.allocate(in.remaining() + 2);
      decoder.decode(in, out, isEnd);
      if (isEnd) {
        decoder.flush(out);
      }
      pending = in;
      return out.flip().toString();
    }
  }
}
