/* Configs through the C interface. What configs mean is tested in tests/config. */
#include "tests/capi/check.h"

static const char kJson[] =
    "{ // a model\n"
    " \"model\": {\"type\": \"LanguageModel\", \"vocab_size\": 256, \"model_dim\": 16,\n"
    " \"decoder\": {\"num_layers\": 2, \"layer\": {\"attention\": {\"num_heads\": 2},"
    " \"feed_forward\": {\"hidden_dim\": 32}}}},\n \"data\": {\"train\": \"some.txt\"},"
    " \"trainer\": {\"steps\": 6, \"batch_size\": 2, \"sequence_length\": 16,},}";

static void Get(const tsr_config* config, const char* path, const char* value) {
  char* text = NULL;
  size_t length = 0;
  if (!OK(tsr_config_get(config, path, strlen(path), &text, &length))) return;
  if (strcmp(text, value) != 0) Fail(path, 0, value, text);
  EXPECT(strlen(text) == length);
  tsr_text_free(text);
}

static void TestReadAndWrite(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kJson);
  tsr_config* again = NULL;
  char *text = NULL, *bytes = NULL, *other = NULL;
  size_t length = 0, size = 0;
  Get(config, "model.decoder.num_layers", "2");
  Get(config, "trainer.steps", "6");
  OK(tsr_config_to_json(config, &text, &length));
  HOLDS(text, "\"num_layers\": 2");
  EXPECT(strstr(text, "learning_rate") == NULL);
  OK(tsr_config_parse(runtime, text, length, NULL, 0, &again));
  OK(tsr_config_to_bytes(config, &bytes, &length));
  OK(tsr_config_to_bytes(again, &other, &size));
  EXPECT(length == size && memcmp(bytes, other, size) == 0);
  tsr_config_free(again);
  OK(tsr_config_from_bytes(runtime, bytes, length, &again));
  tsr_text_free(other);
  OK(tsr_config_to_json(again, &other, &size));
  EXPECT(strcmp(text, other) == 0);
  tsr_text_free(text);
  tsr_text_free(bytes);
  tsr_text_free(other);
  tsr_config_free(again);
  tsr_config_free(config);
}

static void TestSetCopyDiff(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kJson);
  tsr_config* copy = NULL;
  char* text = NULL;
  size_t length = 0;
  OK(tsr_config_copy(config, &copy));
  OK(tsr_config_diff(config, copy, &text, &length));
  EXPECT(length == 0 && text[0] == 0);
  tsr_text_free(text);
  Set(copy, "trainer.steps", "7");
  Set(copy, "model.decoder.position", "LearnedPosition");
  Set(copy, "data.train", "\"quoted.txt\"");
  Get(copy, "trainer.steps", "7");
  Get(config, "trainer.steps", "6");
  OK(tsr_config_diff(config, copy, &text, &length));
  HOLDS(text, "trainer.steps: 6 -> 7\n");
  tsr_text_free(text);
  FAILS(tsr_config_set(copy, "trainer.step", 12, "7", 1), TSR_INVALID_ARGUMENT,
        "did you mean 'steps'");
  FAILS(tsr_config_set(copy, "trainer.steps", 13, "\"many\"", 6), TSR_INVALID_ARGUMENT, "expected");
  Get(copy, "trainer.steps", "7");
  FAILS(tsr_config_set(copy, "", 0, "7", 1), TSR_INVALID_ARGUMENT, "path: expected some text");
  FAILS(tsr_config_set(copy, NULL, 4, "7", 1), TSR_INVALID_ARGUMENT, "path");
  FAILS(tsr_config_set(copy, "trainer.steps", 13, NULL, 2), TSR_INVALID_ARGUMENT, "value");
  FAILS(tsr_config_set(copy, "trainer.steps", 13, "\xff", 1), TSR_INVALID_ARGUMENT, "UTF-8");
  FAILS(tsr_config_get(copy, "trainer.stepz", 13, &text, &length), TSR_NOT_FOUND, "steps");
  FAILS(tsr_config_get(copy, "trainer.steps", 13, NULL, &length), TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_config_copy(config, NULL), TSR_INVALID_ARGUMENT, "out_config");
  FAILS(tsr_config_diff(config, NULL, &text, &length), TSR_INVALID_ARGUMENT,
        "b: expected a config");
  FAILS(tsr_config_diff(config, copy, &text, NULL), TSR_INVALID_ARGUMENT, "out_len");
  FAILS(tsr_config_to_json(config, NULL, &length), TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_config_to_bytes(config, &text, NULL), TSR_INVALID_ARGUMENT, "out_len");
  tsr_config_free(copy);
  tsr_config_free(config);
  tsr_config_free(NULL);
}

