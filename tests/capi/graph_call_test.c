/* Method: a gated feed-forward of the catalogue called from a graph against the same layer written
 * op by op, with equal parameters: results and gradients. Attention reads positions and segments as
 * inputs of the graph. Then wrong use, after which the graph is what it was. */
#include "tests/capi/build.h"

static tsr_config* Module(tsr_runtime* runtime, const char* text) {
  tsr_config* config = NULL;
  OK(tsr_config_parse(runtime, TEXT(text), TEXT("module"), &config));
  return config;
}

static tsr_value Call(tsr_graph* graph, tsr_config* config, const char* path, tsr_value x) {
  tsr_value output = -1;
  size_t count = 1;
  OK(tsr_graph_call(graph, config, TEXT(path), NULL, 0, &x, 1, &output, &count));
  EXPECT(count == 1);
  return output;
}

/* The sum of y as a loss, so that there are gradients, and y as a result. */
static tsr_program* CompileSum(tsr_graph* graph, tsr_value y) {
  tsr_program* program = NULL;
  const tsr_value sum = Add(graph, "reduce_sum", y, -1, "{\"dims\": [0, 1, 2]}");
  const tsr_value one = Add(graph, "fill", -1, -1, "{\"value\": 1, \"dtype\": \"f64\"}");
  OK(tsr_graph_output(graph, TEXT("y"), y));
  OK(tsr_graph_loss(graph, TEXT("sum"), sum, one, 1));
  OK(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program));
  return program;
}

static tsr_tensor* Numbers(int64_t a, int64_t b, int64_t c) {
  const int64_t dims[3] = {a, b, c};
  tsr_tensor* tensor = NULL;
  int64_t i;
  OK(tsr_tensor_new(TSR_F64, dims, 3, &tensor));
  for (i = 0; i < a * b * c; ++i) ((double*)tsr_tensor_data(tensor))[i] = sin((double)i) * 0.5;
  return tensor;
}

static void ExpectClose(const tsr_tensor* a, const tsr_tensor* b) {
  size_t i;
  EXPECT(tsr_tensor_bytes(a) == tsr_tensor_bytes(b) && tsr_tensor_bytes(a) > 0);
  for (i = 0; i < tsr_tensor_bytes(a) / sizeof(double); ++i) {
    const double x = ((const double*)tsr_tensor_data(a))[i];
    const double y = ((const double*)tsr_tensor_data(b))[i];
    EXPECT(fabs(x - y) <= 1e-12 * (1 + fabs(y)));
  }
}

static tsr_tensor* Gradient(tsr_program* program, const char* path) {
  tsr_tensor* tensor = NULL;
  OK(tsr_program_get_gradient(program, TEXT(path), &tensor));
  return tensor;
}

/* The layer op by op: y = (silu(x Wg) * (x Wu)) Wd. */
static tsr_value FeedForward(tsr_graph* graph, tsr_value x) {
  const tsr_value gate = GraphParam(graph, "ff/gate_proj/weight", TSR_F64, "4,6", "");
  const tsr_value up = GraphParam(graph, "ff/up_proj/weight", TSR_F64, "4,6", "");
  const tsr_value down = GraphParam(graph, "ff/down_proj/weight", TSR_F64, "6,4", "");
  const tsr_value hidden = Add(graph, "glu", Add(graph, "matmul", x, gate, ""),
                               Add(graph, "matmul", x, up, ""), "{\"activation\": \"silu\"}");
  return Add(graph, "matmul", hidden, down, "");
}

static void TestAgainstOps(tsr_runtime* runtime) {
  static const char* const paths[] = {"ff/gate_proj/weight", "ff/up_proj/weight",
                                      "ff/down_proj/weight"};
  const char* name = "x";
  tsr_graph *called = NULL, *written = NULL;
  tsr_program *a, *b;
  tsr_tensor *x = Numbers(2, 3, 4), *results[4] = {NULL, NULL, NULL, NULL};
  tsr_config* config = Module(
      runtime, "{\"type\": \"FeedForward\", \"model_dim\": 4, \"hidden_dim\": 6}");
  double losses[2] = {0, 1};
  size_t i, counts[2] = {2, 2};
  OK(tsr_graph_new(runtime, &called));
  OK(tsr_graph_new(runtime, &written));
  a = CompileSum(called, Call(called, config, "ff", Input(called, "x", TSR_F64, "B,T,4")));
  b = CompileSum(written, FeedForward(written, Input(written, "x", TSR_F64, "B,T,4")));
  for (i = 0; i < 3; ++i) {
    tsr_tensor* param = NULL;
    OK(tsr_program_get_param(a, TEXT(paths[i]), &param));
    OK(tsr_program_set_param(b, TEXT(paths[i]), param));
    tsr_tensor_free(param);
  }
  OK(tsr_program_run_with_gradients(a, &name, &x, 1, results, &counts[0], &losses[0]));
  OK(tsr_program_run_with_gradients(b, &name, &x, 1, results + 2, &counts[1], &losses[1]));
  EXPECT(counts[0] == 2 && counts[1] == 2 && losses[0] == losses[1] && losses[0] != 0);
  ExpectClose(results[0], results[2]);
  for (i = 0; i < 3; ++i) {
    tsr_tensor *ga = Gradient(a, paths[i]), *gb = Gradient(b, paths[i]);
    ExpectClose(ga, gb);
    tsr_tensor_free(ga);
    tsr_tensor_free(gb);
  }
  for (i = 0; i < 4; ++i) tsr_tensor_free(results[i]);
  tsr_tensor_free(x);
  tsr_config_free(config);
  tsr_graph_free(called);
  tsr_graph_free(written);
  tsr_program_free(a);
  tsr_program_free(b);
}

