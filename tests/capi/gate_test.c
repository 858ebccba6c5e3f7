/* Method: a gate that a program brings along and that is wrong in one way or another stands in a
 * mixture of experts. A run must end with an error that names the layer, the token and the value;
 * the same gate without a fault must run, and what it hands over in the wrong form is refused
 * before anything runs. */
#include "tests/capi/build.h"

static const char kSchema[] =
    "/// A gate that may be wrong.\n"
    "table FaultyGate (role: \"gate\") {\n"
    "  model_dim: long (flows: \"model_dim\", required_field, min: \"1\");\n"
    "  num_experts: long (flows: \"num_experts\", required_field, min: \"1\");\n"
    "  fault: long = 0;\n"
    "}\n";

enum { kNone, kTwice, kOutside, kNegative, kNotANumber, kWrongType, kTooFew };

static tsr_value Call(tsr_scope* scope, const char* op, tsr_value a, tsr_value b,
                      const char* attrs, size_t wanted) {
  const tsr_value inputs[2] = {a, b};
  tsr_value outputs[4] = {-1, -1, -1, -1};
  size_t count = 4;
  OK(tsr_scope_add(scope, TEXT(op), inputs, a < 0 ? 0 : b < 0 ? 1 : 2, TEXT(attrs), outputs,
                   &count));
  return outputs[wanted];
}

static tsr_status* Build(void* user, tsr_scope* scope, const char* config, size_t config_len,
                         const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                         size_t* output_count) {
  const char* found = strstr(config, "\"fault\":");
  const int fault = found == NULL ? kNone : atoi(found + strlen("\"fault\":"));
  tsr_value weight, logits, scores, ids, weights;
  OK(tsr_scope_param(scope, TEXT("weight"), TEXT("16,4"),
                     TEXT("{\"kind\": \"normal\", \"stddev\": 1}"), &weight));
  logits = Call(scope, "matmul", inputs[0], weight, "{}", 0);
  scores = Call(scope, "softmax", logits, -1, "{}", 0);
  ids = Call(scope, "top_k", logits, -1, "{\"k\": 2}", 1);
  weights = Call(scope, "pick", scores, ids, "{}", 0);
  if (fault == kTwice) {
    const tsr_value one = Call(scope, "top_k", logits, -1, "{\"k\": 1}", 1);
    ids = Call(scope, "concat", one, one, "{\"dim\": 2}", 0);
  } else if (fault == kOutside) {
    const tsr_value seven =
        Call(scope, "fill", -1, -1, "{\"value\": 7.0, \"dtype\": \"i32\"}", 0);
    ids = Call(scope, "add", Call(scope, "sub", ids, ids, "{}", 0), seven, "{}", 0);
  } else if (fault == kNegative) {
    const tsr_value five =
        Call(scope, "fill", -1, -1, "{\"value\": -5.0, \"dtype\": \"i32\"}", 0);
    ids = Call(scope, "add", ids, five, "{}", 0);
  } else if (fault == kNotANumber) {
    weights = Call(scope, "log", Call(scope, "neg", weights, -1, "{}", 0), -1, "{}", 0);
  } else if (fault == kWrongType) {
    ids = weights;
  }
  outputs[0] = ids;
  outputs[1] = weights;
  outputs[2] = scores;
  outputs[3] = logits;
  *output_count = fault == kTooFew ? 3 : 4;
  (void)user, (void)config_len, (void)input_count;
  return NULL;
}

static tsr_config* WithFault(tsr_runtime* runtime, int fault) {
  tsr_config* config = SmallConfig(runtime, "\"none\"");
  char mixture[512];
  snprintf(mixture, sizeof(mixture),
           "{\"type\": \"MixtureOfExperts\", \"num_experts\": 4, \"check_weights\": true,"
           " \"gate\": {\"type\": \"FaultyGate\", \"fault\": %d}, \"balance\": [],"
           " \"expert\": {\"type\": \"FeedForward\", \"hidden_dim\": 8}}", fault);
  Set(config, "model.decoder.num_layers", "3");
  Set(config, "model.decoder.layer.feed_forward", mixture);
  return config;
}

static void TestRuns(tsr_runtime* runtime, int fault, const char* part) {
  static const char kOptions[] = "{\"gradients\": true}";
  const char* const names[] = {"tokens", "targets"};
  tsr_config* config = WithFault(runtime, fault);
  tsr_tensor* inputs[2] = {Tokens(2, 5, 3, 200), Tokens(2, 5, 7, 200)};
  tsr_program* program = NULL;
  OK(tsr_program_from_config(config, TEXT(kOptions), &program));
  if (program != NULL) {
    double loss = NAN;
    tsr_status* status =
        tsr_program_run_with_gradients(program, names, inputs, 2, NULL, NULL, &loss);
    if (part == NULL) {
      OK(status);
      EXPECT(isfinite(loss));
    } else {
      char text[1024];
      EXPECT(status != NULL);
      snprintf(text, sizeof(text), "%s", status == NULL ? "" : tsr_status_message(status));
      EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT);
      HOLDS(text, "at 'decoder/layers/0'");
      HOLDS(text, part);
      tsr_status_free(status);
    }
  }
  tsr_program_free(program);
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_config_free(config);
}

static void TestRefused(tsr_runtime* runtime, int fault, const char* part) {
  tsr_config* config = WithFault(runtime, fault);
  tsr_program* program = NULL;
  FAILS(tsr_program_from_config(config, TEXT("{}"), &program), TSR_INVALID_ARGUMENT, part);
  EXPECT(program == NULL);
  tsr_config_free(config);
}

int main(void) {
  tsr_runtime* runtime = NewRuntime();
  const tsr_module_def def = {sizeof(def), kSchema, "FaultyGate", &Build, NULL, NULL};
  OK(tsr_runtime_register_module(runtime, &def));
  TestRuns(runtime, kNone, NULL);
  TestRuns(runtime, kTwice, "token 0, slot 1: expert");
  TestRuns(runtime, kOutside, "token 0, slot 0: expected expert 0 to 3, or -1 for none, got 7");
  TestRuns(runtime, kNegative, "token 0, slot 0: expected expert 0 to 3, or -1 for none, got -");
  TestRuns(runtime, kNotANumber, "token 0, slot 0: the weight of expert");
  TestRefused(runtime, kWrongType, "gate: expected ids i32[..., K] and as many weights");
  TestRefused(runtime, kTooFew, "gate: expected ids, weights, scores and logits, got 3 values");
  tsr_runtime_free(runtime);
  return Result("gate_test");
}
