/* A program as hosts were written when the headers of this folder were recorded; it is compiled
 * with them and runs with today's library. It uses what crosses by layout: structs that are filled
 * by the library and by the host, callbacks, enums. One argument: a file to train on. */
#include <stdio.h>
#include <string.h>

#include "tessera.h"

static int records, builds, ends;

static void Record(void* user, const char* record, size_t len) {
  (void)user;
  records += record[0] == '{' && len > 2;
}

static void End(void* user) { ++*(int*)user; }

/* y = x * scale */
static tsr_status* Build(void* user, tsr_scope* scope, const char* config, size_t config_len,
                         const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                         size_t* count) {
  tsr_value operands[2];
  tsr_status* status;
  (void)user;
  if (config_len != strlen(config) || input_count != 1) {
    return tsr_status_new(TSR_INTERNAL, "arguments", 9);
  }
  ++builds;
  operands[0] = inputs[0];
  status = tsr_scope_param(scope, "scale", 5, "16", 2, "{\"kind\": \"constant\", \"mean\": 1}", 31,
                           &operands[1]);
  if (status != NULL) return status;
  return tsr_scope_add(scope, "mul", 3, operands, 2, "", 0, outputs, count);
}

static const char kConfig[] =
    "{\"model\": {\"type\": \"LanguageModel\", \"vocab_size\": 256, \"model_dim\": 16,"
    "  \"decoder\": {\"num_layers\": 1, \"layer\": {\"norm\": \"HostScale\","
    "    \"attention\": {\"num_heads\": 2}, \"feed_forward\": {\"hidden_dim\": 32}}}},"
    " \"trainer\": {\"steps\": 4, \"batch_size\": 2, \"sequence_length\": 16},"
    " \"runtime\": {\"seed\": 1}}";

#define TRY(call) \
  do {            \
    if ((status = (call)) != NULL) goto failed; \
  } while (0)

int main(int argc, char** argv) {
  tsr_status* status = NULL;
  tsr_runtime* runtime = NULL;
  tsr_config* config = NULL;
  tsr_trainer* trainer = NULL;
  tsr_job* job = NULL;
  tsr_step_result step;
  tsr_progress progress;
  tsr_module_def def;
  memset(&step, 0x5a, sizeof(step));
  memset(&progress, 0x5a, sizeof(progress));
  memset(&def, 0, sizeof(def));
  if (argc != 2) return 2;
  TRY(tsr_runtime_new("{\"threads\": 1}", 14, &runtime));
  def.struct_size = sizeof(def);
  def.schema = "table HostScale (role: \"norm\") { model_dim: long (flows: \"model_dim\"); }";
  def.type = "HostScale";
  def.build = &Build;
  def.user = &ends;
  def.destroy = &End;
  TRY(tsr_runtime_register_module(runtime, &def));
  TRY(tsr_config_parse(runtime, kConfig, strlen(kConfig), "consumer", 8, &config));
  TRY(tsr_config_set(config, "data.train", 10, argv[1], strlen(argv[1])));
  TRY(tsr_trainer_new(config, "", 0, "", 0, &trainer));
  TRY(tsr_trainer_add_sink(trainer, &Record, &ends, &End));
  step.struct_size = sizeof(step);
  TRY(tsr_trainer_step(trainer, &step));
  TRY(tsr_trainer_run(trainer, 3, &job));
  TRY(tsr_job_wait(job, -1));
  progress.struct_size = sizeof(progress);
  progress.last.struct_size = sizeof(progress.last);
  TRY(tsr_job_progress(job, &progress));
  printf("step %d of %d, loss %.3f after %.3f, %d records, %d layouts kept\n",
         (int)progress.last.step, (int)progress.total_steps, progress.last.loss, step.loss, records,
         progress.struct_size == sizeof(progress) && step.struct_size == sizeof(step));

failed:
  if (status != NULL) {
    fprintf(stderr, "%d: %s\n", (int)tsr_status_code(status), tsr_status_message(status));
  }
  tsr_job_free(job);
  tsr_trainer_free(trainer);
  tsr_config_free(config);
  tsr_runtime_free(runtime);
  if (status == NULL && (builds == 0 || ends != 2)) return 3;
  tsr_status_free(status);
  return status != NULL;
}
