/* Method: a small language model and small graphs as programs: results at several sizes, gradients
 * against differences in fp64, parameters in and out, wrong inputs by name, handles freed in any
 * order. */
#include "tests/capi/build.h"

static const char kModel[] =
    "{\"model\": {\"type\": \"LanguageModel\", \"vocab_size\": 20, \"model_dim\": 8,"
    "  \"decoder\": {\"num_layers\": 2, \"position\": \"RotaryPosition\", \"layer\": {"
    "    \"attention\": {\"num_heads\": 2}, \"feed_forward\": {\"hidden_dim\": 12}}}},"
    " \"data\": {\"train\": \"none\"}, \"runtime\": {\"seed\": 5, \"dtype\": \"fp32\"}}";
static const char* const kNames[] = {"tokens", "targets"};

static tsr_program* Compile(tsr_runtime* runtime, const char* options) {
  tsr_config* config = ParseConfig(runtime, kModel);
  tsr_program* program = NULL;
  OK(tsr_program_from_config(config, TEXT(options), &program));
  tsr_config_free(config);
  return program;
}

static void TestDescribe(tsr_runtime* runtime) {
  tsr_program* program = Compile(runtime, "{\"gradients\": true}");
  char* text = NULL;
  size_t len = 0;
  GIVES(tsr_program_describe(program, &text, &len), text,
             "{\"name\":\"logits\",\"dtype\":\"f32\",\"dims\":[\"B\",\"T\",20]}");
  OK(tsr_program_describe(program, &text, &len));
  HOLDS(text, "\"name\":\"positions\"");
  HOLDS(text, "loss/");
  HOLDS(text, "decoder/layers/1/attention/q_proj/weight");
  tsr_text_free(text);
  GIVES(tsr_program_to_text(program, &text, &len), text, "attention");
  FAILS(tsr_program_describe(program, NULL, &len), TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_program_to_text(NULL, &text, &len), TSR_INVALID_ARGUMENT, "program");
  tsr_program_free(program);
}

/* The same rows alone, together, longer and not at all. */
static void TestSizes(tsr_runtime* runtime) {
  tsr_program* program = Compile(runtime, "");
  tsr_tensor* two = Tokens(2, 6, 3, 20);
  tsr_tensor* first = Tokens(1, 6, 3, 20);
  tsr_tensor* none = Tokens(0, 6, 3, 20);
  tsr_tensor* whole = Run1(program, "tokens", two);
  int repeat, i;
  EXPECT(tsr_tensor_dim(whole, 0) == 2 && tsr_tensor_dim(whole, 1) == 6);
  EXPECT(tsr_tensor_dim(whole, 2) == 20 && tsr_tensor_dtype(whole) == TSR_F32);
  for (repeat = 0; repeat < 3; ++repeat) { /* sizes come and go, more than are kept */
    tsr_tensor* part = Run1(program, "tokens", first);
    tsr_tensor* empty = Run1(program, "tokens", none);
    EXPECT(memcmp(tsr_tensor_data(whole), tsr_tensor_data(part), tsr_tensor_bytes(part)) == 0);
    EXPECT(tsr_tensor_dim(empty, 0) == 0 && tsr_tensor_bytes(empty) == 0);
    tsr_tensor_free(part);
    tsr_tensor_free(empty);
    for (i = 1; i < 5; ++i) {
      tsr_tensor* tokens = Tokens(1, 6 + i, 3, 20);
      tsr_tensor* longer = Run1(program, "tokens", tokens);
      const float* a = (const float*)tsr_tensor_data(whole);
      const float* b = (const float*)tsr_tensor_data(longer);
      int k;
      for (k = 0; k < 6 * 20; ++k) EXPECT(fabsf(a[k] - b[k]) < 1e-5f); /* the model is causal */
      tsr_tensor_free(tokens);
      tsr_tensor_free(longer);
    }
  }
  tsr_tensor_free(two);
  tsr_tensor_free(first);
  tsr_tensor_free(none);
  tsr_tensor_free(whole);
  tsr_program_free(program);
}

