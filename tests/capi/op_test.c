/* Method: an op with kernel and gradient in C, x * x * factor, in graphs and in a model that
 * trains: results, gradients against differences, errors of its callbacks, wrong registrations, and
 * its `destroy` counted. */
#include "tests/capi/build.h"

/* What the callbacks share with the tests. */
typedef struct Counts {
  int runs, gradients, destroyed;
  int fails; /* 1: run fails; 2: the gradient does; 3: it has other dims; 4: it is not pure */
  char attrs[64];
} Counts;

static tsr_status* RunScaledSquare(void* user, const char* attrs, size_t attrs_len,
                                   const tsr_kernel_operand* inputs, size_t input_count,
                                   const tsr_kernel_operand* outputs, size_t output_count) {
  Counts* counts = (Counts*)user;
  const double factor = strstr(attrs, "\"factor\": 3") != NULL ? 3 : 1;
  int64_t count = 1, i;
  ++counts->runs;
  snprintf(counts->attrs, sizeof(counts->attrs), "%.*s", (int)attrs_len, attrs);
  if (counts->fails == 1) return tsr_status_new(TSR_OUT_OF_RANGE, TEXT("the square is too large"));
  if (input_count != 1 || output_count != 1) return tsr_status_new(TSR_INTERNAL, TEXT("operands"));
  if (inputs[0].dtype != TSR_F64) return tsr_status_new(TSR_UNIMPLEMENTED, TEXT("only f64"));
  for (i = 0; i < inputs[0].rank; ++i) count *= inputs[0].dims[i];
  for (i = 0; i < count; ++i) {
    const double x = ((const double*)inputs[0].data)[i];
    ((double*)outputs[0].data)[i] = factor * x * x;
  }
  return NULL;
}

/* One output of an op in a scope; -1 after an error, which is kept in *status. */
static tsr_value ScopeAdd(tsr_scope* scope, const char* op, tsr_value a, tsr_value b,
                          const char* attrs, tsr_status** status) {
  tsr_value inputs[2];
  tsr_value output = -1;
  size_t count = 1;
  inputs[0] = a;
  inputs[1] = b;
  if (*status == NULL) {
    *status = tsr_scope_add(scope, TEXT(op), inputs, b < 0 ? 1 : 2, TEXT(attrs), &output, &count);
  }
  return output;
}

/* x * dy, added up 2 * factor times. */
static tsr_status* GradientOfScaledSquare(void* user, tsr_scope* scope, const char* attrs,
                                          size_t attrs_len, const tsr_value* values,
                                          size_t value_count, tsr_value* gradients,
                                          size_t input_count) {
  Counts* counts = (Counts*)user;
  tsr_status* status = NULL;
  const int factor = strstr(attrs, "\"factor\": 3") != NULL ? 3 : 1;
  tsr_value product = ScopeAdd(scope, "mul", values[0], values[2], "", &status);
  int i;
  (void)attrs_len;
  ++counts->gradients;
  EXPECT(value_count == 3 && input_count == 1);
  if (counts->fails == 2) {
    tsr_status_free(status);
    return tsr_status_new(TSR_UNIMPLEMENTED, TEXT("no gradient today"));
  }
  if (counts->fails == 3) {
    gradients[0] = ScopeAdd(scope, "reduce_sum", product, -1, "{\"dims\": [0]}", &status);
    return status;
  }
  if (counts->fails == 4) product = ScopeAdd(scope, counts->gradients % 2 ? "neg" : "abs", product,
                                             -1, "", &status);
  gradients[0] = product;
  for (i = 1; i < 2 * factor; ++i) {
    gradients[0] = ScopeAdd(scope, "add", gradients[0], product, "", &status);
  }
  return status;
}

static void Destroy(void* user) { ++((Counts*)user)->destroyed; }

static tsr_op_def ScaledSquare(Counts* counts) {
  tsr_op_def def;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.version = 2;
  def.name = "scaled_square";
  def.signature = "x[..., D] -> y[..., D]";
  def.doc = "factor * x * x";
  def.run = &RunScaledSquare;
  def.gradient = &GradientOfScaledSquare;
  def.user = counts;
  def.destroy = &Destroy;
  return def;
}

