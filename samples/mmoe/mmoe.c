/* Trains one model of two tasks and prints what it reaches, as one line of JSON.
 *
 *   mmoe CONFIG DATA SEED LEARNING_RATE EPOCHS [BATCH]
 *
 * CONFIG is a MultiTaskModel (mmoe.json, one_gate.json, shared_bottom.json here), DATA the path of
 * adult.data or synthetic:COSINE. Adam is written out below, on the gradients that the program
 * gives; the parameters of the epoch with the best validation score count. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "tessera.h"

enum { kMostParams = 64, kMostEpochs = 1000, kPath = 128 };

/* Ends the program when a call did not succeed. */
static void Check(tsr_status* status) {
  if (status == NULL) return;
  fprintf(stderr, "error: %s\n", tsr_status_message(status));
  exit(1);
}

typedef struct Param {
  char path[kPath];
  tsr_tensor* value;
  size_t count;
  double *mean, *square;   /* of Adam */
  float* best;
} Param;

typedef struct Model {
  tsr_program* program;
  Param params[kMostParams];
  size_t param_count, weights;
  long step;
} Model;

/* The parameters that the program's description lists: {.. "parameters": [{"path": ..}, ..]}. */
static void FindParams(Model* model) {
  static const char kPathKey[] = "\"path\":\"";
  char* text = NULL;
  size_t length = 0;
  Check(tsr_program_describe(model->program, &text, &length));
  const char* at = strstr(text, "\"parameters\":");
  while (at != NULL && (at = strstr(at, kPathKey)) != NULL) {
    Param* param = &model->params[model->param_count];
    at += strlen(kPathKey);
    const size_t size = strcspn(at, "\"");
    if (model->param_count == kMostParams || size >= kPath) {
      fputs("error: expected at most 64 parameters of short paths\n", stderr);
      exit(1);
    }
    memcpy(param->path, at, size);   /* the rest is zero */
    Check(tsr_program_get_param(model->program, param->path, size, &param->value));
    param->count = tsr_tensor_bytes(param->value) / sizeof(float);
    param->mean = calloc(param->count, sizeof(double));
    param->square = calloc(param->count, sizeof(double));
    param->best = malloc(param->count * sizeof(float));
    model->weights += param->count;
    ++model->param_count;
  }
  tsr_text_free(text);
}

/* Adam (Kingma and Ba, arXiv 1412.6980) with its usual numbers. */
static void Update(Model* model, double rate) {
  ++model->step;
  const double first = 1 - pow(0.9, (double)model->step);
  const double second = 1 - pow(0.999, (double)model->step);
  for (size_t p = 0; p < model->param_count; ++p) {
    Param* param = &model->params[p];
    tsr_tensor* gradient = NULL;
    Check(tsr_program_get_gradient(model->program, param->path, strlen(param->path), &gradient));
    const float* g = tsr_tensor_data(gradient);
    float* value = tsr_tensor_data(param->value);
    for (size_t i = 0; i < param->count; ++i) {
      param->mean[i] += 0.1 * (g[i] - param->mean[i]);
      param->square[i] += 0.001 * ((double)g[i] * g[i] - param->square[i]);
      value[i] -= (float)(rate * param->mean[i] / first / (sqrt(param->square[i] / second) + 1e-8));
    }
    tsr_tensor_free(gradient);
    Check(tsr_program_set_param(model->program, param->path, strlen(param->path), param->value));
  }
}

static tsr_tensor* Batch(const float* from, const size_t* order, size_t count, size_t width) {
  const int64_t dims[2] = {(int64_t)count, (int64_t)width};
  tsr_tensor* tensor = NULL;
  Check(tsr_tensor_new(TSR_F32, dims, 2, &tensor));
  float* to = tsr_tensor_data(tensor);
  for (size_t i = 0; i < count; ++i) {
    const size_t row = order == NULL ? i : order[i];
    memcpy(to + i * width, from + row * width, width * sizeof(float));
  }
  return tensor;
}

static const char* const kNames[] = {"features", "labels"};

static void TrainEpoch(Model* model, const Rows* rows, size_t* order, size_t batch, double rate,
                       unsigned long long* state) {
  Shuffle(state, order, rows->count);
  for (size_t at = 0; at + batch <= rows->count; at += batch) {
    tsr_tensor* inputs[2] = {Batch(rows->x, order + at, batch, rows->features),
                             Batch(rows->y, order + at, batch, kTasks)};
    double loss = 0;
    Check(tsr_program_run_with_gradients(model->program, kNames, inputs, 2, NULL, NULL, &loss));
    tsr_tensor_free(inputs[0]);
    tsr_tensor_free(inputs[1]);
    Update(model, rate);
  }
}

typedef struct Scored {
  float score, label;
} Scored;

static int ByScore(const void* a, const void* b) {
  const float x = ((const Scored*)a)->score, y = ((const Scored*)b)->score;
  return x < y ? -1 : x > y;
}

/* The chance that a row of label 1 scores above one of label 0; ties count half. */
static double Auc(Scored* rows, size_t count) {
  double ranks = 0, ones = 0;
  qsort(rows, count, sizeof(Scored), &ByScore);
  for (size_t i = 0; i < count;) {
    size_t end = i;
    while (end < count && rows[end].score == rows[i].score) ++end;
    for (size_t j = i; j < end; ++j) {
      if (rows[j].label < 0.5f) continue;
      ranks += ((double)(i + 1) + (double)end) / 2;
      ++ones;
    }
    i = end;
  }
  const double zeros = (double)count - ones;
  return ones > 0 && zeros > 0 ? (ranks - ones * (ones + 1) / 2) / (ones * zeros) : NAN;
}

