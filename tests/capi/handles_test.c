/* Checked mode: NULL, handles of another kind, freed handles and pointers that are none, for every
 * function that takes a handle; frees in every order; and frees while others use the handle. */
#include "tests/capi/check.h"

typedef struct {
  tsr_runtime* runtime;
  tsr_config* config;
  tsr_tensor* tensor;
  tsr_graph* graph;
  tsr_trainer* trainer;
  tsr_generator* generator;
  tsr_job* job;
  char folder[64], corpus[128];
} All;

static All NewAll(void) {
  All all;
  const int64_t dims[1] = {3};
  memset(&all, 0, sizeof(all));
  NewFolder(all.folder, sizeof(all.folder));
  snprintf(all.corpus, sizeof(all.corpus), "%s/corpus.txt", all.folder);
  WriteCorpus(all.corpus);
  all.runtime = NewRuntime();
  all.config = SmallConfig(all.runtime, all.corpus);
  OK(tsr_tensor_new(TSR_F32, dims, 1, &all.tensor));
  OK(tsr_graph_new(all.runtime, &all.graph));
  OK(tsr_trainer_new(all.config, NULL, 0, NULL, 0, &all.trainer));
  OK(tsr_generator_from_trainer(all.trainer, &all.generator));
  OK(tsr_trainer_run(all.trainer, 1, &all.job));
  OK(tsr_job_wait(all.job, -1));
  return all;
}

static void Free(All* all, int which) {
  switch (which) {
    case 0:
      tsr_runtime_free(all->runtime);
      break;
    case 1:
      tsr_config_free(all->config);
      break;
    case 2:
      tsr_tensor_free(all->tensor);
      break;
    case 3:
      tsr_graph_free(all->graph);
      break;
    case 4:
      tsr_trainer_free(all->trainer);
      break;
    case 5:
      tsr_generator_free(all->generator);
      break;
    default:
      tsr_job_free(all->job);
      break;
  }
}

enum { kHandles = 7 };

/* A different order each time, chosen by a counter, so that every handle is first once and last
 * once. */
static void TestOrders(void) {
  int round, i;
  for (round = 0; round < kHandles; ++round) {
    All all = NewAll();
    for (i = 0; i < kHandles; ++i) {
      Free(&all, round % 2 == 0 ? (round + i) % kHandles : (round + kHandles - i) % kHandles);
    }
    for (i = 0; i < kHandles; ++i) Free(&all, i); /* a second time: nothing happens */
    RemoveFolder(all.folder);
  }
}

/* Makes the call with each pointer that is no live handle of the type. `bad` ends the message. */
#define REFUSES(type, name, call)                                                         \
  do {                                                                                    \
    static const char* const kWhy[4] = {"got NULL", "got a ", "that was freed", "no handle"}; \
    void* const pointers[4] = {NULL, (void*)other, (void*)freed, (void*)foreign};          \
    int bad;                                                                              \
    for (bad = 0; bad < 4; ++bad) {                                                       \
      type* name = (type*)pointers[bad];                                                  \
      FAILS(call, TSR_INVALID_ARGUMENT, kWhy[bad]);                                       \
    }                                                                                     \
  } while (0)

static char foreign_bytes[256];

static void TestRuntimeRefusals(void* other, void* freed) {
  void* const foreign = foreign_bytes;
  char* text = NULL;
  size_t length = 0;
  tsr_config* config = NULL;
  tsr_generator* generator = NULL;
  tsr_graph* graph = NULL;
  REFUSES(tsr_runtime, r, tsr_runtime_describe(r, &text, &length));
  REFUSES(tsr_runtime, r, tsr_runtime_list(r, "ops", 3, &text, &length));
  REFUSES(tsr_runtime, r, tsr_runtime_describe_type(r, "add", 3, &text, &length));
  REFUSES(tsr_runtime, r, tsr_config_parse(r, "{}", 2, "x", 1, &config));
  REFUSES(tsr_runtime, r, tsr_config_load(r, "x", 1, &config));
  REFUSES(tsr_runtime, r, tsr_config_from_bytes(r, "x", 1, &config));
  REFUSES(tsr_runtime, r, tsr_generator_from_checkpoint(r, "x", 1, NULL, 0, &generator));
  REFUSES(tsr_runtime, r, tsr_graph_new(r, &graph));
  EXPECT(text == NULL && config == NULL && generator == NULL && graph == NULL && length == 0);
  tsr_runtime_free((tsr_runtime*)other);
  tsr_runtime_free((tsr_runtime*)freed);
  tsr_runtime_free((tsr_runtime*)foreign);
}

