/* A layer of your own: y = (silu(n gate) * (n up)) down, where n = x / rms(x) * scale. */
#include "rms_feed_forward.h"

#include "scope.h"

static const char kSchema[] =
    "/// A gated feed-forward layer that brings its own norm.\n"
    "table RmsFeedForward (role: \"feed_forward\") {\n"
    "  model_dim: long (flows: \"model_dim\", required_field, min: \"1\");\n"
    "  hidden_dim: long (required_field, min: \"1\", max: \"1000000\");\n"
    "}\n";
static const char kNormal[] = "{\"kind\": \"normal\", \"stddev\": 0.02}";

static tsr_status* Build(void* user, tsr_scope* scope, const char* config, size_t config_len,
                         const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                         size_t* output_count) {
  const long model = IntField(config, "model_dim"), hidden = IntField(config, "hidden_dim");
  tsr_status* error = NULL;
  tsr_value scale = Param(scope, &error, "scale", model, 0, "{\"mean\": 1}");
  tsr_value gate = Param(scope, &error, "gate/weight", model, hidden, kNormal);
  tsr_value up = Param(scope, &error, "up/weight", model, hidden, kNormal);
  tsr_value down = Param(scope, &error, "down/weight", hidden, model, kNormal);
  tsr_value n = Op(scope, &error, "rms_norm", inputs[0], scale, "");
  tsr_value a = Op(scope, &error, "matmul", n, gate, "");
  tsr_value b = Op(scope, &error, "matmul", n, up, "");
  tsr_value h = Op(scope, &error, "glu", a, b, "{\"activation\": \"silu\"}");
  (void)user, (void)config_len, (void)input_count;
  outputs[0] = Op(scope, &error, "matmul", h, down, "");
  *output_count = 1;
  return error;
}

tsr_status* RegisterRmsFeedForward(tsr_runtime* runtime) {
  const tsr_module_def def = {sizeof(def), kSchema, "RmsFeedForward", &Build, NULL, NULL};
  return tsr_runtime_register_module(runtime, &def);
}