static void TestOptionalInputsAndOutputs(tsr_runtime* runtime) {
  static const char* const names[] = {"tokens", "targets", "positions", "segments"};
  tsr_program* program = Compile(runtime, "");
  tsr_tensor* tokens = Tokens(1, 4, 3, 20);
  tsr_tensor* targets = Tokens(1, 4, 7, 20);
  tsr_tensor* positions = Tokens(1, 4, 1, 20);
  tsr_tensor* segments = Tokens(1, 4, 0, 20);
  tsr_tensor* inputs[4];
  tsr_tensor *usual[2] = {NULL, NULL}, *given[2] = {NULL, NULL};
  size_t count = 2;
  inputs[0] = tokens;
  inputs[1] = targets;
  inputs[2] = positions;
  inputs[3] = segments;
  OK(tsr_program_run(program, names, inputs, 2, usual, &count));
  OK(tsr_program_run(program, names, inputs, 4, given, &count));
  EXPECT(count == 2);
  EXPECT(memcmp(tsr_tensor_data(usual[0]), tsr_tensor_data(given[0]), 4 * 20 * 4) == 0);
  EXPECT(*(double*)tsr_tensor_data(usual[1]) == *(double*)tsr_tensor_data(given[1]));
  EXPECT(*(double*)tsr_tensor_data(usual[1]) > 2); /* about log 20, untrained */
  tsr_tensor_free(given[0]);
  tsr_tensor_free(given[1]);
  ((int32_t*)tsr_tensor_data(segments))[3] = 1; /* a document of its own */
  count = 2;
  OK(tsr_program_run(program, names, inputs, 4, given, &count));
  EXPECT(memcmp(tsr_tensor_data(usual[0]), tsr_tensor_data(given[0]), 3 * 20 * 4) == 0);
  EXPECT(memcmp(tsr_tensor_data(usual[0]), tsr_tensor_data(given[0]), 4 * 20 * 4) != 0);
  count = 0; /* results that are not wanted */
  OK(tsr_program_run(program, names, inputs, 4, NULL, &count));
  EXPECT(count == 0);
  for (count = 0; count < 4; ++count) tsr_tensor_free(inputs[count]);
  for (count = 0; count < 2; ++count) {
    tsr_tensor_free(usual[count]);
    tsr_tensor_free(given[count]);
  }
  tsr_program_free(program);
}

static void TestWrongInputs(tsr_runtime* runtime) {
  static const char* const wrong_names[] = {"token", "targets"};
  static const char* const twice[] = {"tokens", "tokens"};
  static const char* const null_names[] = {NULL};
  tsr_program* program = Compile(runtime, "{\"gradients\": true}");
  tsr_tensor* tokens = Tokens(2, 4, 3, 20);
  tsr_tensor* other = Tokens(2, 5, 3, 20);
  tsr_tensor* wide = NewTensor(TSR_I64, 2, 2, 4);
  tsr_tensor* flat = NewTensor(TSR_I32, 1, 8, 0);
  tsr_tensor* inputs[2];
  tsr_tensor* output = NULL;
  size_t count = 1;
  inputs[0] = tokens;
  inputs[1] = other;
  FAILS(tsr_program_run(program, wrong_names, inputs, 2, &output, &count), TSR_INVALID_ARGUMENT,
        "'token'");
  FAILS(tsr_program_run(program, wrong_names, inputs, 2, &output, &count), TSR_INVALID_ARGUMENT,
        "input tokens: expected i32[B,T], got none");
  FAILS(tsr_program_run(program, twice, inputs, 2, &output, &count), TSR_INVALID_ARGUMENT,
        "input tokens: expected once, got twice");
  FAILS(tsr_program_run(program, kNames, inputs, 2, &output, &count), TSR_INVALID_ARGUMENT,
        "input targets: expected i32[B,T] with T=4 as in other inputs, got i32[2,5]");
  inputs[0] = wide;
  FAILS(tsr_program_run(program, kNames, inputs, 1, &output, &count), TSR_INVALID_ARGUMENT,
        "input tokens: expected i32[B,T], got i64[2,4]");
  inputs[0] = flat;
  FAILS(tsr_program_run(program, kNames, inputs, 1, &output, &count), TSR_INVALID_ARGUMENT,
        "input tokens: expected i32[B,T], got i32[8]");
  inputs[0] = NULL;
  FAILS(tsr_program_run(program, kNames, inputs, 1, &output, &count), TSR_INVALID_ARGUMENT,
        "inputs[0]");
  inputs[0] = tokens;
  FAILS(tsr_program_run(program, null_names, inputs, 1, &output, &count), TSR_INVALID_ARGUMENT,
        "input_names[0]");
  FAILS(tsr_program_run(program, NULL, inputs, 1, &output, &count), TSR_INVALID_ARGUMENT,
        "input_names");
  FAILS(tsr_program_run(program, kNames, inputs, 1, NULL, &count), TSR_INVALID_ARGUMENT,
        "outputs");
  FAILS(tsr_program_run(program, kNames, inputs, 1, &output, NULL), TSR_INVALID_ARGUMENT,
        "inout_count");
  FAILS(tsr_program_run_with_gradients(program, kNames, inputs, 1, NULL, NULL, NULL),
        TSR_INVALID_ARGUMENT, "input targets");
  FAILS(tsr_program_run((tsr_program*)tokens, kNames, inputs, 1, &output, &count),
        TSR_INVALID_ARGUMENT, "program");
  EXPECT(output == NULL && count == 1);
  output = Run1(program, "tokens", tokens); /* and all is well afterwards */
  EXPECT(output != NULL);
  tsr_tensor_free(output);
  tsr_tensor_free(tokens);
  tsr_tensor_free(other);
  tsr_tensor_free(wide);
  tsr_tensor_free(flat);
  tsr_program_free(program);
}

