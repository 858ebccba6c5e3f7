/* Method: a two-layer perceptron with a squared loss, built op by op; every function with wrong
 * use; text and bytes of it; then a fresh graph from the bytes computes the same numbers. */
#include "tests/capi/build.h"

static tsr_graph* NewGraph(tsr_runtime* runtime) {
  tsr_graph* graph = NULL;
  OK(tsr_graph_new(runtime, &graph));
  return graph;
}

/* y = relu(x w1) w2, and the mean over the batch of (y - target)^2. */
static tsr_graph* Perceptron(tsr_runtime* runtime) {
  tsr_graph* graph = NewGraph(runtime);
  const tsr_value x = Input(graph, "x", TSR_F64, "B,3");
  const tsr_value target = Input(graph, "target", TSR_F64, "B,2");
  const tsr_value w1 = GraphParam(graph, "layers/0/weight", TSR_F64, "3,4",
                             "{\"kind\": \"normal\", \"stddev\": 0.5}");
  const tsr_value w2 = GraphParam(graph, "layers/1/weight", TSR_F64, "4,2",
                             "{\"kind\": \"uniform\", \"stddev\": 0.5}");
  const tsr_value hidden = Add(graph, "relu", Add(graph, "matmul", x, w1, ""), -1, "");
  const tsr_value y = Add(graph, "matmul", hidden, w2, "");
  const tsr_value error = Add(graph, "square", Add(graph, "sub", y, target, ""), -1, "");
  const tsr_value sum = Add(graph, "reduce_sum", error, -1, "{\"dims\": [0, 1]}");
  const tsr_value ones = Add(graph, "fill", -1, -1,
                             "{\"value\": 1, \"dtype\": \"f64\", \"shape\": \"B\"}");
  const tsr_value rows = Add(graph, "reduce_sum", ones, -1, "{\"dims\": [0]}");
  OK(tsr_graph_output(graph, TEXT("y"), y));
  OK(tsr_graph_loss(graph, TEXT("squared"), sum, rows, 0.5));
  return graph;
}

static void TestTypesAndText(tsr_runtime* runtime) {
  tsr_graph* graph = NewGraph(runtime);
  const tsr_value x = Input(graph, "x", TSR_BF16, "B,T,512");
  const tsr_value y = Add(graph, "reduce_sum", x, -1, "{\"dims\": [2]}");
  char* text = NULL;
  size_t len = 0;
  OK(tsr_graph_type(graph, y, &text, &len));
  EXPECT(strcmp(text, "bf16[B,T]") == 0 && len == strlen(text));
  tsr_text_free(text);
  OK(tsr_graph_output(graph, TEXT("y"), y));
  OK(tsr_graph_to_text(graph, &text, &len));
  HOLDS(text, "reduce_sum");
  HOLDS(text, "bf16[B,T,512]");
  tsr_text_free(text);
  FAILS(tsr_graph_type(graph, 99, &text, &len), TSR_INVALID_ARGUMENT, "value: expected a value");
  FAILS(tsr_graph_type(graph, -1, &text, &len), TSR_INVALID_ARGUMENT, "got -1");
  FAILS(tsr_graph_type(graph, x, NULL, &len), TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_graph_to_text(NULL, &text, &len), TSR_INVALID_ARGUMENT, "graph");
  tsr_graph_free(graph);
  FAILS(tsr_graph_to_text(graph, &text, &len), TSR_INVALID_ARGUMENT, "freed");
}