static void TestConfigRefusals(void* other, void* freed, tsr_config* good) {
  void* const foreign = foreign_bytes;
  char* text = NULL;
  size_t length = 0;
  tsr_config* config = NULL;
  tsr_trainer* trainer = NULL;
  REFUSES(tsr_config, c, tsr_config_copy(c, &config));
  REFUSES(tsr_config, c, tsr_config_set(c, "a", 1, "1", 1));
  REFUSES(tsr_config, c, tsr_config_get(c, "a", 1, &text, &length));
  REFUSES(tsr_config, c, tsr_config_to_json(c, &text, &length));
  REFUSES(tsr_config, c, tsr_config_resolve(c, 1, &text, &length));
  REFUSES(tsr_config, c, tsr_config_to_bytes(c, &text, &length));
  REFUSES(tsr_config, c, tsr_config_diff(c, good, &text, &length));
  REFUSES(tsr_config, c, tsr_config_diff(good, c, &text, &length));
  REFUSES(tsr_config, c, tsr_trainer_new(c, NULL, 0, NULL, 0, &trainer));
  EXPECT(text == NULL && config == NULL && trainer == NULL && length == 0);
  tsr_config_free((tsr_config*)other);
  tsr_config_free((tsr_config*)freed);
  tsr_config_free((tsr_config*)foreign);
}

static void TestTensorRefusals(void* other, void* freed) {
  void* const foreign = foreign_bytes;
  void* const pointers[3] = {other, freed, foreign};
  void* lent = NULL;
  int i;
  REFUSES(tsr_tensor, t, tsr_tensor_to_dlpack(t, &lent));
  for (i = 0; i < 3; ++i) {
    tsr_tensor* tensor = (tsr_tensor*)pointers[i];
    EXPECT(tsr_tensor_dtype(tensor) == 0);
    EXPECT(tsr_tensor_rank(tensor) == -1);
    EXPECT(tsr_tensor_dim(tensor, 0) == -1);
    EXPECT(tsr_tensor_bytes(tensor) == 0);
    EXPECT(tsr_tensor_data(tensor) == NULL);
    tsr_tensor_free(tensor);
  }
  EXPECT(lent == NULL);
}

static void Ignore(void* user, const char* record, size_t length) {
  (void)user;
  (void)record;
  (void)length;
}

static void TestTrainerRefusals(void* other, void* freed) {
  void* const foreign = foreign_bytes;
  char* text = NULL;
  size_t length = 0;
  double loss = 0;
  tsr_job* job = NULL;
  tsr_generator* generator = NULL;
  tsr_step_result result;
  result.struct_size = sizeof(result);
  REFUSES(tsr_trainer, t, tsr_trainer_step(t, &result));
  REFUSES(tsr_trainer, t, tsr_trainer_run(t, 0, &job));
  REFUSES(tsr_trainer, t, tsr_trainer_evaluate(t, &loss));
  REFUSES(tsr_trainer, t, tsr_trainer_save(t, "x", 1));
  REFUSES(tsr_trainer, t, tsr_trainer_load(t, "x", 1));
  REFUSES(tsr_trainer, t, tsr_trainer_describe(t, &text, &length));
  REFUSES(tsr_trainer, t, tsr_trainer_profile(t, &text, &length));
  REFUSES(tsr_trainer, t, tsr_trainer_add_sink(t, Ignore, NULL, NULL));
  REFUSES(tsr_trainer, t, tsr_generator_from_trainer(t, &generator));
  EXPECT(text == NULL && job == NULL && generator == NULL && loss == 0 && length == 0);
  tsr_trainer_free((tsr_trainer*)other);
  tsr_trainer_free((tsr_trainer*)freed);
  tsr_trainer_free((tsr_trainer*)foreign);
}