static void TestGradients(tsr_runtime* runtime) {
  tsr_program* program = Compile(runtime, "{\"gradients\": true, \"dtype\": \"fp64\"}");
  tsr_program* plain = Compile(runtime, "{\"dtype\": \"fp64\"}");
  tsr_tensor* inputs[2];
  tsr_tensor* tensor = NULL;
  tsr_tensor* outputs[2] = {NULL, NULL};
  size_t count = 2;
  double loss = 0;
  inputs[0] = Tokens(2, 5, 3, 20);
  inputs[1] = Tokens(2, 5, 7, 20);
  FAILS(tsr_program_get_gradient(program, TEXT("embedding/weight"), &tensor),
        TSR_FAILED_PRECONDITION, "embedding/weight");
  CheckGradient(program, kNames, inputs, 2, "embedding/weight");
  CheckGradient(program, kNames, inputs, 2, "decoder/layers/1/attention/q_proj/weight");
  CheckGradient(program, kNames, inputs, 2, "decoder/layers/0/feed_forward/down_proj/weight");
  CheckGradient(program, kNames, inputs, 2, "decoder/layers/0/norm_1/scale");
  OK(tsr_program_run_with_gradients(program, kNames, inputs, 2, outputs, &count, &loss));
  EXPECT(count == 2 && fabs(loss - *(double*)tsr_tensor_data(outputs[1])) < 1e-12);
  FAILS(tsr_program_get_gradient(program, TEXT("embedding/wieght"), &tensor), TSR_NOT_FOUND,
        "embedding/weight");
  FAILS(tsr_program_get_gradient(program, "", 0, &tensor), TSR_INVALID_ARGUMENT, "path");
  FAILS(tsr_program_run_with_gradients(plain, kNames, inputs, 2, NULL, NULL, &loss),
        TSR_FAILED_PRECONDITION, "gradients");
  FAILS(tsr_program_get_gradient(plain, TEXT("embedding/weight"), &tensor),
        TSR_FAILED_PRECONDITION, "gradients");
  for (count = 0; count < 2; ++count) {
    tsr_tensor_free(inputs[count]);
    tsr_tensor_free(outputs[count]);
  }
  tsr_program_free(program);
  tsr_program_free(plain);
}

/* Targets that are all ignored count nothing: the loss is 0 and so is every gradient. */
static void TestNothingToLearn(tsr_runtime* runtime) {
  tsr_program* program = Compile(runtime, "{\"gradients\": true}");
  tsr_tensor* inputs[2];
  tsr_tensor* gradient = NULL;
  double loss = 1;
  size_t i;
  inputs[0] = Tokens(1, 4, 3, 20);
  inputs[1] = Tokens(1, 4, 0, 20);
  for (i = 0; i < 4; ++i) ((int32_t*)tsr_tensor_data(inputs[1]))[i] = -100;
  OK(tsr_program_run_with_gradients(program, kNames, inputs, 2, NULL, NULL, &loss));
  EXPECT(loss == 0);
  OK(tsr_program_get_gradient(program, TEXT("embedding/weight"), &gradient));
  for (i = 0; i < tsr_tensor_bytes(gradient) / 4; ++i) {
    EXPECT(((float*)tsr_tensor_data(gradient))[i] == 0);
  }
  tsr_tensor_free(gradient);
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_program_free(program);
}

