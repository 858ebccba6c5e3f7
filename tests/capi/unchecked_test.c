/* Without checked mode, which is the point of this program: NULL, handles of another kind and
 * pointers that are not aligned are noticed all the same. */
#include "tests/capi/check.h"

int main(void) {
  tsr_runtime* runtime = NewRuntimeWith("{\"threads\": 1}");
  tsr_config* config = ParseConfig(runtime, "{\"trainer\": {\"steps\": 3}}");
  const int64_t dims[1] = {2};
  tsr_tensor* tensor = NULL;
  tsr_status* status = tsr_status_new(TSR_NOT_FOUND, "x", 1);
  _Alignas(16) char zeros[256] = {0};
  char* text = NULL;
  size_t length = 0;
  OK(tsr_tensor_new(TSR_F32, dims, 1, &tensor));
  OK(tsr_runtime_describe(runtime, &text, &length));
  HOLDS(text, "\"checked\": false");
  tsr_text_free(text);
  text = NULL;
  FAILS(tsr_config_to_json(NULL, &text, &length), TSR_INVALID_ARGUMENT, "got NULL");
  FAILS(tsr_config_to_json((tsr_config*)runtime, &text, &length), TSR_INVALID_ARGUMENT,
        "config: expected a config, got a runtime");
  FAILS(tsr_config_to_json((tsr_config*)tensor, &text, &length), TSR_INVALID_ARGUMENT,
        "got a tensor");
  FAILS(tsr_runtime_describe((tsr_runtime*)status, &text, &length), TSR_INVALID_ARGUMENT,
        "got a status");
  FAILS(tsr_config_to_json((tsr_config*)(void*)zeros, &text, &length), TSR_INVALID_ARGUMENT,
        "no handle of this library");
  FAILS(tsr_config_to_json((tsr_config*)(void*)(zeros + 1), &text, &length), TSR_INVALID_ARGUMENT,
        "no handle of this library");
  EXPECT(tsr_tensor_rank((tsr_tensor*)config) == -1);
  EXPECT(tsr_status_code((tsr_status*)config) == TSR_INVALID_ARGUMENT);
  /* Frees of what is no such handle do nothing. */
  tsr_config_free((tsr_config*)runtime);
  tsr_config_free((tsr_config*)(void*)zeros);
  tsr_tensor_free((tsr_tensor*)config);
  OK(tsr_config_to_json(config, &text, &length));
  tsr_text_free(text);
  tsr_runtime_free(runtime);
  OK(tsr_config_get(config, "trainer.steps", 13, &text, &length));
  EXPECT(strcmp(text, "3") == 0);
  tsr_text_free(text);
  tsr_config_free(config);
  tsr_tensor_free(tensor);
  tsr_status_free(status);
  return Result("unchecked_test");
}