static void TestJobAndGeneratorRefusals(void* other, void* freed_job, void* freed_generator) {
  void* const foreign = foreign_bytes;
  void* freed = freed_job;
  char* text = NULL;
  size_t length = 0;
  tsr_progress progress;
  progress.struct_size = sizeof(progress);
  REFUSES(tsr_job, j, tsr_job_wait(j, 0));
  REFUSES(tsr_job, j, tsr_job_progress(j, &progress));
  tsr_job_cancel((tsr_job*)other);
  tsr_job_cancel((tsr_job*)freed);
  tsr_job_cancel((tsr_job*)foreign);
  tsr_job_free((tsr_job*)other);
  tsr_job_free((tsr_job*)freed);
  tsr_job_free((tsr_job*)foreign);
  freed = freed_generator;
  REFUSES(tsr_generator, g,
          tsr_generator_generate(g, "a", 1, NULL, 0, NULL, NULL, &text, &length));
  EXPECT(text == NULL);
  tsr_generator_free((tsr_generator*)other);
  tsr_generator_free((tsr_generator*)freed);
  tsr_generator_free((tsr_generator*)foreign);
}

static void TestRefusals(void) {
  All all = NewAll(), gone = NewAll();
  tsr_step_result result;
  char* text = NULL;
  size_t length = 0;
  int i;
  for (i = 0; i < kHandles; ++i) Free(&gone, i);
  TestRuntimeRefusals(all.config, gone.runtime);
  TestConfigRefusals(all.tensor, gone.config, all.config);
  TestTensorRefusals(all.runtime, gone.tensor);
  TestTrainerRefusals(all.generator, gone.trainer);
  TestJobAndGeneratorRefusals(all.trainer, gone.job, gone.generator);
  /* What was refused lives on. */
  result.struct_size = sizeof(result);
  OK(tsr_trainer_step(all.trainer, &result));
  OK(tsr_config_to_json(all.config, &text, &length));
  tsr_text_free(text);
  EXPECT(tsr_tensor_rank(all.tensor) == 1);
  for (i = 0; i < kHandles; ++i) Free(&all, i);
  RemoveFolder(all.folder);
  RemoveFolder(gone.folder);
}

/* The address of a freed handle does not come back as another one soon. */
static void TestAddressesStayDead(void) {
  tsr_runtime* runtime = NewRuntime();
  tsr_config* first = ParseConfig(runtime, "{}");
  tsr_config* others[64];
  char* text = NULL;
  size_t length = 0;
  int i;
  tsr_config_free(first);
  for (i = 0; i < 64; ++i) {
    others[i] = ParseConfig(runtime, "{}");
    EXPECT(others[i] != first);
  }
  FAILS(tsr_config_to_json(first, &text, &length), TSR_INVALID_ARGUMENT, "a config that was freed");
  for (i = 0; i < 64; ++i) tsr_config_free(others[i]);
  /* Many more than are kept: the oldest shells go, nothing else happens. */
  for (i = 0; i < 100000; ++i) {
    const int64_t dims[1] = {1};
    tsr_tensor* tensor = NULL;
    if (!OK(tsr_tensor_new(TSR_U8, dims, 1, &tensor))) break;
    tsr_tensor_free(tensor);
  }
  tsr_runtime_free(runtime);
}

typedef struct {
  tsr_config* config;
  int refused, used;
} Race;

static void* UseUntilRefused(void* argument) {
  Race* race = (Race*)argument;
  while (!race->refused) {
    char* text = NULL;
    size_t length = 0;
    tsr_status* status = tsr_config_to_json(race->config, &text, &length);
    if (status == NULL) {
      ++race->used;
      tsr_text_free(text);
    } else {
      EXPECT(tsr_status_code(status) == TSR_INVALID_ARGUMENT);
      race->refused = 1;
      tsr_status_free(status);
    }
  }
  return NULL;
}

/* In checked mode even a free that races with a use is an error there, not a crash. */
static void TestFreeWhileUsed(void) {
  tsr_runtime* runtime = NewRuntime();
  int round;
  for (round = 0; round < 10; ++round) {
    Race races[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
    tsr_config* config = ParseConfig(runtime, "{\"trainer\": {\"steps\": 3}}");
    pthread_t threads[2];
    int i;
    for (i = 0; i < 2; ++i) races[i].config = config;
    for (i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, UseUntilRefused, &races[i]);
    usleep(500);
    tsr_config_free(config);
    for (i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  }
  tsr_runtime_free(runtime);
}

int main(void) {
  TestOrders();
  TestRefusals();
  TestAddressesStayDead();
  TestFreeWhileUsed();
  return Result("handles_test");
}