static void TestWrongInputsAndParams(tsr_runtime* runtime) {
  tsr_graph* graph = NewGraph(runtime);
  tsr_value value = 77;
  FAILS(tsr_graph_new(runtime, NULL), TSR_INVALID_ARGUMENT, "out_graph");
  FAILS(tsr_graph_new(NULL, &graph), TSR_INVALID_ARGUMENT, "runtime");
  Input(graph, "x", TSR_F32, "B,4");
  FAILS(tsr_graph_input(graph, TEXT("x"), TSR_F32, TEXT("B"), &value), TSR_INVALID_ARGUMENT,
        "input x: expected a new name");
  FAILS(tsr_graph_input(graph, "", 0, TSR_F32, TEXT("B"), &value), TSR_INVALID_ARGUMENT, "name");
  FAILS(tsr_graph_input(graph, TEXT("a b"), TSR_F32, TEXT("B"), &value), TSR_INVALID_ARGUMENT,
        "'a b'");
  FAILS(tsr_graph_input(graph, TEXT("y"), (tsr_dtype)99, TEXT("B"), &value), TSR_INVALID_ARGUMENT,
        "dtype");
  FAILS(tsr_graph_input(graph, TEXT("y"), TSR_F32, TEXT("B,,2"), &value), TSR_INVALID_ARGUMENT,
        "y: dims");
  FAILS(tsr_graph_input(graph, TEXT("y"), TSR_F32, TEXT("-3"), &value), TSR_INVALID_ARGUMENT,
        "y: dims");
  FAILS(tsr_graph_input(graph, TEXT("y"), TSR_F32, TEXT("1,1,1,1,1,1,1,1,1"), &value),
        TSR_INVALID_ARGUMENT, "at most 8");
  FAILS(tsr_graph_input(graph, TEXT("y"), TSR_F32, TEXT("B"), NULL), TSR_INVALID_ARGUMENT,
        "out_value");
  GraphParam(graph, "a/weight", TSR_F32, "4", "");
  FAILS(tsr_graph_param(graph, TEXT("a/weight"), TSR_F32, TEXT("4"), TEXT(""), &value),
        TSR_INVALID_ARGUMENT, "parameter a/weight: expected a new name");
  FAILS(tsr_graph_param(graph, TEXT("a//b"), TSR_F32, TEXT("4"), TEXT(""), &value),
        TSR_INVALID_ARGUMENT, "'a//b'");
  FAILS(tsr_graph_param(graph, TEXT("b"), TSR_F32, TEXT("B"), TEXT(""), &value),
        TSR_INVALID_ARGUMENT, "b: dims: a parameter has constant ones");
  FAILS(tsr_graph_param(graph, TEXT("b"), TSR_F32, TEXT("4"), TEXT("{\"kind\": \"norml\"}"),
                        &value),
        TSR_INVALID_ARGUMENT, "normal");
  FAILS(tsr_graph_param(graph, TEXT("b"), TSR_F32, TEXT("4"), TEXT("{\"stddev\": -1}"), &value),
        TSR_INVALID_ARGUMENT, "stddev");
  FAILS(tsr_graph_param(graph, TEXT("b"), TSR_F32, TEXT("4"), TEXT("{\"sdev\": 1}"), &value),
        TSR_INVALID_ARGUMENT, "stddev");
  FAILS(tsr_graph_param(graph, TEXT("b"), TSR_F32, TEXT("4"), TEXT("nonsense"), &value),
        TSR_INVALID_ARGUMENT, "init");
  FAILS(tsr_graph_param(graph, TEXT("b"), TSR_F32, TEXT("4"),
                        TEXT("{\"logical_dims\": [\"embed\", \"mlp\"]}"), &value),
        TSR_INVALID_ARGUMENT, "logical_dims");
  EXPECT(value == 77); /* outputs are untouched on error */
  tsr_graph_free(graph);
  tsr_graph_free(NULL);
}

static void TestWrongOps(tsr_runtime* runtime) {
  tsr_graph* graph = NewGraph(runtime);
  const tsr_value x = Input(graph, "x", TSR_F32, "B,4");
  const tsr_value w = GraphParam(graph, "w", TSR_F32, "5,6", "");
  const tsr_value both[2] = {x, w};
  const tsr_value beyond[2] = {x, 1000};
  tsr_value output = 77;
  size_t count = 1;
  FAILS(tsr_graph_add(graph, TEXT("matmull"), both, 2, TEXT(""), &output, &count), TSR_NOT_FOUND,
        "matmul");
  FAILS(tsr_graph_add(graph, TEXT("matmul"), both, 2, TEXT(""), &output, &count),
        TSR_INVALID_ARGUMENT, "matmul");
  FAILS(tsr_graph_add(graph, TEXT("add"), beyond, 2, TEXT(""), &output, &count),
        TSR_INVALID_ARGUMENT, "add: inputs[1]");
  FAILS(tsr_graph_add(graph, TEXT("add"), both, 1, TEXT(""), &output, &count),
        TSR_INVALID_ARGUMENT, "add");
  FAILS(tsr_graph_add(graph, TEXT("add"), NULL, 2, TEXT(""), &output, &count),
        TSR_INVALID_ARGUMENT, "inputs: expected 2 items, got NULL");
  FAILS(tsr_graph_add(graph, TEXT("reduce_sum"), both, 1, TEXT("{\"dimms\": [0]}"), &output,
                      &count),
        TSR_INVALID_ARGUMENT, "dims");
  FAILS(tsr_graph_add(graph, TEXT("reduce_sum"), both, 1, TEXT("{\"dims\": [0.5]}"), &output,
                      &count),
        TSR_INVALID_ARGUMENT, "dims");
  FAILS(tsr_graph_add(graph, TEXT("reduce_sum"), both, 1, TEXT("{\"dims\": {}}"), &output, &count),
        TSR_INVALID_ARGUMENT, "dims");
  FAILS(tsr_graph_add(graph, TEXT("relu"), both, 1, TEXT("[1]"), &output, &count),
        TSR_INVALID_ARGUMENT, "attrs");
  FAILS(tsr_graph_add(graph, TEXT("relu"), both, 1, TEXT(""), &output, NULL),
        TSR_INVALID_ARGUMENT, "inout_count");
  count = 0;
  FAILS(tsr_graph_add(graph, TEXT("relu"), both, 1, TEXT(""), &output, &count),
        TSR_INVALID_ARGUMENT, "outputs");
  EXPECT(output == 77 && count == 0);
  count = 1;
  OK(tsr_graph_add(graph, TEXT("relu"), both, 1, TEXT(""), &output, &count));
  EXPECT(output == 2); /* none of the refused ones was added */
  tsr_graph_free(graph);
}

