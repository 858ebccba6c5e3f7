/* Method: models that read something else than text as programs: images and labels, a source and
 * tokens. What may be left out is made; gradients against differences in fp64; a classifier of
 * images is trained by its user, tensor by tensor, until it tells two kinds apart. */
#include "tests/capi/build.h"

static const char kVision[] =
    "{\"model\": {\"type\": \"VisionModel\", \"model_dim\": 8, \"image_size\": 4,"
    "  \"num_channels\": 1, \"num_classes\": 2, \"patches\": {\"patch_size\": 2},"
    "  \"head\": {\"pooling\": \"mean\"},"
    "  \"encoder\": {\"num_layers\": 1, \"position\": \"NoPosition\", \"layer\": {"
    "    \"attention\": {\"num_heads\": 2, \"causal\": false},"
    "    \"feed_forward\": {\"hidden_dim\": 12}}}},"
    " \"data\": {\"train\": \"none\"}, \"runtime\": {\"seed\": 5, \"dtype\": \"fp64\"}}";

static const char kSeq2Seq[] =
    "{\"model\": {\"type\": \"EncoderDecoder\", \"vocab_size\": 20, \"model_dim\": 8,"
    "  \"encoder\": {\"num_layers\": 1, \"layer\": {"
    "    \"attention\": {\"num_heads\": 2, \"causal\": false},"
    "    \"feed_forward\": {\"hidden_dim\": 12}}},"
    "  \"decoder\": {\"num_layers\": 1, \"layer\": {\"attention\": {\"num_heads\": 2},"
    "    \"cross_attention\": {\"num_heads\": 2}, \"feed_forward\": {\"hidden_dim\": 12}}}},"
    " \"data\": {\"train\": \"none\"}, \"runtime\": {\"seed\": 5, \"dtype\": \"fp64\"}}";

static tsr_program* Compile(tsr_runtime* runtime, const char* json, const char* options) {
  tsr_config* config = ParseConfig(runtime, json);
  tsr_program* program = NULL;
  OK(tsr_program_from_config(config, TEXT(options), &program));
  tsr_config_free(config);
  return program;
}

/* Images of 4 x 4: bright on the left (0) or on the right (1), with some unevenness. */
static void FillImages(tsr_tensor* images, tsr_tensor* labels, int count) {
  double* data = (double*)tsr_tensor_data(images);
  int b, i;
  for (b = 0; b < count; ++b) {
    ((int32_t*)tsr_tensor_data(labels))[b] = b % 2;
    for (i = 0; i < 16; ++i) {
      data[b * 16 + i] = ((i % 4 < 2) == (b % 2 == 0)) + 0.1 * ((b * 7 + i * 5) % 4);
    }
  }
}

/* Moves a parameter against its gradient. */
static void Descend(tsr_program* program, const char* path, double rate) {
  tsr_tensor *param = NULL, *gradient = NULL;
  size_t count, i;
  OK(tsr_program_get_param(program, TEXT(path), &param));
  OK(tsr_program_get_gradient(program, TEXT(path), &gradient));
  count = tsr_tensor_bytes(param) / sizeof(double);
  for (i = 0; i < count; ++i) {
    ((double*)tsr_tensor_data(param))[i] -= rate * ((double*)tsr_tensor_data(gradient))[i];
  }
  OK(tsr_program_set_param(program, TEXT(path), param));
  tsr_tensor_free(param);
  tsr_tensor_free(gradient);
}