static void TestResolve(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kJson);
  tsr_config* empty = ParseConfig(runtime, "{\"model\": {\"vocab_size\": 10}}");
  char* text = NULL;
  size_t length = 0;
  tsr_status* status;
  OK(tsr_config_resolve(config, 1, &text, &length));
  HOLDS(text, "\"origins\"");
  HOLDS(text, "test.json:3:");
  tsr_text_free(text);
  OK(tsr_config_resolve(config, 0, &text, &length));
  HOLDS(text, "// default");
  tsr_text_free(text);
  status = tsr_config_resolve(empty, 1, &text, &length);
  EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT);
  HOLDS(tsr_status_message(status), "model_dim");
  HOLDS(tsr_status_payload(status), "data.train");
  tsr_status_free(status);
  FAILS(tsr_config_resolve(config, 0, NULL, NULL), TSR_INVALID_ARGUMENT, "out_text");
  tsr_config_free(empty);
  tsr_config_free(config);
}

static void TestWrongInput(tsr_runtime* runtime) {
  char folder[64], path[128], noise[512];
  tsr_config* config = NULL;
  tsr_status* status;
  FILE* file;
  size_t i;
  NewFolder(folder, sizeof(folder));
  snprintf(path, sizeof(path), "%s/a.json", folder);
  FAILS(tsr_config_parse(runtime, NULL, 5, "x", 1, &config), TSR_INVALID_ARGUMENT, "text");
  FAILS(tsr_config_parse(runtime, "{}", 2, NULL, 1, &config), TSR_INVALID_ARGUMENT, "name");
  FAILS(tsr_config_parse(runtime, "{}", 2, "x", 1, NULL), TSR_INVALID_ARGUMENT, "out_config");
  FAILS(tsr_config_parse(runtime, "{", 1, "x", 1, &config), TSR_INVALID_ARGUMENT, "x:1:");
  FAILS(tsr_config_parse(runtime, "{\"a\xff\": 1}", 9, "x", 1, &config), TSR_INVALID_ARGUMENT,
        "UTF-8");
  FAILS(tsr_config_parse(runtime, NULL, 0, "x", 1, &config), TSR_INVALID_ARGUMENT, "x");
  status = tsr_config_load(runtime, path, strlen(path), &config);
  EXPECT(tsr_status_code(status) == TSR_NOT_FOUND);
  EXPECT(strcmp(tsr_status_file(status), path) == 0);
  tsr_status_free(status);
  FAILS(tsr_config_load(runtime, "a\0b", 3, &config), TSR_INVALID_ARGUMENT, "byte 0");
  FAILS(tsr_config_load(runtime, "", 0, &config), TSR_INVALID_ARGUMENT, "path: expected a path");
  FAILS(tsr_config_load(runtime, path, strlen(path), NULL), TSR_INVALID_ARGUMENT, "out_config");
  file = fopen(path, "wb");
  if (file != NULL) {
    fwrite(kJson, 1, strlen(kJson), file);
    fclose(file);
  }
  OK(tsr_config_load(runtime, path, strlen(path), &config));
  Get(config, "trainer.batch_size", "2");
  tsr_config_free(config);
  for (i = 0; i < sizeof(noise); ++i) noise[i] = (char)(i * 131 + 7);
  config = NULL;
  FAILS(tsr_config_from_bytes(runtime, noise, sizeof(noise), &config), TSR_INVALID_ARGUMENT, "");
  FAILS(tsr_config_from_bytes(runtime, NULL, 0, &config), TSR_INVALID_ARGUMENT, "");
  FAILS(tsr_config_from_bytes(runtime, NULL, 9, &config), TSR_INVALID_ARGUMENT, "bytes");
  FAILS(tsr_config_from_bytes(runtime, noise, 9, NULL), TSR_INVALID_ARGUMENT, "out_config");
  EXPECT(config == NULL);
  RemoveFolder(folder);
}