/* A value is replaced by what is made of it, in the same place. */
static void TestResultsInThePlaceOfOperands(tsr_runtime* runtime) {
  tsr_graph* graph = NULL;
  tsr_value x, first;
  size_t count = 1;
  char* text = NULL;
  size_t len = 0;
  OK(tsr_graph_new(runtime, &graph));
  x = first = Input(graph, "x", TSR_F32, "N,4");
  OK(tsr_graph_add(graph, TEXT("square"), &x, 1, NULL, 0, &x, &count));
  EXPECT(x != first && count == 1);
  OK(tsr_graph_add(graph, TEXT("exp"), &x, 1, NULL, 0, &x, &count));
  GIVES(tsr_graph_type(graph, x, &text, &len), text, "f32[N,4]");
  tsr_graph_free(graph);
}

static void TestWrongOutputsAndLosses(tsr_runtime* runtime) {
  tsr_graph* graph = NewGraph(runtime);
  const tsr_value x = Input(graph, "x", TSR_F32, "B");
  const tsr_value w = GraphParam(graph, "w", TSR_F32, "", "{\"mean\": 2}");
  const tsr_value sum = Add(graph, "reduce_sum", x, -1, "{\"dims\": [0]}");
  const tsr_value scaled = Add(graph, "mul", sum, w, "");
  tsr_program* program = NULL;
  FAILS(tsr_program_from_graph(graph, NULL, 0, &program), TSR_INVALID_ARGUMENT,
        "at least one output");
  FAILS(tsr_graph_output(graph, TEXT("y"), 50), TSR_INVALID_ARGUMENT, "output y");
  FAILS(tsr_graph_output(graph, "", 0, x), TSR_INVALID_ARGUMENT, "name");
  OK(tsr_graph_output(graph, TEXT("y"), scaled));
  FAILS(tsr_graph_output(graph, TEXT("y"), x), TSR_INVALID_ARGUMENT, "output y");
  FAILS(tsr_graph_loss(graph, TEXT("l"), x, sum, 1), TSR_INVALID_ARGUMENT,
        "loss l: numerator: expected a scalar");
  FAILS(tsr_graph_loss(graph, TEXT("l"), scaled, w, 1), TSR_INVALID_ARGUMENT, "depends on w");
  FAILS(tsr_graph_loss(graph, TEXT("l"), scaled, scaled, 1), TSR_INVALID_ARGUMENT, "depends on w");
  FAILS(tsr_graph_loss(graph, TEXT("l"), scaled, 50, 1), TSR_INVALID_ARGUMENT, "denominator");
  FAILS(tsr_graph_loss(graph, TEXT("l"), scaled, sum, NAN), TSR_INVALID_ARGUMENT, "weight");
  OK(tsr_graph_loss(graph, TEXT("l"), scaled, sum, 1));
  FAILS(tsr_graph_loss(graph, TEXT("l"), scaled, sum, 1), TSR_INVALID_ARGUMENT, "loss l");
  tsr_graph_free(graph);
}