/* Of every task: the area under its curve, or the mean square of its errors. */
static void Score(Model* model, const Rows* rows, int is_census, double scores[kTasks]) {
  tsr_tensor* inputs[2] = {Batch(rows->x, NULL, rows->count, rows->features),
                           Batch(rows->y, NULL, rows->count, kTasks)};
  tsr_tensor* outputs[1 + kTasks] = {NULL};   /* results, a loss for each task */
  size_t count = 1 + kTasks;
  Check(tsr_program_run(model->program, kNames, inputs, 2, outputs, &count));
  const float* y = tsr_tensor_data(outputs[0]);
  Scored* scored = malloc(rows->count * sizeof(Scored));
  for (int k = 0; k < kTasks; ++k) {
    double squares = 0;
    for (size_t i = 0; i < rows->count; ++i) {
      scored[i].score = y[i * kTasks + (size_t)k];
      scored[i].label = rows->y[i * kTasks + (size_t)k];
      squares += pow(scored[i].score - scored[i].label, 2);
    }
    scores[k] = is_census ? Auc(scored, rows->count) : squares / (double)rows->count;
  }
  free(scored);
  for (size_t i = 0; i < count; ++i) tsr_tensor_free(outputs[i]);
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
}

static void Keep(Model* model, int restore) {
  for (size_t p = 0; p < model->param_count; ++p) {
    Param* param = &model->params[p];
    void* value = tsr_tensor_data(param->value);
    if (restore) {
      memcpy(value, param->best, param->count * sizeof(float));
      Check(tsr_program_set_param(model->program, param->path, strlen(param->path),
                                  param->value));
    } else {
      memcpy(param->best, value, param->count * sizeof(float));
    }
  }
}

static void Open(Model* model, const char* path, size_t features, int is_census,
                 unsigned seed) {
  const char* loss = is_census ? "\"logistic\"" : "\"squared\"";
  tsr_runtime* runtime = NULL;
  tsr_config* config = NULL;
  char text[128];
  Check(tsr_runtime_new("{\"threads\": 1}", 14, &runtime));
  Check(tsr_config_load(runtime, path, strlen(path), &config));
  snprintf(text, sizeof(text), "%zu", features);
  Check(tsr_config_set(config, "model_dim", 9, text, strlen(text)));
  Check(tsr_config_set(config, "loss", 4, loss, strlen(loss)));
  snprintf(text, sizeof(text),
           "{\"mode\": \"train\", \"gradients\": true, \"dtype\": \"fp32\", \"seed\": %u}", seed);
  Check(tsr_program_from_config(config, text, strlen(text), &model->program));
  FindParams(model);
  tsr_config_free(config);
  tsr_runtime_free(runtime);   /* the program holds on to what it needs */
}

static void Run(Model* model, const Split* split, int is_census, unsigned seed, double rate,
                int epochs, size_t batch) {
  unsigned long long state = seed * 2654435761ull + 3;
  size_t* order = malloc(split->train.count * sizeof(size_t));
  double scores[kTasks], tests[kTasks], best = -INFINITY;
  for (size_t i = 0; i < split->train.count; ++i) order[i] = i;
  printf("{\"weights\": %zu, \"validation\": [", model->weights);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    TrainEpoch(model, &split->train, order, batch, rate, &state);
    Score(model, &split->validation, is_census, scores);
    const double sum = scores[0] + scores[1];
    printf("%s[%.6f, %.6f]", epoch > 0 ? ", " : "", scores[0], scores[1]);
    if ((is_census ? sum : -sum) > best) {
      best = is_census ? sum : -sum;
      Keep(model, 0);
    }
  }
  Keep(model, 1);
  Score(model, &split->test, is_census, tests);
  printf("], \"best_validation\": %.6f, \"test\": [%.6f, %.6f]}\n", fabs(best) / kTasks, tests[0],
         tests[1]);
  free(order);
}

int main(int argc, char** argv) {
  static const char kSynthetic[] = "synthetic:";
  static Model model;
  Split split;
  const int epochs = argc > 5 ? atoi(argv[5]) : 0;
  const long batch = argc > 6 ? atol(argv[6]) : 256;
  memset(&split, 0, sizeof(split));
  if (argc < 6 || epochs < 1 || epochs > kMostEpochs || batch < 1) {
    fprintf(stderr, "usage: %s CONFIG DATA SEED LEARNING_RATE EPOCHS [BATCH]\n", argv[0]);
    return 1;
  }
  const unsigned seed = (unsigned)strtoul(argv[3], NULL, 10);
  const int is_census = strncmp(argv[2], kSynthetic, strlen(kSynthetic)) != 0;
  if (is_census) {
    const char* wrong = ReadCensus(argv[2], seed, &split);
    if (wrong != NULL) {
      fprintf(stderr, "error: %s: %s\n", argv[2], wrong);
      return 1;
    }
  } else {
    MakeSynthetic(atof(argv[2] + strlen(kSynthetic)), seed, &split);
  }
  Open(&model, argv[1], split.train.features, is_census, seed);
  Run(&model, &split, is_census, seed, atof(argv[4]), epochs, (size_t)batch);
  for (size_t p = 0; p < model.param_count; ++p) {
    tsr_tensor_free(model.params[p].value);
    free(model.params[p].mean);
    free(model.params[p].square);
    free(model.params[p].best);
  }
  tsr_program_free(model.program);
  FreeSplit(&split);
  return 0;
}