static void TestParameters(tsr_runtime* runtime) {
  static const char path[] = "decoder/final_norm/scale";
  tsr_program* program = Compile(runtime, "{\"dtype\": \"bf16\"}");
  tsr_tensor* scale = NewTensor(TSR_F64, 1, 8, 0);
  tsr_tensor* wrong = NewTensor(TSR_F32, 1, 9, 0);
  tsr_tensor* tokens = Tokens(1, 3, 3, 20);
  tsr_tensor *before, *after, *read = NULL;
  size_t i;
  for (i = 0; i < 8; ++i) ((double*)tsr_tensor_data(scale))[i] = 0.5 * (double)i;
  before = Run1(program, "tokens", tokens);
  EXPECT(tsr_tensor_dtype(before) == TSR_BF16);
  OK(tsr_program_set_param(program, TEXT(path), scale));
  after = Run1(program, "tokens", tokens);
  EXPECT(memcmp(tsr_tensor_data(before), tsr_tensor_data(after), tsr_tensor_bytes(after)) != 0);
  OK(tsr_program_get_param(program, TEXT(path), &read));
  EXPECT(tsr_tensor_dtype(read) == TSR_F32); /* the master value */
  for (i = 0; i < 8; ++i) EXPECT(((float*)tsr_tensor_data(read))[i] == 0.5f * (float)i);
  FAILS(tsr_program_set_param(program, TEXT(path), wrong), TSR_INVALID_ARGUMENT,
        "parameter decoder/final_norm/scale: expected the dims of f32[8], got f32[9]");
  FAILS(tsr_program_set_param(program, TEXT("decoder/final_norm/scal"), scale), TSR_NOT_FOUND,
        path);
  FAILS(tsr_program_set_param(program, TEXT(path), NULL), TSR_INVALID_ARGUMENT, "tensor");
  FAILS(tsr_program_get_param(program, TEXT(path), NULL), TSR_INVALID_ARGUMENT, "out_tensor");
  tsr_program_free(program);
  EXPECT(((float*)tsr_tensor_data(read))[2] == 1.0f); /* a copy, alive without the program */
  tsr_tensor_free(scale);
  tsr_tensor_free(wrong);
  tsr_tensor_free(tokens);
  tsr_tensor_free(before);
  tsr_tensor_free(after);
  tsr_tensor_free(read);
}

static void TestWrongOptions(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kModel);
  tsr_graph* graph = NULL;
  tsr_program* program = NULL;
  FAILS(tsr_program_from_config(config, TEXT("{\"mode\": \"traine\"}"), &program),
        TSR_INVALID_ARGUMENT, "train");
  FAILS(tsr_program_from_config(config, TEXT("{\"dtype\": \"f32\"}"), &program),
        TSR_INVALID_ARGUMENT, "fp32");
  FAILS(tsr_program_from_config(config, TEXT("{\"gradient\": true}"), &program),
        TSR_INVALID_ARGUMENT, "gradients");
  FAILS(tsr_program_from_config(config, TEXT("{\"mode\": \"decode\", \"gradients\": true}"),
                                &program),
        TSR_INVALID_ARGUMENT, "decode");
  FAILS(tsr_program_from_config(config, TEXT("{\"recompute\": \"some\"}"), &program),
        TSR_INVALID_ARGUMENT, "selective");
  FAILS(tsr_program_from_config(config, NULL, 0, NULL), TSR_INVALID_ARGUMENT, "out_program");
  FAILS(tsr_program_from_config(NULL, NULL, 0, &program), TSR_INVALID_ARGUMENT, "config");
  FAILS(tsr_program_from_checkpoint(runtime, TEXT("/nowhere"), NULL, 0, &program), TSR_NOT_FOUND,
        "/nowhere");
  FAILS(tsr_program_from_checkpoint(runtime, "", 0, NULL, 0, &program), TSR_INVALID_ARGUMENT,
        "path");
  OK(tsr_graph_new(runtime, &graph));
  FAILS(tsr_program_from_graph(graph, TEXT("{\"mode\": \"train\"}"), &program),
        TSR_INVALID_ARGUMENT, "mode");
  Set(config, "model.decoder.layer.attention.num_heads", "3");
  FAILS(tsr_program_from_config(config, NULL, 0, &program), TSR_INVALID_ARGUMENT, "num_heads");
  EXPECT(program == NULL);
  tsr_graph_free(graph);
  tsr_config_free(config);
  tsr_program_free(NULL);
}