/* The y of a program at two rows, and its loss. */
static double PerceptronLoss(tsr_program* program, double* y) {
  static const char* const names[] = {"x", "target"};
  tsr_tensor* inputs[2];
  tsr_tensor* outputs[2] = {NULL, NULL};
  size_t count = 2;
  double loss;
  int i;
  inputs[0] = NewTensor(TSR_F64, 2, 2, 3);
  inputs[1] = NewTensor(TSR_F64, 2, 2, 2);
  for (i = 0; i < 6; ++i) ((double*)tsr_tensor_data(inputs[0]))[i] = 0.3 * (i - 2);
  OK(tsr_program_run(program, names, inputs, 2, outputs, &count));
  EXPECT(count == 2);
  memcpy(y, tsr_tensor_data(outputs[0]), 4 * sizeof(double));
  loss = *(double*)tsr_tensor_data(outputs[1]);
  for (i = 0; i < 2; ++i) {
    tsr_tensor_free(inputs[i]);
    tsr_tensor_free(outputs[i]);
  }
  return loss;
}

/* Compiles and runs what the bytes hold, whatever that is. */
static void TryBytes(tsr_runtime* runtime, const char* bytes, size_t len) {
  static const char* const names[] = {"x", "target"};
  tsr_graph* graph = NULL;
  tsr_program* program = NULL;
  tsr_tensor* inputs[2];
  tsr_tensor* output = NULL;
  size_t count = 1;
  tsr_status_free(tsr_graph_from_bytes(runtime, bytes, len, &graph));
  if (graph == NULL) return;
  inputs[0] = NewTensor(TSR_F64, 2, 2, 3);
  inputs[1] = NewTensor(TSR_F64, 2, 2, 2);
  tsr_status_free(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program));
  if (program != NULL) {
    tsr_status_free(tsr_program_run(program, names, inputs, 2, &output, &count));
    tsr_status_free(
        tsr_program_run_with_gradients(program, names, inputs, 2, NULL, NULL, NULL));
  }
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_tensor_free(output);
  tsr_program_free(program);
  tsr_graph_free(graph);
}

static void TestBytes(tsr_runtime* runtime) {
  tsr_graph* graph = Perceptron(runtime);
  tsr_graph* again = NULL;
  tsr_program *first = NULL, *second = NULL;
  char *bytes = NULL, *more = NULL;
  size_t len = 0, more_len = 0, i;
  double y[4], y_again[4];
  OK(tsr_graph_to_bytes(graph, &bytes, &len));
  OK(tsr_graph_from_bytes(runtime, bytes, len, &again));
  OK(tsr_graph_to_bytes(again, &more, &more_len));
  EXPECT(len == more_len && memcmp(bytes, more, len) == 0);
  OK(tsr_program_from_graph(graph, TEXT("{\"seed\": 3}"), &first));
  OK(tsr_program_from_graph(again, TEXT("{\"seed\": 3}"), &second));
  EXPECT(PerceptronLoss(first, y) == PerceptronLoss(second, y_again));
  EXPECT(memcmp(y, y_again, sizeof(y)) == 0);
  EXPECT(fabs(y[0] * y[0] + y[1] * y[1] + y[2] * y[2] + y[3] * y[3] -
              2 * PerceptronLoss(first, y)) < 1e-12);

  tsr_graph_free(again);
  again = NULL;
  FAILS(tsr_graph_from_bytes(runtime, "nonsense", 8, &again), TSR_INVALID_ARGUMENT, "");
  FAILS(tsr_graph_from_bytes(runtime, NULL, 8, &again), TSR_INVALID_ARGUMENT, "bytes");
  FAILS(tsr_graph_from_bytes(runtime, bytes, 0, &again), TSR_INVALID_ARGUMENT, "");
  for (i = 0; i < len; i += 3) { /* damaged bytes are refused or are a graph, and never crash */
    const char mask = (char)(1 << (i % 7));
    bytes[i] = (char)(bytes[i] ^ mask);
    TryBytes(runtime, bytes, len);
    bytes[i] = (char)(bytes[i] ^ mask);
  }
  TryBytes(runtime, bytes, len);
  OK(tsr_graph_from_bytes(runtime, bytes, len, &again)); /* nothing was taken for our own fault */
  tsr_graph_free(again);
  tsr_text_free(bytes);
  tsr_text_free(more);
  tsr_graph_free(graph);
  tsr_program_free(first);
  tsr_program_free(second);
}

int main(void) {
  tsr_runtime* runtime = NewRuntime();
  TestTypesAndText(runtime);
  TestWrongInputsAndParams(runtime);
  TestWrongOps(runtime);
  TestResultsInThePlaceOfOperands(runtime);
  TestWrongOutputsAndLosses(runtime);
  TestBytes(runtime);
  tsr_runtime_free(runtime);
  return Result("graph");
}