static void TestImages(tsr_runtime* runtime) {
  static const char* const names[] = {"images", "labels"};
  static const char* const paths[] = {
      "patches/projection/weight", "patches/position", "head/classifier/weight",
      "head/classifier/bias", "encoder/layers/0/attention/v_proj/weight",
      "encoder/layers/0/attention/o_proj/weight", "encoder/layers/0/feed_forward/up_proj/weight"};
  const size_t path_count = sizeof(paths) / sizeof(paths[0]);
  const int64_t image_dims[4] = {6, 1, 4, 4};
  tsr_program* program = Compile(runtime, kVision, "{\"gradients\": true}");
  tsr_tensor *images = NULL, *labels = NULL, *outputs[2] = {NULL, NULL};
  tsr_tensor* inputs[2];
  double first = 0, last = 0;
  size_t count = 2, i;
  int step;
  OK(tsr_tensor_new(TSR_F64, image_dims, 4, &images));
  OK(tsr_tensor_new(TSR_I32, image_dims, 1, &labels));
  FillImages(images, labels, 6);
  inputs[0] = images;
  inputs[1] = labels;
  CheckGradient(program, names, inputs, 2, "patches/projection/weight");
  CheckGradient(program, names, inputs, 2, "patches/class_token");
  CheckGradient(program, names, inputs, 2, "encoder/layers/0/attention/k_proj/weight");
  OK(tsr_program_run_with_gradients(program, names, inputs, 2, NULL, NULL, &first));
  for (step = 0; step < 200; ++step) {
    for (i = 0; i < path_count; ++i) Descend(program, paths[i], 0.5);
    OK(tsr_program_run_with_gradients(program, names, inputs, 2, NULL, NULL, &last));
  }
  EXPECT(first > 0.5 && last < 0.1);
  OK(tsr_program_run(program, names, inputs, 1, outputs, &count)); /* labels left out */
  EXPECT(tsr_tensor_rank(outputs[0]) == 2 && tsr_tensor_dim(outputs[0], 1) == 2);
  for (i = 0; i < 6; ++i) {
    const double* scores = (const double*)tsr_tensor_data(outputs[0]) + 2 * i;
    EXPECT((scores[1] > scores[0]) == (i % 2 == 1));
  }
  for (i = 0; i < count; ++i) tsr_tensor_free(outputs[i]);
  tsr_tensor_free(images);
  tsr_tensor_free(labels);
  tsr_program_free(program);
}

static void TestSource(tsr_runtime* runtime) {
  static const char* const names[] = {"source", "tokens", "targets", "source_segments"};
  tsr_program* program = Compile(runtime, kSeq2Seq, "{\"gradients\": true}");
  tsr_tensor* source = Tokens(2, 7, 3, 20);
  tsr_tensor* tokens = Tokens(2, 4, 5, 20);
  tsr_tensor* targets = Tokens(2, 4, 6, 20);
  tsr_tensor* segments = Tokens(2, 7, 0, 20);
  tsr_tensor* inputs[4];
  tsr_tensor *usual[2] = {NULL, NULL}, *given[2] = {NULL, NULL};
  size_t count = 2, i;
  inputs[0] = source;
  inputs[1] = tokens;
  inputs[2] = targets;
  inputs[3] = segments;
  OK(tsr_program_run(program, names, inputs, 3, usual, &count));
  EXPECT(tsr_tensor_dim(usual[0], 0) == 2 && tsr_tensor_dim(usual[0], 1) == 4);
  OK(tsr_program_run(program, names, inputs, 4, given, &count));
  EXPECT(memcmp(tsr_tensor_data(usual[0]), tsr_tensor_data(given[0]),
                tsr_tensor_bytes(usual[0])) == 0);
  CheckGradient(program, names, inputs, 4, "encoder/layers/0/attention/q_proj/weight");
  CheckGradient(program, names, inputs, 4, "decoder/layers/0/cross_attention/k_proj/weight");
  CheckGradient(program, names, inputs, 4, "embedding/weight");
  count = 0;
  FAILS(tsr_program_run(program, names, inputs, 1, NULL, &count), TSR_INVALID_ARGUMENT,
        "input tokens: expected i32[B,T], got none");
  for (i = 0; i < 4; ++i) tsr_tensor_free(inputs[i]);
  for (i = 0; i < 2; ++i) {
    tsr_tensor_free(usual[i]);
    tsr_tensor_free(given[i]);
  }
  tsr_program_free(program);
}

int main(void) {
  tsr_runtime* runtime = NewRuntime();
  TestImages(runtime);
  TestSource(runtime);
  tsr_runtime_free(runtime);
  return Result("other_models");
}
