/* Runs the model of a checkpoint that train.c made, without the code of its layer: the checkpoint
 * holds the functions that the layer built.
 *
 *   run OUT "some text"                prints the likeliest next byte */
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

/* Element `index` of logits in fp32 or bf16, which is the upper half of a float. */
static float Logit(const tsr_tensor* logits, int64_t index) {
  uint32_t bits;
  float value;
  if (tsr_tensor_dtype(logits) == TSR_F32) return ((const float*)tsr_tensor_data(logits))[index];
  bits = (uint32_t)((const uint16_t*)tsr_tensor_data(logits))[index] << 16;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

int main(int argc, char** argv) {
  static const char* const names[] = {"tokens"};
  tsr_runtime* runtime = NULL;
  tsr_program* program = NULL;
  tsr_tensor *tokens = NULL, *logits = NULL;
  int64_t dims[2] = {1, 0}, i, vocab, last, best = 0;
  size_t count = 1;
  if (argc != 3 || argv[2][0] == 0) {
    fprintf(stderr, "usage: %s OUT TEXT\n", argv[0]);
    return 1;
  }
  Check(tsr_runtime_new(NULL, 0, &runtime));
  Check(tsr_program_from_checkpoint(runtime, argv[1], strlen(argv[1]), NULL, 0, &program));
  dims[1] = (int64_t)strlen(argv[2]);
  Check(tsr_tensor_new(TSR_I32, dims, 2, &tokens));
  for (i = 0; i < dims[1]; ++i) {
    ((int32_t*)tsr_tensor_data(tokens))[i] = (unsigned char)argv[2][i];
  }
  Check(tsr_program_run(program, names, &tokens, 1, &logits, &count));
  vocab = tsr_tensor_dim(logits, 2);
  last = (dims[1] - 1) * vocab;
  for (i = 1; i < vocab; ++i) {
    if (Logit(logits, last + i) > Logit(logits, last + best)) best = i;
  }
  printf("next byte: %d '%c'\n", (int)best, (int)best);
  tsr_tensor_free(tokens);
  tsr_tensor_free(logits);
  tsr_program_free(program);
  tsr_runtime_free(runtime);
  return 0;
}
