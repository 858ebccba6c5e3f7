/* Trains a config whose feed-forward layers become mixtures of 8 experts under SharpGate, or
 * mixtures of depths.
 *
 *   train CONFIG TEXT OUT STEPS [depths]      e.g. train ../text/gpt.json ../../README.md out 50 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mixture_of_depths.h"
#include "sharp_gate.h"

static const char kSharp[] =
    "{\"type\": \"MixtureOfExperts\", \"num_experts\": 8, \"check_weights\": true,"
    " \"gate\": {\"type\": \"SharpGate\"},"
    " \"expert\": {\"type\": \"FeedForward\", \"hidden_dim\": 64}}";
static const char kDepths[] = "{\"type\": \"MixtureOfDepths\", \"percent\": 50}";

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

int main(int argc, char** argv) {
  tsr_runtime* runtime = NULL;
  tsr_config* config = NULL;
  tsr_trainer* trainer = NULL;
  tsr_step_result result = {.struct_size = sizeof(result)};
  const int depths = argc == 6 && strcmp(argv[5], "depths") == 0;
  if (argc != 5 && !depths) {
    fprintf(stderr, "usage: %s CONFIG TEXT OUT STEPS [depths]\n", argv[0]);
    return 1;
  }
  Check(tsr_runtime_new("{}", 2, &runtime));
  Check(RegisterSharpGate(runtime));
  Check(RegisterMixtureOfDepths(runtime));
  Check(tsr_config_load(runtime, argv[1], strlen(argv[1]), &config));
  Set(config, "model.decoder.layer.feed_forward", depths ? kDepths : kSharp);
  Set(config, "data.train", argv[2]);
  Set(config, "trainer.steps", argv[4]);
  Check(tsr_trainer_new(config, argv[3], strlen(argv[3]), NULL, 0, &trainer));
  while (result.step < atol(argv[4])) {
    Check(tsr_trainer_step(trainer, &result));
    if (result.step % 10 == 0 || result.step == 1) {
      printf("step %lld: loss %.4f\n", (long long)result.step, result.loss);
    }
  }
  Check(tsr_trainer_save(trainer, NULL, 0));
  tsr_trainer_free(trainer);
  tsr_config_free(config);
  tsr_runtime_free(runtime);
  return 0;
}
