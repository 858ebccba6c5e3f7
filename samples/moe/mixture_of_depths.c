/* Mixture of depths: a feed-forward that only the `percent` tokens of a sequence with the largest
 * router score r = x W visit; y = r * down(relu(up(x))^2) for these, 0 for the others, which the
 * residual carries on. Source: Raposo et al., arXiv 2404.02258, around the feed-forward alone.
 *
 * The routing is made of public ops: drop_over_capacity says who has room, plan sorts, dispatch and
 * combine (each the other's gradient) carry tokens there and back, grouped_matmul multiplies the
 * rows that are somebody's and no others. In training the choice looks at the whole sequence; a
 * token that is generated alone always has room. */
#include "mixture_of_depths.h"

#include "../custom_layer/scope.h"

static const char kSchema[] =
    "/// A feed-forward that a part of the tokens visits.\n"
    "table MixtureOfDepths (role: \"feed_forward\") {\n"
    "  model_dim: long (flows: \"model_dim\", required_field, min: \"1\");\n"
    "  hidden_dim: long = 256 (min: \"1\");\n"
    "  percent: long = 50 (min: \"1\", max: \"100\");\n"
    "}\n";

/* The first result of an op; all four in `results` when there is such. */
static tsr_value OpOf(tsr_scope* scope, tsr_status** error, const char* op,
                      const tsr_value* inputs, size_t input_count, const char* attrs,
                      tsr_value* results) {
  tsr_value own[4] = {-1, -1, -1, -1};
  size_t count = 4;
  if (results == NULL) results = own;
  if (*error == NULL) {
    *error = tsr_scope_add(scope, op, strlen(op), inputs, input_count, attrs, strlen(attrs),
                           results, &count);
  }
  return results[0];
}

/* rows times a matrix, where a row is somebody's. */
static tsr_value Product(tsr_scope* scope, tsr_status** error, tsr_value rows, tsr_value owners,
                         const char* path, long in, long out) {
  char shape[64];
  tsr_value weight = Param(scope, error, path, in, out,
                           "{\"kind\": \"normal\", \"stddev\": 0.02}");
  tsr_value operands[3] = {rows, -1, owners};
  snprintf(shape, sizeof(shape), "{\"shape\": \"1,%ld,%ld\"}", in, out);
  operands[1] = OpOf(scope, error, "reshape", &weight, 1, shape, NULL);
  return OpOf(scope, error, "grouped_matmul", operands, 3, "", NULL);
}

static tsr_status* Build(void* user, tsr_scope* scope, const char* config, size_t config_len,
                         const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                         size_t* output_count) {
  const long model = IntField(config, "model_dim"), hidden = IntField(config, "hidden_dim");
  char attrs[96];
  tsr_status* error = NULL;
  tsr_value plan[4] = {-1, -1, -1, -1};   /* rows, slots, owners, counts */
  tsr_value want[2], carry[4], ids, h;
  tsr_value router = Param(scope, &error, "router/weight", model, 1,
                           "{\"kind\": \"normal\", \"stddev\": 0.02}");
  tsr_value score = Op(scope, &error, "matmul", inputs[0], router, "");
  tsr_value none = Op(scope, &error, "less", score, score, "");   /* false for every token */
  want[0] = OpOf(scope, &error, "cast", &none, 1, "{\"dtype\": \"i32\"}", NULL);   /* expert 0 */
  want[1] = score;
  snprintf(attrs, sizeof(attrs), "{\"num_experts\": 1, \"factor\": %g}",
           (double)IntField(config, "percent") / 100);
  ids = OpOf(scope, &error, "drop_over_capacity", want, 2, attrs, NULL);
  OpOf(scope, &error, "plan", &ids, 1, "{\"num_experts\": 1, \"rows_per_token\": 1}", plan);
  carry[0] = inputs[0], carry[1] = plan[1], carry[2] = plan[0], carry[3] = score;
  h = OpOf(scope, &error, "dispatch", carry, 3, "", NULL);
  h = Product(scope, &error, h, plan[2], "up_proj/weight", model, hidden);
  h = OpOf(scope, &error, "relu", &h, 1, "", NULL);
  h = Op(scope, &error, "mul", h, h, "");
  carry[0] = Product(scope, &error, h, plan[2], "down_proj/weight", hidden, model);
  outputs[0] = OpOf(scope, &error, "combine", carry, 4, "", NULL);
  *output_count = 1;
  (void)user, (void)config_len, (void)input_count;
  return error;
}

tsr_status* RegisterMixtureOfDepths(tsr_runtime* runtime) {
  const tsr_module_def def = {sizeof(def), kSchema, "MixtureOfDepths", &Build, NULL, NULL};
  return tsr_runtime_register_module(runtime, &def);
}