/* Two layers of one kind share their function, not their parameters; they share the positions. */
static void TestAmbientValues(tsr_runtime* runtime) {
  tsr_graph* graph = NULL;
  tsr_program* program;
  tsr_config* config = Module(
      runtime, "{\"type\": \"Attention\", \"model_dim\": 4, \"num_heads\": 2}");
  char* text = NULL;
  size_t len = 0;
  tsr_value x;
  OK(tsr_graph_new(runtime, &graph));
  x = Input(graph, "x", TSR_F64, "B,T,4");
  x = Call(graph, config, "first", x);
  x = Call(graph, config, "second", x);
  program = CompileSum(graph, x);
  OK(tsr_program_describe(program, &text, &len));
  HOLDS(text, "first/q_proj/weight");
  HOLDS(text, "second/q_proj/weight");
  HOLDS(text, "\"name\":\"segments\",\"dtype\":\"i32\",\"dims\":[\"B\",\"T\"]");
  tsr_text_free(text);
  tsr_program_free(program);
  tsr_config_free(config);
  tsr_graph_free(graph);
}

static void TestWrongUse(tsr_runtime* runtime, tsr_runtime* other) {
  tsr_graph* graph = NULL;
  tsr_config* config = Module(
      runtime, "{\"type\": \"FeedForward\", \"model_dim\": 4, \"hidden_dim\": 6}");
  tsr_config* foreign = Module(other, "{\"type\": \"RmsNorm\", \"model_dim\": 4}");
  tsr_config* unfinished = Module(runtime, "{\"type\": \"FeedForward\", \"model_dim\": 4}");
  tsr_config* no_module = Module(runtime, "{\"type\": \"AdamW\"}");
  tsr_value x, output = 77, outside = 99;
  size_t count = 1, none = 0;
  char *before = NULL, *after = NULL;
  size_t len = 0;
  OK(tsr_graph_new(runtime, &graph));
  x = Input(graph, "x", TSR_F64, "B,T,5");
  OK(tsr_graph_to_text(graph, &before, &len));
#define CALL(config, path, options, input, room) \
  tsr_graph_call(graph, config, TEXT(path), TEXT(options), input, 1, &output, room)
  FAILS(CALL(config, "ff", "", &x, &count), TSR_INVALID_ARGUMENT, "5");
  FAILS(CALL(config, "f f", "", &x, &count), TSR_INVALID_ARGUMENT, "path");
  FAILS(CALL(config, "ff", "{\"mode\": \"decode\"}", &x, &count), TSR_INVALID_ARGUMENT, "mode");
  FAILS(CALL(config, "ff", "", &outside, &count), TSR_INVALID_ARGUMENT, "inputs[0]");
  FAILS(CALL(config, "ff", "", NULL, &count), TSR_INVALID_ARGUMENT, "inputs");
  FAILS(CALL(foreign, "ff", "", &x, &count), TSR_INVALID_ARGUMENT, "another");
  FAILS(CALL(unfinished, "ff", "", &x, &count), TSR_INVALID_ARGUMENT, "hidden_dim");
  FAILS(CALL(no_module, "ff", "", &x, &count), TSR_NOT_FOUND, "AdamW");
  FAILS(CALL(NULL, "ff", "", &x, &count), TSR_INVALID_ARGUMENT, "config");
  FAILS(tsr_graph_call(NULL, config, NULL, 0, NULL, 0, &x, 1, &output, &count),
        TSR_INVALID_ARGUMENT, "graph");
  OK(tsr_graph_to_text(graph, &after, &len));
  EXPECT(strcmp(before, after) == 0 && output == 77);
  tsr_text_free(after);
  tsr_text_free(before);
  x = Input(graph, "fits", TSR_F64, "B,T,4");
  OK(tsr_graph_to_text(graph, &before, &len));
  FAILS(CALL(config, "ff", "", &x, &none), TSR_INVALID_ARGUMENT, "room");
  FAILS(CALL(config, "ff", "", &x, NULL), TSR_INVALID_ARGUMENT, "inout_count");
  FAILS(CALL(config, "ff", "{\"dtype\": \"bf16\"}", &x, &count), TSR_INVALID_ARGUMENT, "bf16");
  OK(tsr_graph_to_text(graph, &after, &len));
  EXPECT(strcmp(before, after) == 0);
  tsr_text_free(after);
  tsr_text_free(before);
  tsr_config_free(config);
  tsr_config_free(foreign);
  tsr_config_free(unfinished);
  tsr_config_free(no_module);
  tsr_graph_free(graph);
}

int main(void) {
  tsr_runtime *runtime = NewRuntime(), *other = NewRuntime();
  TestAgainstOps(runtime);
  TestAmbientValues(runtime);
  TestWrongUse(runtime, other);
  tsr_runtime_free(runtime);
  tsr_runtime_free(other);
  return Result("graph_call");
}
