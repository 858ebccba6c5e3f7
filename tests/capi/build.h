/* What the C tests of graphs, programs, modules and ops share: calls with literal texts, tensors
 * filled with numbers, and gradients against differences. Not thread-safe. */
#ifndef TESSERA_TESTS_CAPI_BUILD_H_
#define TESSERA_TESTS_CAPI_BUILD_H_

#include "tests/capi/check.h"

/* A literal or variable text as pointer and length. */
#define TEXT(text) (text), strlen(text)

static inline tsr_value Input(tsr_graph* graph, const char* name, tsr_dtype dtype,
                              const char* dims) {
  tsr_value value = -1;
  OK(tsr_graph_input(graph, TEXT(name), dtype, TEXT(dims), &value));
  return value;
}

static inline tsr_value GraphParam(tsr_graph* graph, const char* path, tsr_dtype dtype,
                              const char* dims, const char* init) {
  tsr_value value = -1;
  OK(tsr_graph_param(graph, TEXT(path), dtype, TEXT(dims), TEXT(init), &value));
  return value;
}

/* The only output of an op of up to two inputs (negative: none). */
static inline tsr_value Add(tsr_graph* graph, const char* op, tsr_value a, tsr_value b,
                            const char* attrs) {
  tsr_value inputs[2];
  tsr_value output = -1;
  size_t count = 1;
  size_t input_count = 0;
  if (a >= 0) inputs[input_count++] = a;
  if (b >= 0) inputs[input_count++] = b;
  OK(tsr_graph_add(graph, TEXT(op), inputs, input_count, TEXT(attrs), &output, &count));
  return output;
}

static inline tsr_tensor* NewTensor(tsr_dtype dtype, int32_t rank, int64_t a, int64_t b) {
  const int64_t dims[2] = {a, b};
  tsr_tensor* tensor = NULL;
  OK(tsr_tensor_new(dtype, dims, rank, &tensor));
  return tensor;
}

/* Token ids that differ: 0, step, 2 * step, ... modulo `limit`. */
static inline tsr_tensor* Tokens(int64_t rows, int64_t columns, int32_t step, int32_t limit) {
  tsr_tensor* tensor = NewTensor(TSR_I32, 2, rows, columns);
  int32_t* data = (int32_t*)tsr_tensor_data(tensor);
  int64_t i;
  for (i = 0; i < rows * columns; ++i) data[i] = (int32_t)(i * step) % limit;
  return tensor;
}

/* One input, one output. NULL after an error, which is reported. */
static inline tsr_tensor* Run1(tsr_program* program, const char* name, tsr_tensor* input) {
  tsr_tensor* output = NULL;
  size_t count = 1;
  OK(tsr_program_run(program, &name, &input, 1, &output, &count));
  EXPECT(count == 1);
  return output;
}

/* The call gives `text`, which holds `part` and is freed. */
#define GIVES(call, text, part) \
  do {                          \
    if (OK(call)) {             \
      HOLDS(text, part);        \
      tsr_text_free(text);      \
    }                           \
  } while (0)

/* The loss of a program in fp64 with `path`[index] moved by `step`. */
static inline double LossAt(tsr_program* program, const char* const* names, tsr_tensor** inputs,
                            size_t input_count, const char* path, size_t index, double step) {
  tsr_tensor* param = NULL;
  double loss = NAN;
  double before;
  double* data;
  OK(tsr_program_get_param(program, TEXT(path), &param));
  data = (double*)tsr_tensor_data(param);
  before = data[index];
  data[index] = before + step;
  OK(tsr_program_set_param(program, TEXT(path), param));
  OK(tsr_program_run_with_gradients(program, names, inputs, input_count, NULL, NULL, &loss));
  data[index] = before;
  OK(tsr_program_set_param(program, TEXT(path), param));
  tsr_tensor_free(param);
  return loss;
}

/* Some elements of the gradient of `path`, in fp64, against central differences. */
static inline void CheckGradient(tsr_program* program, const char* const* names,
                                 tsr_tensor** inputs, size_t input_count, const char* path) {
  const double step = 1e-5;
  const double tolerance = 1e-6; /* the differences are good to about step squared */
  tsr_tensor* gradient = NULL;
  size_t count, i, stride;
  double largest = 0;
  OK(tsr_program_run_with_gradients(program, names, inputs, input_count, NULL, NULL, NULL));
  if (!OK(tsr_program_get_gradient(program, TEXT(path), &gradient))) return;
  EXPECT(tsr_tensor_dtype(gradient) == TSR_F64);
  count = tsr_tensor_bytes(gradient) / sizeof(double);
  stride = count / 7 + 1;
  for (i = 0; i < count; i += stride) {
    const double up = LossAt(program, names, inputs, input_count, path, i, step);
    const double down = LossAt(program, names, inputs, input_count, path, i, -step);
    const double expected = (up - down) / (2 * step);
    const double got = ((double*)tsr_tensor_data(gradient))[i];
    if (fabs(got) > largest) largest = fabs(got);
    if (!(fabs(got - expected) <= tolerance * (1 + fabs(expected)))) {
      char text[256];
      snprintf(text, sizeof(text), "%s[%zu]: expected %.12g, got %.12g", path, i, expected, got);
      Fail(__FILE__, __LINE__, "gradient", text);
    }
  }
  EXPECT(largest > 0);
  tsr_tensor_free(gradient);
}

#endif /* TESSERA_TESTS_CAPI_BUILD_H_ */