static void* ReadMany(void* config) {
  int i;
  for (i = 0; i < 200; ++i) {
    char* text = NULL;
    size_t length = 0;
    if (OK(tsr_config_to_json((const tsr_config*)config, &text, &length))) tsr_text_free(text);
  }
  return NULL;
}

/* Readers while a writer writes: each sees the config as it was before or after. */
static void TestThreads(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kJson);
  pthread_t threads[2];
  char value[16];
  int i;
  for (i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, ReadMany, config);
  for (i = 1; i < 200; ++i) {
    snprintf(value, sizeof(value), "%d", i);
    Set(config, "trainer.steps", value);
  }
  for (i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  tsr_config_free(config);
}

static tsr_status* Modify(tsr_config* config, const char* modifier, char** report) {
  size_t length = 0;
  return tsr_config_modify(config, modifier, strlen(modifier), "m.json", 6, report,
                           report == NULL ? NULL : &length);
}

static void TestModify(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kJson);
  tsr_status* status = NULL;
  char *report = NULL, *once = NULL, *twice = NULL;
  size_t size = 0, again = 0;
  OK(Modify(config, "{\"replace\": \"any position\", \"with\": \"LearnedPosition\"}", &report));
  HOLDS(report, "\"places\": [\"model.decoder.position\"]");
  tsr_text_free(report);
  report = NULL;
  Get(config, "model.decoder.position.type", "\"LearnedPosition\"");
  OK(tsr_config_to_bytes(config, &once, &size));
  OK(Modify(config, "{\"replace\": \"any position\", \"with\": \"LearnedPosition\"}", NULL));
  OK(tsr_config_to_bytes(config, &twice, &again));
  EXPECT(size == again && memcmp(once, twice, size) == 0);
  tsr_text_free(twice);

  status = Modify(config, "{\n\"set\": {\"num_head\": 3}, \"in\": \"Attention\"}", &report);
  EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT && report == NULL);
  EXPECT(tsr_status_line(status) == 2 && strcmp(tsr_status_file(status), "m.json") == 0);
  HOLDS(tsr_status_message(status), "did you mean 'num_heads'?");
  HOLDS(tsr_status_payload(status), "\"modifier\": \"modifier 1 (set Attention)\"");
  tsr_status_free(status);
  OK(tsr_config_to_bytes(config, &twice, &again));
  EXPECT(size == again && memcmp(once, twice, size) == 0);
  tsr_text_free(once);
  tsr_text_free(twice);
  status = tsr_config_modify(config, "{", 1, NULL, 0, &report, NULL);
  EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT);
  tsr_status_free(status);
  tsr_config_free(config);
}

static void TestHardware(void) {
  const char options[] = "{\"hardware\": {\"memory_gib\": 80, \"mesh\": \"big\"}}";
  const char rule[] = "{\"when\": {\"mesh\": \"big\", \"ranks\": 1, \"memory_gib\": {\"ge\": 40}},"
                      " \"then\": {\"set\": {\"trainer.batch_size\": 64}}}";
  tsr_runtime* runtime = NULL;
  tsr_config* config = NULL;
  OK(tsr_runtime_new(options, sizeof(options) - 1, &runtime));
  config = ParseConfig(runtime, kJson);
  OK(Modify(config, rule, NULL));
  Get(config, "trainer.batch_size", "64");
  tsr_config_free(config);
  tsr_runtime_free(runtime);
  runtime = NULL;
  tsr_status* status = tsr_runtime_new("{\"hardware\": {\"memory\": 1}}", 27, &runtime);
  EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT && runtime == NULL);
  HOLDS(tsr_status_message(status), "memory_gib");
  tsr_status_free(status);
}

static void TestJsonSchema(tsr_runtime* runtime) {
  char* text = NULL;
  size_t length = 0;
  OK(tsr_runtime_json_schema(runtime, &text, &length));
  EXPECT(text != NULL && strlen(text) == length);
  HOLDS(text, "\"type.Attention\"");
  HOLDS(text, "https://json-schema.org/draft/2020-12/schema");
  tsr_text_free(text);
}

int main(void) {
  tsr_runtime* runtime = NewRuntime();
  TestReadAndWrite(runtime);
  TestSetCopyDiff(runtime);
  TestResolve(runtime);
  TestWrongInput(runtime);
  TestModify(runtime);
  TestHardware();
  TestJsonSchema(runtime);
  TestThreads(runtime);
  tsr_runtime_free(runtime);
  return Result("config_test");
}
