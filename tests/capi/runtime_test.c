/* Runtimes through the C interface: options, descriptions, the catalogue, two at a time. */
#include "tests/capi/check.h"

static void Refused(const char* options, const char* text) {
  tsr_runtime* runtime = NULL;
  FAILS(tsr_runtime_new(options, strlen(options), &runtime), TSR_INVALID_ARGUMENT, text);
  EXPECT(runtime == NULL);
}

static void TestOptions(void) {
  tsr_runtime* runtime = NULL;
  char* text = NULL;
  size_t length = 0;
  OK(tsr_runtime_new(NULL, 0, &runtime));
  OK(tsr_runtime_describe(runtime, &text, &length));
  EXPECT(length == strlen(text));
  HOLDS(text, "\"world_size\": 1");
  HOLDS(text, "\"isa_reason\": \"the best of this machine\"");
  tsr_text_free(text);
  tsr_runtime_free(runtime);

  runtime = NewRuntimeWith(
      "// all of them\n{\"threads\": 3, \"spin_us\": 1, \"isa\": \"baseline\", \"checked\": true,"
      " \"memory_limit_bytes\": 1000000, \"rank\": 0, \"world_size\": 1, \"master_addr\": \"\","
      " \"master_port\": 0, \"timeout_s\": 1.5,}");
  OK(tsr_runtime_describe(runtime, &text, &length));
  HOLDS(text, "\"threads\": 3");
  HOLDS(text, "\"isa\": \"baseline\"");
  HOLDS(text, "\"memory_limit_bytes\": 1000000");
  HOLDS(text, "\"checked\": true");
  HOLDS(text, "\"broken\": \"\"");
  HOLDS(text, "\"name\": \"null\", \"usable\": false, \"refusal\": \"the null backend");
  tsr_text_free(text);
  tsr_runtime_free(runtime);
}

static void TestWrongOptions(void) {
  tsr_runtime* runtime = NULL;
  Refused("{\"thread\": 2}", "options:1:2: thread: expected one of the keys threads, spin_us");
  Refused("{\"thread\": 2}", "(did you mean 'threads'?)");
  Refused("{\"threads\": -1}", "threads: expected an integer from 0 to 1024, got -1");
  Refused("{\"threads\": 1.5}", "expected an integer");
  Refused("{\"threads\": \"two\"}", "got the text 'two'");
  Refused("{\"threads\": 99999999999999999999}", "expected an integer");
  Refused("{\"threads\": 1, \"threads\": 2}", "each key once");
  Refused("{\"checked\": 1}", "checked: expected true or false, got 1");
  Refused("{\"isa\": \"avx5120\"}", "did you mean 'avx512'");
  Refused("{\"isa\": null}", "isa: expected one of");
  Refused("{\"timeout_s\": 0}", "timeout_s: expected a number from 0.001");
  Refused("{\"timeout_s\": NaN}", "expected");
  Refused("{\"rank\": 1}", "rank: expected a rank below world_size 1, got 1");
  Refused("{\"world_size\": 2}", "master_port: expected the port of rank 0");
  Refused("{\"master_port\": 65536, \"memory_limit_bytes\": -1}", "memory_limit_bytes: expected");
  Refused("[1]", "expected a JSON object, got a list");
  Refused("{\"threads\": 1", "expected");
  Refused("nonsense", "expected");
  Refused("{\"\xff\": 1}", "expected UTF-8 text");
  FAILS(tsr_runtime_new(NULL, 3, &runtime), TSR_INVALID_ARGUMENT, "options: expected 3 bytes");
  FAILS(tsr_runtime_new("{}", (size_t)-1, &runtime), TSR_INVALID_ARGUMENT, "options: expected a");
  FAILS(tsr_runtime_new("{}", 2, NULL), TSR_INVALID_ARGUMENT, "out_runtime");
}

/* Each instruction set is what the runtime then uses, or refused with what the machine has. */
static void TestInstructionSets(void) {
  static const char* const names[6] = {"reference", "baseline",    "avx2",
                                       "avx512",    "avx512_bf16", "amx"};
  int i, is_refused = 0;
  for (i = 0; i < 6; ++i) {
    char options[64], *text = NULL;
    size_t length = 0;
    tsr_runtime* runtime = NULL;
    tsr_status* status;
    snprintf(options, sizeof(options), "{\"threads\": 1, \"isa\": \"%s\"}", names[i]);
    status = tsr_runtime_new(options, strlen(options), &runtime);
    if (status != NULL) {
      EXPECT(i >= 2 && tsr_status_code(status) == TSR_FAILED_PRECONDITION);
      EXPECT(strcmp(tsr_status_path(status), "isa") == 0);
      HOLDS(tsr_status_message(status), "which is what this machine has");
      tsr_status_free(status);
      is_refused = 1;
      continue;
    }
    EXPECT(!is_refused); /* what a machine has holds what is below it */
    OK(tsr_runtime_describe(runtime, &text, &length));
    snprintf(options, sizeof(options), "\"isa\": \"%s\"", names[i]);
    HOLDS(text, options);
    HOLDS(text, "asked for by the option isa");
    tsr_text_free(text);
    tsr_runtime_free(runtime);
  }
}

