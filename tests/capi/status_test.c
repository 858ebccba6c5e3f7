/* Version, build information, text and statuses through the C interface. */
#include "tests/capi/check.h"

static void TestVersion(void) {
  char* text = NULL;
  size_t length = 0;
  EXPECT(tsr_version() ==
         (TSR_VERSION_MAJOR << 16 | TSR_VERSION_MINOR << 8 | TSR_VERSION_PATCH));
  OK(tsr_build_info(&text, &length));
  EXPECT(text != NULL && strlen(text) == length);
  HOLDS(text, "\"version\": \"0.1.0\"");
  HOLDS(text, "\"compiler\"");
  HOLDS(text, "\"instruction_sets\"");
  HOLDS(text, "\"sanitizer\"");
  tsr_text_free(text);
  tsr_text_free(NULL);
  text = (char*)"untouched";
  FAILS(tsr_build_info(NULL, &length), TSR_INVALID_ARGUMENT, "out_text: expected a pointer");
  FAILS(tsr_build_info(&text, NULL), TSR_INVALID_ARGUMENT, "out_len: expected a pointer");
  EXPECT(strcmp(text, "untouched") == 0);
}

static void TestOwnStatus(void) {
  tsr_status* status = tsr_status_new(TSR_UNAVAILABLE, "the disk is away", 16);
  EXPECT(status != NULL);
  EXPECT(tsr_status_code(status) == TSR_UNAVAILABLE);
  EXPECT(strcmp(tsr_status_message(status), "the disk is away") == 0);
  EXPECT(tsr_status_retryable(status) == 1);
  EXPECT(strcmp(tsr_status_path(status), "") == 0);
  EXPECT(strcmp(tsr_status_file(status), "") == 0);
  EXPECT(tsr_status_line(status) == 0);
  EXPECT(tsr_status_rank(status) == -1);
  EXPECT(strcmp(tsr_status_payload(status), "{}") == 0);
  tsr_status_free(status);

  status = tsr_status_new(TSR_ABORTED, NULL, 0);
  EXPECT(strcmp(tsr_status_message(status), "") == 0);
  EXPECT(tsr_status_retryable(status) == 1);
  tsr_status_free(status);
  status = tsr_status_new(TSR_DATA_LOSS, "half of it is taken", 4);
  EXPECT(strcmp(tsr_status_message(status), "half") == 0);
  EXPECT(tsr_status_retryable(status) == 0);
  tsr_status_free(status);
}

static void TestWrongStatus(void) {
  /* A code that is none is still an error, never success. */
  tsr_status* status = tsr_status_new(TSR_OK, "fine?", 5);
  EXPECT(status != NULL && tsr_status_code(status) == TSR_UNKNOWN);
  HOLDS(tsr_status_message(status), "fine?");
  tsr_status_free(status);
  status = tsr_status_new((tsr_code)99, "x", 1);
  EXPECT(status != NULL && tsr_status_code(status) == TSR_UNKNOWN);
  tsr_status_free(status);
  status = tsr_status_new(TSR_NOT_FOUND, NULL, 7);
  EXPECT(status != NULL && tsr_status_code(status) == TSR_INVALID_ARGUMENT);
  tsr_status_free(status);
  /* Bytes that are no UTF-8 are shown as escapes. */
  status = tsr_status_new(TSR_NOT_FOUND, "a\xff" "b", 3);
  HOLDS(tsr_status_message(status), "a\\xff" "b");
  tsr_status_free(status);
}

static void TestNullStatus(void) {
  EXPECT(tsr_status_code(NULL) == TSR_OK);
  EXPECT(strcmp(tsr_status_message(NULL), "") == 0);
  EXPECT(strcmp(tsr_status_path(NULL), "") == 0);
  EXPECT(strcmp(tsr_status_file(NULL), "") == 0);
  EXPECT(tsr_status_line(NULL) == 0);
  EXPECT(tsr_status_rank(NULL) == -1);
  EXPECT(tsr_status_retryable(NULL) == 0);
  EXPECT(strcmp(tsr_status_payload(NULL), "{}") == 0);
  tsr_status_free(NULL);
}

/* Needs checked mode, which a runtime turns on. */
static void TestFreedAndForeignStatus(void) {
  tsr_runtime* runtime = NewRuntime();
  tsr_status* status = tsr_status_new(TSR_NOT_FOUND, "gone", 4);
  tsr_status_free(status);
  EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT);
  EXPECT(strcmp(tsr_status_message(status), "") == 0);
  tsr_status_free(status);
  EXPECT(tsr_status_code((const tsr_status*)runtime) == TSR_INVALID_ARGUMENT);
  tsr_status_free((tsr_status*)runtime); /* no status: nothing happens */
  tsr_runtime_free(runtime);
}

static void TestDetails(void) {
  static const char json[] =
      "{\n \"model\": {\"decoder\": {\n  \"num_layer\": 2}},\n \"trainer\": {\"steps\": \"six\"}}";
  tsr_runtime* runtime = NewRuntime();
  tsr_config* config = NULL;
  tsr_status* status =
      tsr_config_parse(runtime, json, strlen(json), "some/gpt.json", 13, &config);
  EXPECT(config == NULL);
  EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT);
  EXPECT(strcmp(tsr_status_file(status), "some/gpt.json") == 0);
  EXPECT(tsr_status_line(status) == 3);
  EXPECT(strcmp(tsr_status_path(status), "model.decoder.num_layer") == 0);
  HOLDS(tsr_status_message(status), "some/gpt.json:3:");
  HOLDS(tsr_status_payload(status), "{\"errors\": [{");
  HOLDS(tsr_status_payload(status), "\"nearest\": \"num_layers\"");
  HOLDS(tsr_status_payload(status), "\"path\": \"trainer.steps\"");
  tsr_status_free(status);
  tsr_runtime_free(runtime);
}

int main(void) {
  TestVersion();
  TestOwnStatus();
  TestWrongStatus();
  TestNullStatus();
  TestFreedAndForeignStatus();
  TestDetails();
  return Result("status_test");
}
