package io.tessera.samples.service;

import io.javalin.Javalin;
import io.javalin.http.BadRequestResponse;
import io.javalin.http.Context;
import io.javalin.http.sse.SseClient;
import io.tessera.Code;
import io.tessera.Generator;
import io.tessera.TesseraException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/**
 * An HTTP service that trains and serves a small model per customer: Main CONFIG FOLDER [HOST:PORT].
 *
 * <p>PUT /models/NAME/text stores the text that the model learns from; POST and DELETE
 * /models/NAME/train begin and cancel a training; GET /models/NAME/events are its steps, as
 * server-sent events; POST /models/NAME/generate gives text, or 429 when too many wait; GET
 * /models/NAME is step, whether it trains, and the last error.
 */
public final class Main {
  private static final long LARGEST_TEXT_BYTES = 64 << 20;
  private static final long MOST_TOKENS = 4096;

  private final Customers customers;

  private Main(Customers customers) {
    this.customers = customers;
  }

  /** The body of POST train. */
  record Training(long steps, Map<String, Object> set) {}

  /** The body of POST generate. */
  record Generation(String prompt, Long max_tokens, Double temperature, Long seed) {}

  public static void main(String[] arguments) throws TesseraException {
    if (arguments.length < 2 || arguments.length > 3) {
      System.err.println("usage: Main CONFIG FOLDER [HOST:PORT]");
      System.exit(2);
    }
    String[] address = (arguments.length == 3 ? arguments[2] : "127.0.0.1:8080").split(":");
    Customers customers = new Customers(Path.of(arguments[0]), Path.of(arguments[1]));
    Javalin app = new Main(customers).routes();
    // Stopped: trainings finish their step and save.
    java.lang.Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      app.stop();
      customers.close();
      java.lang.Runtime.getRuntime().halt(0);
    }));
    app.start(address[0], Integer.parseInt(address[1]));
    System.out.println("listening on http://" + address[0] + ":" + app.port());
  }

  private Javalin routes() {
    return Javalin.create(config -> {
      config.http.maxRequestSize = LARGEST_TEXT_BYTES;
      config.showJavalinBanner = false;
    })
        .get("/models/{name}", context -> context.json(customer(context).describe()))
        .put("/models/{name}/text", context -> {
          customer(context).putText(context.bodyAsBytes());
          context.status(204);
        })
        .post("/models/{name}/train", this::train)
        .delete("/models/{name}/train", context -> {
          customer(context).cancel();
          context.status(202);
        })
        .sse("/models/{name}/events", this::events)
        .post("/models/{name}/generate", this::generate)
        .exception(TesseraException.class, Main::failed);
  }

  private Customer customer(Context context) throws TesseraException {
    return customers.get(context.pathParam("name"));
  }

  private static <T> T body(Context context, Class<T> type) {
    try {
      return context.bodyAsClass(type);
    } catch (Exception wrong) { // of Jackson, through Kotlin, which declares none
      throw new BadRequestResponse(String.valueOf(wrong.getMessage()));
    }
  }

  private void train(Context context) throws TesseraException {
    Training request = body(context, Training.class);
    if (request.steps() < 1) {
      throw new TesseraException(Code.INVALID_ARGUMENT,
          "steps: expected at least 1, got " + request.steps());
    }
    customer(context).train(request.steps(), request.set() == null ? Map.of() : request.set());
    context.status(202);
  }

  private void events(SseClient client) {
    try {
      Customer customer = customer(client.ctx());
      Consumer<String> listener = client::sendEvent;
      client.keepAlive();
      client.onClose(() -> customer.unlisten(listener));
      customer.listen(listener);
    } catch (TesseraException error) {
      failed(error, client.ctx());
    }
  }

  private void generate(Context context) throws TesseraException {
    Generation request = body(context, Generation.class);
    if (request.prompt() == null || request.max_tokens() == null) {
      throw new BadRequestResponse("expected prompt and max_tokens");
    }
    Generator.Settings settings =
        new Generator.Settings().maxTokens(Math.min(request.max_tokens(), MOST_TOKENS));
    if (request.temperature() != null) {
      settings.temperature(request.temperature());
    }
    if (request.seed() != null) {
      settings.seed(request.seed());
    }
    Answer answer = new Answer(context);
    CompletableFuture<String> text =
        customer(context).generate(request.prompt(), settings, answer::isWanted);
    context.future(() -> text
        .thenAccept(answer::end)
        .exceptionally(thrown -> {
          Throwable cause = thrown.getCause() == null ? thrown : thrown.getCause();
          failed(cause instanceof TesseraException ? (TesseraException) cause
              : new TesseraException(Code.UNKNOWN, String.valueOf(cause)), context);
          return null;
        }));
  }

  /**
   * The response of a generation. A servlet container tells of a client that has hung up only when
   * one writes, so there is a space now and then before the JSON, which may begin with spaces.
   */
  private static final class Answer {
    private static final int TOKENS_A_SPACE = 4;

    private final Context context;
    private int asked;

    Answer(Context context) {
      this.context = context;
    }

    boolean isWanted() {
      return asked++ % TOKENS_A_SPACE != 0 || write(" ");
    }

    void end(String text) {
      write(context.jsonMapper().toJsonString(Map.of("text", text), Map.class));
    }

    private boolean write(String text) {
      try {
        context.contentType("application/json").res().getOutputStream()
            .write(text.getBytes(StandardCharsets.UTF_8));
        context.res().flushBuffer();
        return true;
      } catch (IOException hungUp) {
        return false;
      }
    }
  }

  /** An error of the library as a response: its code, path and line as they are. */
  private static void failed(TesseraException error, Context context) {
    int status = switch (error.code()) {
      case INVALID_ARGUMENT, OUT_OF_RANGE -> 400;
      case NOT_FOUND -> 404;
      case FAILED_PRECONDITION, ALREADY_EXISTS -> 409;
      case UNAVAILABLE -> 429;
      default -> 500;
    };
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("error", error.getMessage());
    body.put("code", error.code().name());
    body.put("path", error.path().orElse(null));
    body.put("line", error.line().isPresent() ? error.line().getAsInt() : null);
    context.status(status).json(body);
  }
}
