/* What calls and callbacks cost from C: the floor of the other languages; a line each, in ns
 * (binding_calls.py compiles and runs it). Least of five rounds. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tessera.h"

static tsr_runtime* runtime;
static tsr_tensor* tensor;
static tsr_graph* graph;
static tsr_value value;

static void Check(tsr_status* status) {
  if (status == NULL) return;
  fprintf(stderr, "%s\n", tsr_status_message(status));
  exit(1);
}

static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double PerCall(int count, void (*call)(void* user), void* user) {
  double least = 1e300;
  int round, i;
  for (round = 0; round < 5; ++round) {
    const double start = Now();
    double each;
    for (i = 0; i < count; ++i) call(user);
    each = (Now() - start) / count;
    if (each < least) least = each;
  }
  return least;
}

static void Getter(void* user) {
  (void)user;
  if (tsr_tensor_dtype(tensor) != TSR_F32) exit(1);
}

static void Text(void* user) {
  char* text = NULL;
  size_t len = 0;
  (void)user;
  Check(tsr_graph_type(graph, value, &text, &len));
  tsr_text_free(text);
}

static void Error(void* user) {
  const int64_t dims[] = {-1};
  tsr_tensor* none = NULL;
  tsr_status* status = tsr_tensor_new(TSR_F32, dims, 1, &none);
  (void)user;
  if (status == NULL) exit(1);
  tsr_status_free(status);
}

static void Made(void* user) {
  const int64_t dims[] = {1};
  tsr_tensor* made = NULL;
  (void)user;
  Check(tsr_tensor_new(TSR_F32, dims, 1, &made));
  tsr_tensor_free(made);
}

static void View(void* user) {
  (void)user;
  if (tsr_tensor_data(tensor) == NULL || tsr_tensor_bytes(tensor) != 16000) exit(1);
}

static tsr_status* Nothing(void* user, const char* attrs, size_t attrs_len,
                           const tsr_kernel_operand* inputs, size_t input_count,
                           const tsr_kernel_operand* outputs, size_t output_count) {
  (void)user, (void)attrs, (void)attrs_len, (void)inputs, (void)input_count, (void)outputs;
  return output_count == 1 ? NULL : tsr_status_new(TSR_INTERNAL, "outputs", 7);
}

/* A program of so many uses of an op that does nothing. */
static tsr_program* Uses(int count) {
  tsr_graph* made = NULL;
  tsr_program* program = NULL;
  tsr_value x;
  size_t one;
  int i;
  Check(tsr_graph_new(runtime, &made));
  Check(tsr_graph_param(made, "x", 1, TSR_F32, "1", 1, "", 0, &x));
  for (i = 0; i < count; ++i) {
    one = 1;
    Check(tsr_graph_add(made, "bench_nothing", 13, &x, 1, "", 0, &x, &one));
  }
  Check(tsr_graph_output(made, "y", 1, x));
  Check(tsr_program_from_graph(made, "", 0, &program));
  tsr_graph_free(made);
  return program;
}

static void Run(void* user) {
  tsr_tensor* output = NULL;
  size_t count = 1;
  Check(tsr_program_run((tsr_program*)user, NULL, NULL, 0, &output, &count));
  tsr_tensor_free(output);
}

int main(void) {
  const int64_t dims[] = {4, 1000};
  tsr_op_def def = {sizeof(def), 1, "bench_nothing", "x[N] -> y[N]", "", &Nothing, NULL, NULL,
                    NULL};
  tsr_program *few, *many;
  Check(tsr_runtime_new("{\"threads\": 1}", 14, &runtime));
  Check(tsr_tensor_new(TSR_F32, dims, 2, &tensor));
  Check(tsr_graph_new(runtime, &graph));
  Check(tsr_graph_input(graph, "x", 1, TSR_F32, "B,T,64", 6, &value));
  printf("a getter: %.0f\n", PerCall(1000000, &Getter, NULL));
  printf("a status and a text: %.0f\n", PerCall(20000, &Text, NULL));
  printf("an error: %.0f\n", PerCall(5000, &Error, NULL));
  printf("a tensor made and closed: %.0f\n", PerCall(20000, &Made, NULL));
  printf("a view of its data: %.0f\n", PerCall(1000000, &View, NULL));
  Check(tsr_runtime_register_op(runtime, &def));
  few = Uses(1);
  many = Uses(201);
  printf("a kernel's callback: %.0f\n",
         (PerCall(500, &Run, many) - PerCall(500, &Run, few)) / 200);
  tsr_program_free(few);
  tsr_program_free(many);
  tsr_graph_free(graph);
  tsr_tensor_free(tensor);
  tsr_runtime_free(runtime);
  return 0;
}