/* Mean over the batch of the sum of op(x * w), with the result as output. */
static tsr_graph* GraphOf(tsr_runtime* runtime, tsr_dtype dtype, const char* attrs) {
  tsr_graph* graph = NULL;
  tsr_value x, w, y, sum, ones, rows;
  OK(tsr_graph_new(runtime, &graph));
  x = Input(graph, "x", dtype, "B,3");
  w = GraphParam(graph, "w", dtype, "3", "{\"kind\": \"normal\", \"mean\": 1, \"stddev\": 0.3}");
  y = Add(graph, "scaled_square", Add(graph, "mul", x, w, ""), -1, attrs);
  sum = Add(graph, "reduce_sum", y, -1, "{\"dims\": [0, 1]}");
  ones = Add(graph, "fill", -1, -1, dtype == TSR_F64
                                        ? "{\"value\": 1, \"dtype\": \"f64\", \"shape\": \"B\"}"
                                        : "{\"value\": 1, \"dtype\": \"f32\", \"shape\": \"B\"}");
  rows = Add(graph, "reduce_sum", ones, -1, "{\"dims\": [0]}");
  OK(tsr_graph_output(graph, TEXT("y"), y));
  OK(tsr_graph_loss(graph, TEXT("sum"), sum, rows, 1));
  return graph;
}

static tsr_tensor* Numbers(tsr_dtype dtype) {
  tsr_tensor* tensor = NewTensor(dtype, 2, 2, 3);
  int i;
  for (i = 0; i < 6; ++i) {
    if (dtype == TSR_F64) ((double*)tsr_tensor_data(tensor))[i] = 0.5 + i;
  }
  return tensor;
}

static void TestRunAndGradient(tsr_runtime* runtime, Counts* counts) {
  static const char* const names[] = {"x"};
  tsr_graph* graph = GraphOf(runtime, TSR_F64, "{\"factor\": 3, \"why\": [1, 2]}");
  tsr_program* program = NULL;
  tsr_tensor* x = Numbers(TSR_F64);
  tsr_tensor* w = NULL;
  tsr_tensor* y;
  int i;
  char* text = NULL;
  size_t len = 0;
  OK(tsr_program_from_graph(graph, TEXT("{\"gradients\": true, \"seed\": 1}"), &program));
  OK(tsr_program_get_param(program, TEXT("w"), &w));
  y = Run1(program, "x", x);
  for (i = 0; i < 6; ++i) {
    const double product = (0.5 + i) * ((double*)tsr_tensor_data(w))[i % 3];
    EXPECT(fabs(((double*)tsr_tensor_data(y))[i] - 3 * product * product) < 1e-12);
  }
  EXPECT(strcmp(counts->attrs, "{\"factor\": 3, \"why\": [1, 2]}") == 0);
  CheckGradient(program, names, &x, 1, "w");
  EXPECT(counts->gradients == 2); /* checked mode asks twice */
  GIVES(tsr_runtime_describe_type(runtime, TEXT("scaled_square"), &text, &len), text,
        "factor * x * x");
  tsr_tensor_free(x);
  tsr_tensor_free(w);
  tsr_tensor_free(y);
  tsr_graph_free(graph);
  tsr_program_free(program);
}

static void TestErrors(tsr_runtime* runtime, Counts* counts) {
  static const char* const names[] = {"x"};
  tsr_graph* graph = GraphOf(runtime, TSR_F64, "");
  tsr_graph* narrow = GraphOf(runtime, TSR_F32, "");
  tsr_program* program = NULL;
  tsr_tensor* x = Numbers(TSR_F64);
  tsr_tensor* x_narrow = Numbers(TSR_F32);
  tsr_tensor* y = NULL;
  size_t count = 1;
  OK(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program));
  counts->fails = 1;
  FAILS(tsr_program_run(program, names, &x, 1, &y, &count), TSR_OUT_OF_RANGE,
        "the square is too large");
  FAILS(tsr_program_run_with_gradients(program, names, &x, 1, NULL, NULL, NULL), TSR_OUT_OF_RANGE,
        "scaled_square at '");
  counts->fails = 0;
  y = Run1(program, "x", x); /* and goes on */
  tsr_tensor_free(y);
  tsr_program_free(program);
  program = NULL;
  counts->fails = 2;
  FAILS(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program),
        TSR_UNIMPLEMENTED, "op 'scaled_square': gradient: no gradient today");
  counts->fails = 3;
  FAILS(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program),
        TSR_INVALID_ARGUMENT, "gradient of operand 0: expected f64[B,3], got f64[3]");
  counts->fails = 4;
  FAILS(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program),
        TSR_INVALID_ARGUMENT, "is not pure: call 2 of the scope was");
  counts->fails = 0;
  OK(tsr_program_from_graph(narrow, NULL, 0, &program));
  FAILS(tsr_program_run(program, names, &x_narrow, 1, &y, &count), TSR_UNIMPLEMENTED, "only f64");
  tsr_program_free(program);
  tsr_graph_free(graph);
  tsr_graph_free(narrow);
  tsr_tensor_free(x);
  tsr_tensor_free(x_narrow);
}

