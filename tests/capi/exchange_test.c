/* Import and export of models through the C interface: a tiny Llama written here as a Hugging Face
 * folder. That numbers agree is tested in tests/interop and tests/golden. */
#include "tests/capi/check.h"

enum { kVocab = 12, kWidth = 4, kInner = 6 };

static const char kConfig[] =
    "{\"model_type\": \"llama\", \"architectures\": [\"LlamaForCausalLM\"], \"vocab_size\": 12,\n"
    " \"hidden_size\": 4, \"intermediate_size\": 6, \"num_hidden_layers\": 1,\n"
    " \"num_attention_heads\": 2, \"tie_word_embeddings\": true, \"colour\": \"blue\"}\n";

typedef struct {
  const char* name;
  int rows, columns; /* columns 0: one dim */
} Weight;

static const Weight kWeights[] = {
    {"model.embed_tokens.weight", kVocab, kWidth},
    {"model.layers.0.input_layernorm.weight", kWidth, 0},
    {"model.layers.0.mlp.down_proj.weight", kWidth, kInner},
    {"model.layers.0.mlp.gate_proj.weight", kInner, kWidth},
    {"model.layers.0.mlp.up_proj.weight", kInner, kWidth},
    {"model.layers.0.post_attention_layernorm.weight", kWidth, 0},
    {"model.layers.0.self_attn.k_proj.weight", kWidth, kWidth},
    {"model.layers.0.self_attn.o_proj.weight", kWidth, kWidth},
    {"model.layers.0.self_attn.q_proj.weight", kWidth, kWidth},
    {"model.layers.0.self_attn.v_proj.weight", kWidth, kWidth},
    {"model.norm.weight", kWidth, 0},
};
enum { kWeightCount = sizeof(kWeights) / sizeof(kWeights[0]) };

static int Count(const Weight* weight) {
  return weight->rows * (weight->columns == 0 ? 1 : weight->columns);
}

static void WriteFile(const char* folder, const char* name, const void* data, size_t bytes,
                      const char* mode) {
  char path[256];
  FILE* file;
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  file = fopen(path, mode);
  if (file == NULL || fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) exit(1);
}

/* The first `count` weights; each element is a number of its own. */
static void WriteModel(const char* folder, int count) {
  char header[4096];
  size_t length = 0;
  unsigned long long header_bytes;
  int offset = 0, number = 0, i, k;
  length += (size_t)snprintf(header, sizeof(header), "{");
  for (i = 0; i < count; ++i) {
    const Weight* weight = &kWeights[i];
    char dims[32];
    if (weight->columns == 0) {
      snprintf(dims, sizeof(dims), "[%d]", weight->rows);
    } else {
      snprintf(dims, sizeof(dims), "[%d,%d]", weight->rows, weight->columns);
    }
    length += (size_t)snprintf(header + length, sizeof(header) - length,
                               "%s\"%s\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%d,%d]}",
                               i == 0 ? "" : ",", weight->name, dims, offset,
                               offset + 4 * Count(weight));
    offset += 4 * Count(weight);
  }
  length += (size_t)snprintf(header + length, sizeof(header) - length, "}");
  header_bytes = length;
  EXPECT(mkdir(folder, 0777) == 0);
  WriteFile(folder, "config.json", kConfig, strlen(kConfig), "wb");
  WriteFile(folder, "model.safetensors", &header_bytes, 8, "wb");
  WriteFile(folder, "model.safetensors", header, length, "ab");
  for (i = 0; i < count; ++i) {
    for (k = 0; k < Count(&kWeights[i]); ++k) {
      const float value = 0.01f * (float)++number;
      WriteFile(folder, "model.safetensors", &value, sizeof(value), "ab");
    }
  }
}

static tsr_job* StartImport(tsr_runtime* runtime, const char* from, const char* to) {
  tsr_job* job = NULL;
  OK(tsr_checkpoint_import(runtime, from, strlen(from), to, strlen(to), &job));
  if (job == NULL) exit(1);
  return job;
}

