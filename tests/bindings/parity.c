/* The actions that all languages and the command line do alike; prints what came out as JSON.
 *
 *   parity CONFIG OUT WRONG_CONFIG */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tessera.h"

/* Ends the program when a call did not succeed. */
static void Check(tsr_status* status) {
  if (status == NULL) return;
  fprintf(stderr, "error: %s\n", tsr_status_message(status));
  tsr_status_free(status);
  exit(1);
}

/* Text as a JSON string; bytes beyond ASCII are those of UTF-8. */
static void PrintText(const char* text) {
  putchar('"');
  for (; *text != 0; ++text) {
    const unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') {
      printf("\\%c", c);
    } else if (c < 0x20) {
      printf("\\u%04x", c);
    } else {
      putchar(c);
    }
  }
  putchar('"');
}

static void PrintError(tsr_runtime* runtime, const char* wrong) {
  tsr_config* config = NULL;
  tsr_status* status = tsr_config_load(runtime, wrong, strlen(wrong), &config);
  const char* code = tsr_status_code(status) == TSR_INVALID_ARGUMENT ? "INVALID_ARGUMENT" : "other";
  printf("\"error\": {\"code\": \"%s\", \"path\": ", code);
  PrintText(tsr_status_path(status));
  printf(", \"file\": ");
  PrintText(tsr_status_file(status));
  printf(", \"line\": %d}", (int)tsr_status_line(status));
  tsr_status_free(status);
  tsr_config_free(config);
}

static void PrintTraining(tsr_config* config, const char* out) {
  tsr_trainer* trainer = NULL;
  tsr_status* status;
  tsr_step_result step = {.struct_size = sizeof(step)};
  double loss = 0;
  const char* comma = "";
  Check(tsr_trainer_new(config, out, strlen(out), NULL, 0, &trainer));
  printf("\"losses\": [");
  while ((status = tsr_trainer_step(trainer, &step)) == NULL) {
    printf("%s%.17g", comma, step.loss);
    comma = ", ";
  }
  if (tsr_status_code(status) != TSR_OUT_OF_RANGE) Check(status);
  tsr_status_free(status);
  Check(tsr_trainer_evaluate(trainer, &loss));
  printf("], \"eval_loss\": %.17g, ", loss);
  Check(tsr_trainer_save(trainer, NULL, 0));
  tsr_trainer_free(trainer);
}

int main(int argc, char** argv) {
  static const char kRuntime[] = "{\"threads\": 1}";
  static const char kGreedy[] = "{\"max_tokens\": 24, \"temperature\": 0}";
  tsr_runtime* runtime = NULL;
  tsr_config* config = NULL;
  tsr_generator* generator = NULL;
  char* text = NULL;
  size_t length = 0;
  if (argc != 4) {
    fprintf(stderr, "usage: %s CONFIG OUT WRONG_CONFIG\n", argv[0]);
    return 2;
  }
  Check(tsr_runtime_new(kRuntime, sizeof(kRuntime) - 1, &runtime));
  Check(tsr_config_load(runtime, argv[1], strlen(argv[1]), &config));
  printf("{");
  PrintTraining(config, argv[2]);
  Check(tsr_generator_from_checkpoint(runtime, argv[2], strlen(argv[2]), NULL, 0, &generator));
  Check(tsr_generator_generate(generator, "the ", 4, kGreedy, sizeof(kGreedy) - 1, NULL, NULL,
                               &text, &length));
  printf("\"text\": ");
  PrintText(text);
  printf(", ");
  PrintError(runtime, argv[3]);
  printf("}\n");
  tsr_text_free(text);
  tsr_generator_free(generator);
  tsr_config_free(config);
  tsr_runtime_free(runtime);
  return 0;
}
