/* Trains a model from a config file in the background and prints how it goes.
 *
 *   train CONFIG TEXT OUT [STEPS]      e.g. train ../text/gpt.json corpus.txt out 200
 *
 * Interrupt it (Ctrl-C) and it finishes the step, saves and ends; checkpoints and metrics.jsonl are
 * below OUT. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tessera.h"

static volatile sig_atomic_t interrupted = 0;

static void OnSignal(int number) {
  (void)number;
  interrupted = 1;
}

/* Ends the program when a call did not succeed. */
static void Check(tsr_status* status) {
  if (status == NULL) return;
  fprintf(stderr, "error: %s\n", tsr_status_message(status));
  tsr_status_free(status);
  exit(1);
}

static void Set(tsr_config* config, const char* path, const char* value) {
  Check(tsr_config_set(config, path, strlen(path), value, strlen(value)));
}

/* Waits for the job, with a line for each new step. */
static tsr_status* Follow(tsr_job* job) {
  tsr_progress progress = {.struct_size = sizeof(progress)};
  int64_t printed = 0;
  while (1) {
    tsr_status* status = tsr_job_wait(job, 0.2);
    Check(tsr_job_progress(job, &progress));
    if (progress.last.step > printed) {
      printed = progress.last.step;
      printf("step %lld of %lld: loss %.4f, %.0f tokens/s\n", (long long)printed,
             (long long)progress.total_steps, progress.last.loss, progress.last.tokens_per_s);
      fflush(stdout);
    }
    if (tsr_status_code(status) != TSR_DEADLINE_EXCEEDED) return status;
    tsr_status_free(status);
    if (interrupted) tsr_job_cancel(job);
  }
}

int main(int argc, char** argv) {
  tsr_runtime* runtime = NULL;
  tsr_config* config = NULL;
  tsr_trainer* trainer = NULL;
  tsr_job* job = NULL;
  tsr_status* status;
  if (argc < 4 || argc > 5) {
    fprintf(stderr, "usage: %s CONFIG TEXT OUT [STEPS]\n", argv[0]);
    return 1;
  }
  signal(SIGINT, OnSignal);
  Check(tsr_runtime_new(NULL, 0, &runtime));
  Check(tsr_config_load(runtime, argv[1], strlen(argv[1]), &config));
  Set(config, "data.train", argv[2]);
  if (argc == 5) Set(config, "trainer.steps", argv[4]);
  Check(tsr_trainer_new(config, argv[3], strlen(argv[3]), NULL, 0, &trainer));
  Check(tsr_trainer_run(trainer, 0, &job));
  status = Follow(job);
  if (tsr_status_code(status) == TSR_CANCELLED) {
    printf("interrupted; the checkpoint is in %s/checkpoints\n", argv[3]);
    tsr_status_free(status);
    status = NULL;
  }
  tsr_job_free(job);
  tsr_trainer_free(trainer);
  tsr_config_free(config);
  tsr_runtime_free(runtime);
  Check(status);
  return 0;
}