static void TestImportAndExport(tsr_runtime* runtime, const char* folder) {
  static const char kName[] = "model.layers.0.mlp.gate_proj.weight";
  char model[128], checkpoint[128], copy[128];
  char* text = NULL;
  size_t length = 0;
  tsr_job* job;
  tsr_program* program = NULL;
  tsr_tensor* tensor = NULL;
  tsr_progress progress;
  snprintf(model, sizeof(model), "%s/model", folder);
  snprintf(checkpoint, sizeof(checkpoint), "%s/checkpoint", folder);
  snprintf(copy, sizeof(copy), "%s/copy", folder);
  WriteModel(model, kWeightCount);
  job = StartImport(runtime, model, checkpoint);
  OK(tsr_job_wait(job, -1));
  memset(&progress, 0, sizeof(progress));
  progress.struct_size = sizeof(progress);
  OK(tsr_job_progress(job, &progress));
  EXPECT(progress.done == 1 && progress.step == progress.total_steps && progress.step > 0);
  OK(tsr_job_report(job, &text, &length));
  HOLDS(text, "\"family\": \"llama\"");
  HOLDS(text, "colour");
  tsr_text_free(text);
  tsr_job_free(job);

  /* Tensors are known by the names that they came with, in their layout. */
  OK(tsr_program_from_checkpoint(runtime, checkpoint, strlen(checkpoint), "{}", 2, &program));
  OK(tsr_program_get_param(program, kName, strlen(kName), &tensor));
  EXPECT(tsr_tensor_dim(tensor, 0) == kInner && tsr_tensor_dim(tensor, 1) == kWidth);
  EXPECT(((const float*)tsr_tensor_data(tensor))[1] -
             ((const float*)tsr_tensor_data(tensor))[0] < 0.011f);
  OK(tsr_program_describe(program, &text, &length));
  HOLDS(text, "original_parameters");
  tsr_text_free(text);
  tsr_tensor_free(tensor);
  tsr_program_free(program);

  job = NULL;
  OK(tsr_checkpoint_export(runtime, checkpoint, strlen(checkpoint), copy, strlen(copy), "{}", 2,
                           &job));
  OK(tsr_job_wait(job, -1));
  tsr_job_free(job);
  job = StartImport(runtime, copy, checkpoint);
  FAILS(tsr_job_wait(job, -1), TSR_ALREADY_EXISTS, "checkpoint");
  FAILS(tsr_job_report(job, &text, &length), TSR_FAILED_PRECONDITION, "ended well");
  tsr_job_free(job);
  FAILS(tsr_checkpoint_export(runtime, checkpoint, strlen(checkpoint), copy, strlen(copy),
                              "{\"famly\": \"x\"}", 14, &job),
        TSR_INVALID_ARGUMENT, "family");
}

static void TestMissingTensors(tsr_runtime* runtime, const char* folder) {
  char model[128], checkpoint[128];
  tsr_job* job;
  snprintf(model, sizeof(model), "%s/half", folder);
  snprintf(checkpoint, sizeof(checkpoint), "%s/half_checkpoint", folder);
  WriteModel(model, kWeightCount - 1);
  job = StartImport(runtime, model, checkpoint);
  FAILS(tsr_job_wait(job, -1), TSR_INVALID_ARGUMENT, "model.norm.weight");
  EXPECT(access(checkpoint, F_OK) != 0);
  tsr_job_free(job);
  job = StartImport(runtime, "/nowhere/at/all", checkpoint);
  FAILS(tsr_job_wait(job, -1), TSR_NOT_FOUND, "/nowhere/at/all");
  tsr_job_free(job);
}

int main(void) {
  char folder[64];
  tsr_runtime* runtime = NewRuntime();
  NewFolder(folder, sizeof(folder));
  TestImportAndExport(runtime, folder);
  TestMissingTensors(runtime, folder);
  tsr_runtime_free(runtime);
  RemoveFolder(folder);
  return Result("exchange_test");
}