/* Nobody else comes: an error in the given time, not a wait for ever. */
static void TestAloneInAGroup(void) {
  static const char options[] =
      "{\"rank\": 1, \"world_size\": 2, \"master_addr\": \"127.0.0.1\", \"master_port\": 9,"
      " \"timeout_s\": 0.3}";
  tsr_runtime* runtime = NULL;
  tsr_status* status = tsr_runtime_new(options, strlen(options), &runtime);
  EXPECT(runtime == NULL);
  EXPECT(tsr_status_code(status) == TSR_UNAVAILABLE);
  EXPECT(tsr_status_retryable(status) == 1);
  HOLDS(tsr_status_message(status), "rank 0");
  EXPECT(tsr_status_rank(status) == 0);
  tsr_status_free(status);
}

static void List(tsr_runtime* runtime, const char* kind, const char* part) {
  char* text = NULL;
  size_t length = 0;
  if (!OK(tsr_runtime_list(runtime, kind, strlen(kind), &text, &length))) return;
  HOLDS(text, part);
  EXPECT(text[0] == (strcmp(kind, "all") == 0 ? '{' : '['));
  tsr_text_free(text);
}

static void TestCatalogue(void) {
  tsr_runtime* runtime = NewRuntime();
  char* text = NULL;
  size_t length = 0;
  List(runtime, "modules", "\"type\": \"TransformerLayer\"");
  List(runtime, "ops", "\"op\": \"matmul\"");
  List(runtime, "optimizers", "\"type\": \"AdamW\"");
  List(runtime, "schedules", "\"type\": \"Cosine\"");
  List(runtime, "kernels", "\"op\": \"rms_norm\"");
  List(runtime, "data", "\"name\": \"ByteTokenizer\"");
  List(runtime, "norm", "\"type\": \"RmsNorm\"");
  List(runtime, "positions", "\"type\": \"RotaryPosition\"");
  List(runtime, "all", "\"optimizers\": [");
  FAILS(tsr_runtime_list(runtime, "module", 6, &text, &length), TSR_NOT_FOUND,
        "did you mean 'modules'");
  FAILS(tsr_runtime_list(runtime, "", 0, &text, &length), TSR_INVALID_ARGUMENT, "kind: expected");
  FAILS(tsr_runtime_list(runtime, "ops", 3, NULL, &length), TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_runtime_list(runtime, NULL, 3, &text, &length), TSR_INVALID_ARGUMENT, "kind");

  OK(tsr_runtime_describe_type(runtime, "Attention", 9, &text, &length));
  HOLDS(text, "num_heads");
  tsr_text_free(text);
  OK(tsr_runtime_describe_type(runtime, "rms_norm", 8, &text, &length));
  HOLDS(text, "\"op\":");
  HOLDS(text, "epsilon");
  HOLDS(text, "\"kernels\": [");
  tsr_text_free(text);
  text = NULL;
  FAILS(tsr_runtime_describe_type(runtime, "Atention", 8, &text, &length), TSR_NOT_FOUND,
        "did you mean 'Attention'");
  FAILS(tsr_runtime_describe_type(runtime, "mat_mul", 7, &text, &length), TSR_NOT_FOUND,
        "did you mean 'matmul'");
  FAILS(tsr_runtime_describe_type(runtime, "a\xc3", 2, &text, &length), TSR_INVALID_ARGUMENT,
        "UTF-8");
  FAILS(tsr_runtime_describe_type(runtime, "Attention", 9, &text, NULL), TSR_INVALID_ARGUMENT,
        "out_len");
  FAILS(tsr_runtime_describe(runtime, NULL, NULL), TSR_INVALID_ARGUMENT, "out_text");
  EXPECT(text == NULL);
  tsr_runtime_free(runtime);
}

/* A child keeps its runtime alive, and two runtimes are two. */
static void TestTwoRuntimes(void) {
  tsr_runtime* first =
      NewRuntimeWith("{\"threads\": 1, \"isa\": \"reference\", \"checked\": true}");
  tsr_runtime* second = NewRuntimeWith("{\"threads\": 2, \"checked\": true}");
  tsr_config* config = ParseConfig(first, "{\"trainer\": {\"steps\": 3}}");
  char* text = NULL;
  size_t length = 0;
  tsr_runtime_free(first);
  OK(tsr_runtime_describe(second, &text, &length));
  HOLDS(text, "\"threads\": 2");
  tsr_text_free(text);
  OK(tsr_config_get(config, "trainer.steps", 13, &text, &length));
  EXPECT(strcmp(text, "3") == 0);
  tsr_text_free(text);
  FAILS(tsr_runtime_describe(first, &text, &length), TSR_INVALID_ARGUMENT, "that was freed");
  tsr_config_free(config);
  tsr_runtime_free(second);
  tsr_runtime_free(NULL);
}

static void* MakeAndFree(void* kind) {
  int i;
  for (i = 0; i < 20; ++i) {
    tsr_runtime* runtime = NewRuntime();
    List(runtime, (const char*)kind, "[");
    tsr_runtime_free(runtime);
  }
  return NULL;
}

static void TestManyThreads(void) {
  pthread_t threads[4];
  static const char* const kinds[4] = {"ops", "optimizers", "schedules", "data"};
  int i;
  for (i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, MakeAndFree, (void*)kinds[i]);
  for (i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
}

int main(void) {
  TestOptions();
  TestWrongOptions();
  TestInstructionSets();
  TestAloneInAGroup();
  TestCatalogue();
  TestTwoRuntimes();
  TestManyThreads();
  return Result("runtime_test");
}