static void TestWrongUse(tsr_runtime* runtime) {
  tsr_graph* graph = NULL;
  tsr_value scalar, two, output = -1;
  size_t count = 1;
  tsr_value both[2];
  OK(tsr_graph_new(runtime, &graph));
  scalar = Input(graph, "s", TSR_F32, "");
  two = Input(graph, "t", TSR_F32, "2,2");
  both[0] = two;
  both[1] = two;
  FAILS(tsr_graph_add(graph, TEXT("scaled_square"), &scalar, 1, TEXT(""), &output, &count),
        TSR_INVALID_ARGUMENT, "scaled_square");
  FAILS(tsr_graph_add(graph, TEXT("scaled_square"), both, 2, TEXT(""), &output, &count),
        TSR_INVALID_ARGUMENT, "scaled_square");
  tsr_graph_free(graph);
}

/* What was compiled before another op came goes on as it was. */
static void TestRegisteringLater(tsr_runtime* runtime) {
  tsr_graph* graph = GraphOf(runtime, TSR_F64, "");
  tsr_program* program = NULL;
  tsr_tensor* x = Numbers(TSR_F64);
  tsr_tensor *before, *after;
  Counts counts;
  tsr_op_def def;
  tsr_value output;
  memset(&counts, 0, sizeof(counts));
  def = ScaledSquare(&counts);
  def.name = "later";
  def.destroy = NULL;
  OK(tsr_program_from_graph(graph, NULL, 0, &program));
  before = Run1(program, "x", x);
  OK(tsr_runtime_register_op(runtime, &def));
  after = Run1(program, "x", x);
  EXPECT(memcmp(tsr_tensor_data(before), tsr_tensor_data(after), tsr_tensor_bytes(after)) == 0);
  output = Add(graph, "later", 0, -1, "");
  EXPECT(output > 0 && counts.runs == 0);
  tsr_tensor_free(x);
  tsr_tensor_free(before);
  tsr_tensor_free(after);
  tsr_graph_free(graph);
  tsr_program_free(program);
}

static void ExpectRefused(tsr_runtime* runtime, tsr_op_def def, tsr_code code, const char* text) {
  Counts* counts = (Counts*)def.user;
  const int before = counts->destroyed;
  FAILS(tsr_runtime_register_op(runtime, &def), code, text);
  EXPECT(counts->destroyed == before + 1); /* once, also when registering fails */
}

static void TestWrongRegistrations(tsr_runtime* runtime) {
  Counts counts;
  tsr_op_def def;
  memset(&counts, 0, sizeof(counts));
  def = ScaledSquare(&counts);
  ExpectRefused(runtime, def, TSR_ALREADY_EXISTS, "scaled_square");
  def.name = "matmul";
  ExpectRefused(runtime, def, TSR_ALREADY_EXISTS, "matmul");
  def.name = "Square";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.name");
  def.name = "";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.name");
  def.name = NULL;
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.name");
  def.name = "another";
  def.version = 0;
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.version");
  def.version = 1;
  def.signature = "x[ -> y";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "signature");
  def.signature = "-> y[3]";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "at least one output and one input");
  def.signature = NULL;
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.signature");
  def.signature = "x[D] -> y[D]";
  def.run = NULL;
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.run");
  def = ScaledSquare(&counts);
  ExpectRefused(NULL, def, TSR_INVALID_ARGUMENT, "runtime");
  def.struct_size = 8;
  FAILS(tsr_runtime_register_op(runtime, &def), TSR_INVALID_ARGUMENT, "struct_size");
  FAILS(tsr_runtime_register_op(runtime, NULL), TSR_INVALID_ARGUMENT, "def");
}

/* Without a gradient it runs, and only asking for one is an error. */
static void TestWithoutGradient(tsr_runtime* runtime, Counts* counts) {
  tsr_graph* graph = NULL;
  tsr_program* program = NULL;
  tsr_op_def def = ScaledSquare(counts);
  def.gradient = NULL;
  OK(tsr_runtime_register_op(runtime, &def));
  graph = GraphOf(runtime, TSR_F64, "");
  OK(tsr_program_from_graph(graph, NULL, 0, &program));
  tsr_program_free(program);
  FAILS(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program),
        TSR_UNIMPLEMENTED, "scaled_square");
  tsr_graph_free(graph);
}

