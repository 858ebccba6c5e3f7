/* Tuning through the C interface: a search as a job, its report, and a run that uses its file. */
#include "tests/capi/check.h"

static const char kConfig[] =
    "{\"model\": {\"type\": \"LanguageModel\", \"vocab_size\": 48, \"model_dim\": 32,\n"
    " \"decoder\": {\"num_layers\": 1, \"layer\": {\"attention\": {\"num_heads\": 2},\n"
    " \"feed_forward\": {\"hidden_dim\": 48}}}},\n"
    " \"data\": {\"train\": \"none.txt\"}, \"trainer\": {\"steps\": 2, \"batch_size\": 4,\n"
    " \"sequence_length\": 32}, \"optimizer\": {\"type\": \"AdamW\"}}";

static tsr_config* TinyConfig(tsr_runtime* runtime, const char* tuning) {
  tsr_config* config = ParseConfig(runtime, kConfig);
  Set(config, "runtime.tuning", tuning);
  return config;
}

static tsr_job* Start(const tsr_config* config, const char* options) {
  tsr_job* job = NULL;
  OK(tsr_config_tune(config, options, strlen(options), &job));
  return job;
}

static void TestSearch(tsr_runtime* runtime, const char* folder) {
  char out[128], options[256];
  char* text = NULL;
  size_t length = 0;
  tsr_progress progress = {0};
  tsr_config* config = TinyConfig(runtime, "none");
  tsr_job* job;
  snprintf(out, sizeof(out), "%s/tuning.json", folder);
  snprintf(options, sizeof(options), "{\"most_timed\": 2, \"out\": \"%s\"}", out);
  job = Start(config, options);
  OK(tsr_job_wait(job, -1));
  progress.struct_size = sizeof(progress);
  OK(tsr_job_progress(job, &progress));
  EXPECT(progress.done == 1 && progress.step <= progress.total_steps);
  OK(tsr_job_report(job, &text, &length));
  HOLDS(text, "\"machine\"");
  HOLDS(text, "\"results\"");
  HOLDS(text, "\"valid\"");
  HOLDS(text, "\"tuning\"");
  tsr_text_free(text);
  tsr_job_free(job);
  EXPECT(access(out, F_OK) == 0);
  tsr_config_free(config);

  /* The plan of a step does not mind a file that it has. */
  config = TinyConfig(runtime, out);
  OK(tsr_config_plan(config, "{}", 2, &text, &length));
  tsr_text_free(text);
  tsr_config_free(config);
}

static void TestErrors(tsr_runtime* runtime, const char* folder) {
  char out[128], options[256];
  FILE* file;
  tsr_config* config = TinyConfig(runtime, "none");
  tsr_job* job = NULL;
  FAILS(tsr_config_tune(config, "{\"budget\": 1}", 13, &job), TSR_INVALID_ARGUMENT, "budget_s");
  FAILS(tsr_config_tune(config, "{\"most_timed\": 0}", 17, &job), TSR_INVALID_ARGUMENT,
        "most_timed");
  FAILS(tsr_config_tune(NULL, "{}", 2, &job), TSR_INVALID_ARGUMENT, "config");
  FAILS(tsr_config_tune(config, "{}", 2, NULL), TSR_INVALID_ARGUMENT, "out_job");
  snprintf(out, sizeof(out), "%s/other.json", folder);
  file = fopen(out, "w");
  EXPECT(file != NULL && fputs("{\"type\": \"Other\"}", file) >= 0 && fclose(file) == 0);
  snprintf(options, sizeof(options), "{\"out\": \"%s\"}", out);
  job = Start(config, options);
  FAILS(tsr_job_wait(job, -1), TSR_INVALID_ARGUMENT, "other.json: ");
  tsr_job_free(job);
  /* Freeing a job that runs stops it. */
  job = Start(config, "{\"exhaustive\": true}");
  tsr_job_cancel(job);
  tsr_job_free(job);
  tsr_config_free(config);
}

int main(void) {
  char folder[64];
  tsr_runtime* runtime = NewRuntime();
  NewFolder(folder, sizeof(folder));
  TestSearch(runtime, folder);
  TestErrors(runtime, folder);
  tsr_runtime_free(runtime);
  RemoveFolder(folder);
  return Result("tune_test");
}
