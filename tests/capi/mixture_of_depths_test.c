/* Method: the mixture of depths of samples/moe, called from a graph, against a loop over tokens in
 * C: in each sequence the half with the largest scores is computed, the rest is zero; gradients
 * against differences. So the ops of routed layers are enough for one of one's own. */
#include "tests/capi/build.h"

#include "samples/moe/mixture_of_depths.c"

enum { kRows = 2, kLength = 5, kWidth = 4, kHidden = 3, kChosen = 3 };   /* ceil(5 / 2) */

static const double* Data(const tsr_tensor* tensor) {
  return (const double*)tsr_tensor_data((tsr_tensor*)tensor);
}

static tsr_tensor* ParamOf(tsr_program* program, const char* path) {
  tsr_tensor* tensor = NULL;
  OK(tsr_program_get_param(program, TEXT(path), &tensor));
  return tensor;
}

/* Numbers of order 1 in place of the small first values. */
static void FillParam(tsr_program* program, const char* path, double phase) {
  tsr_tensor* tensor = ParamOf(program, path);
  double* data = (double*)tsr_tensor_data(tensor);
  size_t i;
  for (i = 0; i < tsr_tensor_bytes(tensor) / sizeof(double); ++i) data[i] = cos(phase + (double)i);
  OK(tsr_program_set_param(program, TEXT(path), tensor));
  tsr_tensor_free(tensor);
}

static void Expected(tsr_program* program, const double* x, double* y) {
  tsr_tensor* router = ParamOf(program, "m/router/weight");
  tsr_tensor* up = ParamOf(program, "m/up_proj/weight");
  tsr_tensor* down = ParamOf(program, "m/down_proj/weight");
  int b, t, other, d, h;
  for (b = 0; b < kRows; ++b) {
    double scores[kLength] = {0};
    for (t = 0; t < kLength; ++t) {
      for (d = 0; d < kWidth; ++d) {
        scores[t] += x[(b * kLength + t) * kWidth + d] * Data(router)[d];
      }
    }
    for (t = 0; t < kLength; ++t) {
      const double* token = x + (b * kLength + t) * kWidth;
      double* out = y + (b * kLength + t) * kWidth;
      int above = 0;
      for (other = 0; other < kLength; ++other) above += scores[other] > scores[t];
      for (d = 0; d < kWidth; ++d) out[d] = 0;
      for (h = 0; h < kHidden && above < kChosen; ++h) {
        double sum = 0;
        for (d = 0; d < kWidth; ++d) sum += token[d] * Data(up)[d * kHidden + h];
        sum = sum > 0 ? sum * sum : 0;
        for (d = 0; d < kWidth; ++d) out[d] += scores[t] * sum * Data(down)[h * kWidth + d];
      }
    }
  }
  tsr_tensor_free(router);
  tsr_tensor_free(up);
  tsr_tensor_free(down);
}

int main(void) {
  static const char* const kPaths[] = {"m/router/weight", "m/up_proj/weight",
                                       "m/down_proj/weight"};
  static const char* const kNames[] = {"x"};
  const int64_t dims[3] = {kRows, kLength, kWidth};
  tsr_runtime* runtime = NewRuntime();
  tsr_config* config = NULL;
  tsr_graph* graph = NULL;
  tsr_program* program = NULL;
  tsr_tensor *x = NULL, *y = NULL;
  tsr_value output = -1, input, sum, one;
  double expected[kRows * kLength * kWidth], loss = 0;
  size_t count = 1, i;
  int zeros = 0;
  OK(RegisterMixtureOfDepths(runtime));
  OK(tsr_config_parse(runtime, TEXT("{\"type\": \"MixtureOfDepths\", \"model_dim\": 4, "
                                    "\"hidden_dim\": 3, \"percent\": 50}"), TEXT("m"), &config));
  OK(tsr_graph_new(runtime, &graph));
  input = Input(graph, "x", TSR_F64, "B,T,4");
  OK(tsr_graph_call(graph, config, TEXT("m"), NULL, 0, &input, 1, &output, &count));
  OK(tsr_graph_output(graph, TEXT("y"), output));
  sum = Add(graph, "reduce_sum", output, -1, "{\"dims\": [0, 1, 2]}");
  one = Add(graph, "fill", -1, -1, "{\"value\": 1, \"dtype\": \"f64\"}");
  OK(tsr_graph_loss(graph, TEXT("sum"), sum, one, 1));
  OK(tsr_program_from_graph(graph, TEXT("{\"gradients\": true}"), &program));
  for (i = 0; i < 3; ++i) FillParam(program, kPaths[i], (double)i);
  OK(tsr_tensor_new(TSR_F64, dims, 3, &x));
  for (i = 0; i < kRows * kLength * kWidth; ++i) {
    ((double*)tsr_tensor_data(x))[i] = sin(1.3 * (double)i);
  }
  count = 1;
  OK(tsr_program_run_with_gradients(program, kNames, &x, 1, &y, &count, &loss));
  Expected(program, Data(x), expected);
  for (i = 0; i < kRows * kLength * kWidth; ++i) {
    EXPECT(fabs(Data(y)[i] - expected[i]) <= 1e-12);
    zeros += Data(y)[i] == 0;
  }
  EXPECT(zeros >= kRows * (kLength - kChosen) * kWidth);
  EXPECT(fabs(loss) > 1e-3);
  for (i = 0; i < 3; ++i) {
    const double step = 1e-6;
    tsr_tensor* gradient = NULL;
    OK(tsr_program_get_gradient(program, TEXT(kPaths[i]), &gradient));
    EXPECT(fabs((LossAt(program, kNames, &x, 1, kPaths[i], 1, step) -
                 LossAt(program, kNames, &x, 1, kPaths[i], 1, -step)) / (2 * step) -
                Data(gradient)[1]) <= 1e-7);
    tsr_tensor_free(gradient);
  }
  tsr_tensor_free(x);
  tsr_tensor_free(y);
  tsr_program_free(program);
  tsr_graph_free(graph);
  tsr_config_free(config);
  tsr_runtime_free(runtime);
  return Result("mixture_of_depths_test");
}