/* Random numbers follow the seed and the input `step`. */
static void TestDropout(tsr_runtime* runtime) {
  static const char* const names[] = {"tokens", "step"};
  tsr_config* config = ParseConfig(runtime, kModel);
  tsr_program* program = NULL;
  tsr_tensor* inputs[2];
  tsr_tensor* outputs[3] = {NULL, NULL, NULL};
  size_t count = 1;
  int i;
  Set(config, "model.decoder.layer.dropout", "{\"type\": \"Dropout\", \"rate\": 0.5}");
  OK(tsr_program_from_config(config, TEXT("{\"mode\": \"train\"}"), &program));
  inputs[0] = Tokens(1, 6, 3, 20);
  inputs[1] = NewTensor(TSR_I64, 0, 0, 0);
  for (i = 0; i < 3; ++i) {
    *(int64_t*)tsr_tensor_data(inputs[1]) = i == 2 ? 1 : 0;
    OK(tsr_program_run(program, names, inputs, i == 0 ? 1 : 2, &outputs[i], &count));
  }
  EXPECT(memcmp(tsr_tensor_data(outputs[0]), tsr_tensor_data(outputs[1]), 6 * 20 * 4) == 0);
  EXPECT(memcmp(tsr_tensor_data(outputs[0]), tsr_tensor_data(outputs[2]), 6 * 20 * 4) != 0);
  *(int64_t*)tsr_tensor_data(inputs[1]) = -1;
  FAILS(tsr_program_run(program, names, inputs, 2, outputs, &count), TSR_INVALID_ARGUMENT,
        "input step");
  for (i = 0; i < 3; ++i) tsr_tensor_free(outputs[i]);
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_program_free(program);
  tsr_config_free(config);
}

/* What was made from a runtime keeps it alive. */
static void TestFreeInAnyOrder(void) {
  tsr_runtime* runtime = NewRuntime();
  tsr_program* program = Compile(runtime, "");
  tsr_tensor* tokens = Tokens(1, 3, 3, 20);
  tsr_tensor* logits;
  tsr_runtime_free(runtime);
  logits = Run1(program, "tokens", tokens);
  tsr_program_free(program);
  EXPECT(isfinite(((float*)tsr_tensor_data(logits))[59]));
  tsr_tensor_free(tokens);
  tsr_tensor_free(logits);
}

static void TestMemoryLimit(void) {
  tsr_runtime* runtime =
      NewRuntimeWith("{\"checked\": true, \"threads\": 1, \"memory_limit_bytes\": 100000}");
  tsr_program* program = Compile(runtime, "");
  tsr_tensor* small = Tokens(1, 4, 3, 20);
  tsr_tensor* large = Tokens(64, 64, 3, 20);
  tsr_tensor* output = NULL;
  size_t count = 1;
  FAILS(tsr_program_run(program, kNames, &large, 1, &output, &count), TSR_RESOURCE_EXHAUSTED,
        "limit");
  output = Run1(program, "tokens", small); /* smaller sizes still fit */
  EXPECT(output != NULL);
  tsr_tensor_free(output);
  tsr_tensor_free(small);
  tsr_tensor_free(large);
  tsr_program_free(program);
  tsr_runtime_free(runtime);
}

static void TestPlan(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kModel);
  char* text = NULL;
  size_t len = 0;
  OK(tsr_config_plan(config, NULL, 0, &text, &len));
  HOLDS(text, "\"parameters\"");
  HOLDS(text, "\"flops\"");
  HOLDS(text, "\"ops\"");
  EXPECT(strstr(text, "\"text\"") == NULL);
  tsr_text_free(text);
  GIVES(tsr_config_plan(config, TEXT("{\"text\": true, \"dot\": true}"), &text, &len), text,
             "digraph");
  FAILS(tsr_config_plan(config, TEXT("{\"txt\": true}"), &text, &len), TSR_INVALID_ARGUMENT,
        "text");
  FAILS(tsr_config_plan(config, NULL, 0, NULL, &len), TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_config_plan(NULL, NULL, 0, &text, &len), TSR_INVALID_ARGUMENT, "config");
  tsr_config_free(config);
}

int main(void) {
  tsr_runtime* runtime = NewRuntime();
  TestDescribe(runtime);
  TestSizes(runtime);
  TestOptionalInputsAndOutputs(runtime);
  TestWrongInputs(runtime);
  TestGradients(runtime);
  TestNothingToLearn(runtime);
  TestParameters(runtime);
  TestWrongOptions(runtime);
  TestDropout(runtime);
  TestPlan(runtime);
  tsr_runtime_free(runtime);
  TestFreeInAnyOrder();
  TestMemoryLimit();
  return Result("program");
}
