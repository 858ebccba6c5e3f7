/* A gate of your own: p = softmax(4 x W), the top_k likeliest experts, weights p^2 of these. */
#include "sharp_gate.h"

#include "../custom_layer/scope.h"

static const char kSchema[] =
    "/// Chooses the likeliest experts of sharpened logits.\n"
    "table SharpGate (role: \"gate\") {\n"
    "  model_dim: long (flows: \"model_dim\", required_field, min: \"1\");\n"
    "  num_experts: long (flows: \"num_experts\", required_field, min: \"1\");\n"
    "  top_k: long = 2 (inherits: \"top_k\", min: \"1\");\n"
    "}\n";

/* Adds an op of `inputs` operands; its result `wanted`. */
static tsr_value Add(tsr_scope* scope, tsr_status** error, const char* op, const tsr_value* inputs,
                     size_t input_count, const char* attrs, size_t wanted) {
  tsr_value outputs[4] = {-1, -1, -1, -1};
  size_t count = 4;
  if (*error == NULL) {
    *error = tsr_scope_add(scope, op, strlen(op), inputs, input_count, attrs, strlen(attrs),
                           outputs, &count);
  }
  return outputs[wanted];
}

/* What a gate hands over: experts [.., k], weights [.., k], scores and logits [.., experts]. */
static tsr_status* Build(void* user, tsr_scope* scope, const char* config, size_t config_len,
                         const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                         size_t* output_count) {
  const long model = IntField(config, "model_dim"), experts = IntField(config, "num_experts");
  char top_k[32];
  tsr_status* error = NULL;
  tsr_value weight = Param(scope, &error, "weight", model, experts,
                           "{\"kind\": \"normal\", \"stddev\": 0.02}");
  tsr_value narrow = Op(scope, &error, "matmul", inputs[0], weight, "");
  tsr_value plain = Add(scope, &error, "cast", &narrow, 1, "{\"dtype\": \"f32\"}", 0);
  tsr_value four = Add(scope, &error, "fill", NULL, 0, "{\"value\": 4.0, \"dtype\": \"f32\"}", 0);
  tsr_value logits = Op(scope, &error, "mul", plain, four, "");
  tsr_value scores = Add(scope, &error, "softmax", &logits, 1, "", 0);
  tsr_value ids, likeliest;
  snprintf(top_k, sizeof(top_k), "{\"k\": %ld}", IntField(config, "top_k"));
  ids = Add(scope, &error, "top_k", &logits, 1, top_k, 1);
  likeliest = Op(scope, &error, "pick", scores, ids, "");
  outputs[0] = ids;
  outputs[1] = Op(scope, &error, "mul", likeliest, likeliest, "");
  outputs[2] = scores;
  outputs[3] = logits;
  *output_count = 4;
  (void)user, (void)config_len, (void)input_count;
  return error;
}

tsr_status* RegisterSharpGate(tsr_runtime* runtime) {
  const tsr_module_def def = {sizeof(def), kSchema, "SharpGate", &Build, NULL, NULL};
  return tsr_runtime_register_module(runtime, &def);
}