/* A graph with the op, as bytes, for a runtime that lacks it or has another version. */
static void TestBytes(tsr_runtime* runtime, tsr_runtime* without, Counts* counts) {
  tsr_graph* graph = GraphOf(runtime, TSR_F64, "{\"factor\": 3}");
  tsr_graph* again = NULL;
  char* bytes = NULL;
  size_t len = 0;
  tsr_op_def def = ScaledSquare(counts);
  OK(tsr_graph_to_bytes(graph, &bytes, &len));
  OK(tsr_graph_from_bytes(runtime, bytes, len, &again));
  tsr_graph_free(again);
  FAILS(tsr_graph_from_bytes(without, bytes, len, &again), TSR_NOT_FOUND, "scaled_square@2");
  def.version = 3;
  OK(tsr_runtime_register_op(without, &def));
  FAILS(tsr_graph_from_bytes(without, bytes, len, &again), TSR_NOT_FOUND, "scaled_square@2");
  tsr_text_free(bytes);
  tsr_graph_free(graph);
}

/* A feed-forward layer that is the op alone, for a model that trains. */
static tsr_status* BuildSquares(void* user, tsr_scope* scope, const char* config,
                                size_t config_len, const tsr_value* inputs, size_t input_count,
                                tsr_value* outputs, size_t* output_count) {
  tsr_status* status = NULL;
  (void)user, (void)config, (void)config_len, (void)input_count;
  outputs[0] = ScopeAdd(scope, "scaled_square", inputs[0], -1, "", &status);
  *output_count = 1;
  return status;
}

/* The op inside a model: it trains, and an error of its kernel is the error of the step. */
static void TestTraining(tsr_runtime* runtime, Counts* counts) {
  tsr_module_def def;
  tsr_config* config;
  tsr_trainer* trainer = NULL;
  tsr_step_result result;
  char folder[64], corpus[96];
  double first = 0;
  int i;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.schema = "table Squares (role: \"feed_forward\") { }";
  def.type = "Squares";
  def.build = &BuildSquares;
  OK(tsr_runtime_register_module(runtime, &def));
  memset(&result, 0, sizeof(result));
  result.struct_size = sizeof(result);
  NewFolder(folder, sizeof(folder));
  snprintf(corpus, sizeof(corpus), "%s/corpus.txt", folder);
  WriteCorpus(corpus);
  config = SmallConfig(runtime, corpus);
  Set(config, "model.decoder.layer.feed_forward", "\"Squares\"");
  Set(config, "runtime.dtype", "fp64");
  Set(config, "trainer.steps", "30");
  OK(tsr_trainer_new(config, NULL, 0, NULL, 0, &trainer));
  counts->runs = 0;
  for (i = 0; i < 15; ++i) {
    OK(tsr_trainer_step(trainer, &result));
    if (i == 0) first = result.loss;
  }
  EXPECT(result.loss < first - 0.5 && counts->runs >= 15);
  counts->fails = 1;
  FAILS(tsr_trainer_step(trainer, &result), TSR_OUT_OF_RANGE, "the square is too large");
  counts->fails = 0;
  OK(tsr_trainer_step(trainer, &result)); /* and the trainer goes on */
  EXPECT(result.step == 16 && isfinite(result.loss));
  tsr_trainer_free(trainer);
  tsr_config_free(config);
  RemoveFolder(folder);
}

int main(void) {
  Counts counts, other, third;
  tsr_runtime* runtime = NewRuntime();
  tsr_runtime* plain = NewRuntime();
  tsr_runtime* late = NewRuntime();
  tsr_op_def def;
  memset(&counts, 0, sizeof(counts));
  memset(&other, 0, sizeof(other));
  memset(&third, 0, sizeof(third));
  def = ScaledSquare(&counts);
  OK(tsr_runtime_register_op(runtime, &def));
  TestRunAndGradient(runtime, &counts);
  TestErrors(runtime, &counts);
  TestTraining(runtime, &counts);
  TestWrongUse(runtime);
  TestRegisteringLater(runtime);
  TestWrongRegistrations(runtime);
  TestBytes(runtime, late, &third);
  TestWithoutGradient(plain, &other); /* another runtime, so the name is free */
  EXPECT(counts.destroyed == 0 && other.destroyed == 0 && third.destroyed == 0);
  tsr_runtime_free(runtime);
  tsr_runtime_free(plain);
  tsr_runtime_free(late);
  EXPECT(counts.destroyed == 1 && other.destroyed == 1 && third.destroyed == 1);
  return Result("op");
}
