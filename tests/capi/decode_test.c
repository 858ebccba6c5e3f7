/* Method: a text read in pieces through the caches of a decode program gives the logits that the
 * whole text gives without caches; also while the caches grow, when rows start again, and after
 * wrong calls. */
#include "tests/capi/build.h"

enum { kVocab = 20, kLength = 200 };

static const char kModel[] =
    "{\"model\": {\"type\": \"LanguageModel\", \"vocab_size\": 20, \"model_dim\": 8,"
    "  \"decoder\": {\"num_layers\": 2, \"position\": \"RotaryPosition\", \"layer\": {"
    "    \"attention\": {\"num_heads\": 2}, \"feed_forward\": {\"hidden_dim\": 12}}}},"
    " \"data\": {\"train\": \"none\"}, \"runtime\": {\"seed\": 5, \"dtype\": \"fp32\"}}";

static tsr_program* Compile(tsr_runtime* runtime, const char* options) {
  tsr_config* config = ParseConfig(runtime, kModel);
  tsr_program* program = NULL;
  OK(tsr_program_from_config(config, TEXT(options), &program));
  tsr_config_free(config);
  return program;
}

/* Columns [from, to) of tokens[rows, kLength]. */
static tsr_tensor* Piece(const tsr_tensor* tokens, int64_t from, int64_t to) {
  const int64_t rows = tsr_tensor_dim(tokens, 0);
  tsr_tensor* piece = NewTensor(TSR_I32, 2, rows, to - from);
  int64_t row;
  for (row = 0; row < rows; ++row) {
    memcpy((int32_t*)tsr_tensor_data(piece) + row * (to - from),
           (const int32_t*)tsr_tensor_data(tokens) + row * kLength + from,
           (size_t)(to - from) * sizeof(int32_t));
  }
  return piece;
}

/* Logits of a piece that begins at column `from` against those of the whole text. */
static void ExpectSame(const tsr_tensor* whole, const tsr_tensor* piece, int64_t from) {
  const int64_t rows = tsr_tensor_dim(piece, 0), columns = tsr_tensor_dim(piece, 1);
  int64_t row, i;
  for (row = 0; row < rows; ++row) {
    const float* a = (const float*)tsr_tensor_data(whole) + (row * kLength + from) * kVocab;
    const float* b = (const float*)tsr_tensor_data(piece) + row * columns * kVocab;
    for (i = 0; i < columns * kVocab; ++i) {
      if (fabsf(a[i] - b[i]) < 1e-5f) continue;
      Fail(__FILE__, __LINE__, "logits differ", "");
      return;
    }
  }
}

static void ReadOn(tsr_program* decode, const tsr_tensor* tokens, const tsr_tensor* whole,
                   int64_t from, int64_t to) {
  tsr_tensor* piece = Piece(tokens, from, to);
  tsr_tensor* logits = Run1(decode, "tokens", piece);
  ExpectSame(whole, logits, from);
  tsr_tensor_free(piece);
  tsr_tensor_free(logits);
}

static void TestPieces(tsr_program* decode, tsr_program* evaluate) {
  static const char* const names[] = {"tokens", "start"};
  tsr_tensor* tokens = Tokens(2, kLength, 7, kVocab);
  tsr_tensor* whole = Run1(evaluate, "tokens", tokens);
  tsr_tensor* inputs[2];
  tsr_tensor* logits = NULL;
  size_t count = 1;
  int32_t* starts;
  int i;
  ReadOn(decode, tokens, whole, 0, 5);
  for (i = 5; i < 9; ++i) ReadOn(decode, tokens, whole, i, i + 1);
  ReadOn(decode, tokens, whole, 9, 150); /* beyond the first capacity */
  ReadOn(decode, tokens, whole, 150, kLength);
  /* Both rows go back, to different places; positions follow. */
  inputs[0] = Piece(tokens, 10, 12);
  inputs[1] = NewTensor(TSR_I32, 1, 2, 0);
  starts = (int32_t*)tsr_tensor_data(inputs[1]);
  starts[0] = starts[1] = 10;
  OK(tsr_program_run(decode, names, inputs, 2, &logits, &count));
  ExpectSame(whole, logits, 10);
  tsr_tensor_free(logits);
  starts[1] = 13;
  FAILS(tsr_program_run(decode, names, inputs, 2, &logits, &count), TSR_INVALID_ARGUMENT,
        "input start: row 1: expected 0 to 12");
  starts[1] = -1;
  FAILS(tsr_program_run(decode, names, inputs, 2, &logits, &count), TSR_INVALID_ARGUMENT,
        "input start: row 1");
  ReadOn(decode, tokens, whole, 12, 20); /* wrong calls moved nothing */
  starts[0] = starts[1] = 0;
  tsr_tensor_free(inputs[0]);
  inputs[0] = Piece(tokens, 0, 3);
  OK(tsr_program_run(decode, names, inputs, 2, &logits, &count));
  ExpectSame(whole, logits, 0);
  tsr_tensor_free(logits);
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_tensor_free(tokens);
  tsr_tensor_free(whole);
}

/* Another batch begins anew, and one that asks for caches it does not have is refused. */
static void TestAnotherBatch(tsr_program* decode, tsr_program* evaluate) {
  static const char* const names[] = {"tokens", "start"};
  tsr_tensor* tokens = Tokens(1, kLength, 3, kVocab);
  tsr_tensor* whole = Run1(evaluate, "tokens", tokens);
  tsr_tensor* both = Tokens(2, kLength, 7, kVocab);
  tsr_tensor* whole_both = Run1(evaluate, "tokens", both);
  tsr_tensor* inputs[2];
  tsr_tensor* logits = NULL;
  size_t count = 1;
  inputs[0] = Piece(tokens, 0, 2);
  inputs[1] = NewTensor(TSR_I32, 1, 1, 0);
  *(int32_t*)tsr_tensor_data(inputs[1]) = 2;
  FAILS(tsr_program_run(decode, names, inputs, 2, &logits, &count), TSR_INVALID_ARGUMENT,
        "input start: row 0: expected 0 to 0");
  ReadOn(decode, both, whole_both, 3, 6); /* the old batch was not given up for that */
  ReadOn(decode, tokens, whole, 0, 4);
  ReadOn(decode, tokens, whole, 4, 5);
  ReadOn(decode, both, whole_both, 0, 6);
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_tensor_free(tokens);
  tsr_tensor_free(whole);
  tsr_tensor_free(both);
  tsr_tensor_free(whole_both);
}

int main(void) {
  tsr_runtime* runtime = NewRuntime();
  tsr_program* decode = Compile(runtime, "{\"mode\": \"decode\"}");
  tsr_program* evaluate = Compile(runtime, "");
  char* text = NULL;
  size_t len = 0;
  GIVES(tsr_program_describe(decode, &text, &len), text, "key_cache");
  TestPieces(decode, evaluate);
  TestAnotherBatch(decode, evaluate);
  tsr_program_free(decode);
  tsr_program_free(evaluate);
  tsr_runtime_free(runtime);
  return Result("decode");
}
