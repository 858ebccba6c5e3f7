/* Trainers, jobs, generators and checkpoints through the C interface, with a tiny model. What they
 * compute is tested in tests/train, tests/generate and tests/ckpt. */
#include "tests/capi/check.h"

typedef struct {
  tsr_runtime* runtime;
  tsr_config* config;
  char folder[64], corpus[128], out[128];
} World;

static World NewWorld(void) {
  World world;
  world.runtime = NewRuntime();
  NewFolder(world.folder, sizeof(world.folder));
  snprintf(world.corpus, sizeof(world.corpus), "%s/corpus.txt", world.folder);
  snprintf(world.out, sizeof(world.out), "%s/out", world.folder);
  WriteCorpus(world.corpus);
  world.config = SmallConfig(world.runtime, world.corpus);
  return world;
}

static void EndWorld(World* world) {
  tsr_config_free(world->config);
  tsr_runtime_free(world->runtime);
  RemoveFolder(world->folder);
}

static tsr_trainer* NewTrainer(World* world, const char* out, const char* options) {
  tsr_trainer* trainer = NULL;
  OK(tsr_trainer_new(world->config, out, strlen(out), options, strlen(options), &trainer));
  if (trainer == NULL) exit(1);
  return trainer;
}

static tsr_step_result Step(tsr_trainer* trainer) {
  tsr_step_result result;
  memset(&result, 0, sizeof(result));
  result.struct_size = sizeof(result);
  OK(tsr_trainer_step(trainer, &result));
  return result;
}

static void TestStep(void) {
  World world = NewWorld();
  tsr_trainer* trainer = NewTrainer(&world, "", "");
  tsr_step_result result = Step(trainer);
  char* text = NULL;
  size_t length = 0;
  double loss = 0;
  int i;
  EXPECT(result.struct_size == sizeof(result));
  EXPECT(result.step == 1 && result.skipped == 0);
  EXPECT(result.loss > 4 && result.loss < 7);
  EXPECT(result.grad_norm > 0 && result.learning_rate > 0);
  EXPECT(result.tokens == 32 && result.tokens_per_s > 0 && result.step_s > 0);
  EXPECT(isnan(result.eval_loss));
  OK(tsr_trainer_evaluate(trainer, &loss));
  EXPECT(loss > 4 && loss < 7);
  for (i = 2; i <= 6; ++i) EXPECT(Step(trainer).step == i);
  FAILS(tsr_trainer_step(trainer, &result), TSR_OUT_OF_RANGE, "");
  OK(tsr_trainer_describe(trainer, &text, &length));
  HOLDS(text, "\"step\":6");
  tsr_text_free(text);
  FAILS(tsr_trainer_profile(trainer, &text, &length), TSR_FAILED_PRECONDITION, "trainer.profile");
  FAILS(tsr_trainer_step(trainer, NULL), TSR_INVALID_ARGUMENT, "out_result");
  result.struct_size = 4;
  FAILS(tsr_trainer_step(trainer, &result), TSR_INVALID_ARGUMENT, "struct_size: expected at least");
  FAILS(tsr_trainer_evaluate(trainer, NULL), TSR_INVALID_ARGUMENT, "out_loss");
  FAILS(tsr_trainer_describe(trainer, NULL, &length), TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_trainer_profile(trainer, &text, NULL), TSR_INVALID_ARGUMENT, "out_len");
  tsr_trainer_free(trainer);
  EndWorld(&world);
}

static void TestProfileAndNoValidation(void) {
  World world = NewWorld();
  tsr_trainer* trainer;
  char* text = NULL;
  size_t length = 0;
  double loss = -1;
  Set(world.config, "trainer.profile", "true");
  Set(world.config, "data.validation_fraction", "0");
  trainer = NewTrainer(&world, "", "{}");
  (void)Step(trainer);
  OK(tsr_trainer_profile(trainer, &text, &length));
  HOLDS(text, "matmul");
  tsr_text_free(text);
  FAILS(tsr_trainer_evaluate(trainer, &loss), TSR_FAILED_PRECONDITION, "");
  EXPECT(loss == -1);
  tsr_trainer_free(trainer);
  EndWorld(&world);
}

static void TestWrongNew(void) {
  World world = NewWorld();
  tsr_trainer* trainer = NULL;
  FAILS(tsr_trainer_new(world.config, NULL, 0, "{\"resum\": true}", 15, &trainer),
        TSR_INVALID_ARGUMENT, "did you mean 'resume'");
  FAILS(tsr_trainer_new(world.config, NULL, 4, NULL, 0, &trainer), TSR_INVALID_ARGUMENT, "out_dir");
  FAILS(tsr_trainer_new(world.config, NULL, 0, NULL, 0, NULL), TSR_INVALID_ARGUMENT, "out_trainer");
  FAILS(tsr_trainer_new(world.config, "a\0b", 3, NULL, 0, &trainer), TSR_INVALID_ARGUMENT,
        "out_dir");
  Set(world.config, "data.train", "/nowhere/at/all.txt");
  FAILS(tsr_trainer_new(world.config, NULL, 0, NULL, 0, &trainer), TSR_NOT_FOUND,
        "/nowhere/at/all.txt");
  Set(world.config, "model.decoder.layer.attention.num_heads", "3");
  FAILS(tsr_trainer_new(world.config, NULL, 0, NULL, 0, &trainer), TSR_INVALID_ARGUMENT,
        "num_heads");
  EXPECT(trainer == NULL);
  EndWorld(&world);
}

static void Inspect(const char* path, int32_t verify, const char* part) {
  char* text = NULL;
  size_t length = 0;
  if (!OK(tsr_checkpoint_inspect(path, strlen(path), verify, &text, &length))) return;
  HOLDS(text, part);
  EXPECT(strlen(text) == length);
  tsr_text_free(text);
}

/* Flips a byte in the middle of the first data file of the checkpoint. */
static void Damage(const char* checkpoint) {
  DIR* folder = opendir(checkpoint);
  struct dirent* entry;
  int is_done = 0;
  while (folder != NULL && !is_done && (entry = readdir(folder)) != NULL) {
    char* name = NULL;
    if (strstr(entry->d_name, ".safetensors") == NULL) continue;
    if (asprintf(&name, "%s/%s", checkpoint, entry->d_name) > 0) {
      FILE* file = fopen(name, "r+b");
      long size;
      int byte;
      fseek(file, 0, SEEK_END);
      size = ftell(file);
      fseek(file, size - size / 4, SEEK_SET);
      byte = fgetc(file);
      fseek(file, size - size / 4, SEEK_SET);
      fputc(byte ^ 1, file);
      fclose(file);
      is_done = 1;
    }
    free(name);
  }
  if (folder != NULL) closedir(folder);
  EXPECT(is_done);
}

static void TestSaveLoadInspect(void) {
  World world = NewWorld();
  tsr_trainer* trainer = NewTrainer(&world, world.out, "");
  tsr_trainer* other = NULL;
  char path[200], copy[200], *text = NULL;
  size_t length = 0;
  tsr_step_result a, b;
  tsr_status* status;
  (void)Step(trainer);
  OK(tsr_trainer_save(trainer, NULL, 0));
  snprintf(copy, sizeof(copy), "%s/copy", world.folder);
  OK(tsr_trainer_save(trainer, copy, strlen(copy)));
  FAILS(tsr_trainer_save(trainer, copy, strlen(copy)), TSR_ALREADY_EXISTS, copy);
  FAILS(tsr_trainer_save(trainer, NULL, 5), TSR_INVALID_ARGUMENT, "path");
  a = Step(trainer);
  OK(tsr_trainer_save(trainer, "", 0));
  FAILS(tsr_trainer_load(trainer, "/nowhere", 8), TSR_NOT_FOUND, "/nowhere");
  FAILS(tsr_trainer_load(trainer, "", 0), TSR_INVALID_ARGUMENT, "path");
  OK(tsr_trainer_load(trainer, copy, strlen(copy)));
  b = Step(trainer);
  EXPECT(a.step == b.step && a.loss == b.loss && a.grad_norm == b.grad_norm);
  FAILS(tsr_trainer_new(world.config, world.out, strlen(world.out), NULL, 0, &other),
        TSR_ALREADY_EXISTS, world.out);
  tsr_trainer_free(trainer);

  Inspect(copy, 1, "\"complete\": true");
  Inspect(world.out, 0, "\"step\": 2");
  snprintf(path, sizeof(path), "%s/checkpoints/step_2", world.out);
  Damage(path);
  status = tsr_checkpoint_inspect(path, strlen(path), 1, &text, &length);
  EXPECT(tsr_status_code(status) == TSR_DATA_LOSS);
  HOLDS(tsr_status_message(status), "step_2");
  HOLDS(tsr_status_payload(status), "\"complete\": false");
  EXPECT(strcmp(tsr_status_file(status), path) == 0);
  tsr_status_free(status);
  FAILS(tsr_checkpoint_inspect("/nowhere", 8, 1, &text, &length), TSR_NOT_FOUND, "/nowhere");
  FAILS(tsr_checkpoint_inspect(NULL, 0, 1, &text, &length), TSR_INVALID_ARGUMENT, "path");
  FAILS(tsr_checkpoint_inspect(path, strlen(path), 1, NULL, &length), TSR_INVALID_ARGUMENT,
        "out_text");
  EXPECT(text == NULL);

  /* The damaged one is passed over, and said so. */
  other = NewTrainer(&world, world.out, "{\"resume\": true}");
  OK(tsr_trainer_describe(other, &text, &length));
  HOLDS(text, "step_2");
  HOLDS(text, "\"step\":1");
  tsr_text_free(text);
  tsr_trainer_free(other);
  EndWorld(&world);
}

typedef struct {
  int records, ends;
  tsr_trainer* trainer;
  tsr_job* job;
} Seen;

static void Sink(void* user, const char* record, size_t length) {
  Seen* seen = (Seen*)user;
  EXPECT(length > 2 && record[0] == '{' && record[length - 1] == '}');
  ++seen->records;
}
static void EndSink(void* user) {
  __atomic_add_fetch(&((Seen*)user)->ends, 1, __ATOMIC_SEQ_CST);
}

/* A sink that does what it must not. */
static void WrongSink(void* user, const char* record, size_t length) {
  Seen* seen = (Seen*)user;
  (void)record;
  (void)length;
  if (seen->records++ == 0) {
    while (__atomic_load_n(&seen->job, __ATOMIC_SEQ_CST) == NULL) usleep(100);
    FAILS(tsr_trainer_save(seen->trainer, NULL, 0), TSR_FAILED_PRECONDITION, "trainer: expected");
    FAILS(tsr_job_wait(seen->job, -1), TSR_FAILED_PRECONDITION, "the job's own");
    tsr_trainer_free(seen->trainer);
    tsr_job_free(seen->job); /* cancels; does not wait for itself */
  }
}

static void TestSinks(void) {
  World world = NewWorld();
  tsr_trainer* trainer = NewTrainer(&world, "", "");
  Seen first = {0, 0, NULL, NULL}, second = {0, 0, NULL, NULL};
  OK(tsr_trainer_add_sink(trainer, Sink, &first, EndSink));
  OK(tsr_trainer_add_sink(trainer, Sink, &second, NULL));
  (void)Step(trainer);
  (void)Step(trainer);
  EXPECT(first.records == 2 && second.records == 2);
  FAILS(tsr_trainer_add_sink(trainer, NULL, &second, EndSink), TSR_INVALID_ARGUMENT, "sink");
  EXPECT(second.ends == 1); /* also when it fails */
  FAILS(tsr_trainer_add_sink(NULL, Sink, &second, EndSink), TSR_INVALID_ARGUMENT, "trainer");
  EXPECT(second.ends == 2);
  EXPECT(first.ends == 0);
  tsr_trainer_free(trainer);
  EXPECT(first.ends == 1 && second.ends == 2);
  EndWorld(&world);
}

static void TestJob(void) {
  World world = NewWorld();
  tsr_trainer* trainer;
  tsr_job* job = NULL;
  tsr_progress progress;
  Set(world.config, "trainer.eval_every", "3");
  trainer = NewTrainer(&world, world.out, "");
  FAILS(tsr_trainer_run(trainer, -1, &job), TSR_INVALID_ARGUMENT, "steps");
  FAILS(tsr_trainer_run(trainer, 0, NULL), TSR_INVALID_ARGUMENT, "out_job");
  OK(tsr_trainer_run(trainer, 2, &job));
  OK(tsr_job_wait(job, -1));
  OK(tsr_job_wait(job, 0)); /* again: the same */
  memset(&progress, 0, sizeof(progress));
  FAILS(tsr_job_progress(job, &progress), TSR_INVALID_ARGUMENT, "struct_size");
  FAILS(tsr_job_progress(job, NULL), TSR_INVALID_ARGUMENT, "out_progress");
  FAILS(tsr_job_wait(job, (double)NAN), TSR_INVALID_ARGUMENT, "timeout_s");
  progress.struct_size = sizeof(progress);
  OK(tsr_job_progress(job, &progress));
  EXPECT(progress.done == 1 && progress.step == 2 && progress.total_steps == 2);
  EXPECT(progress.last.step == 2 && progress.last.loss > 0);
  tsr_job_cancel(job); /* too late: nothing happens */
  OK(tsr_job_wait(job, 1e300));
  tsr_job_free(job);
  OK(tsr_trainer_run(trainer, 0, &job));
  OK(tsr_job_wait(job, 60));
  OK(tsr_job_progress(job, &progress));
  EXPECT(progress.done == 1 && progress.step == 6 && progress.total_steps == 6);
  EXPECT(!isnan(progress.last.eval_loss));
  tsr_job_free(job);
  tsr_job_free(NULL);
  tsr_job_cancel(NULL);
  tsr_trainer_free(trainer);
  Inspect(world.out, 1, "\"step\": 6");
  EndWorld(&world);
}

static void TestCancel(void) {
  World world = NewWorld();
  tsr_trainer* trainer;
  tsr_job* job = NULL;
  tsr_job* second = NULL;
  tsr_progress progress;
  tsr_generator* generator = NULL;
  tsr_step_result result;
  double loss;
  Set(world.config, "trainer.steps", "100000000");
  trainer = NewTrainer(&world, world.out, "");
  OK(tsr_trainer_run(trainer, 0, &job));
  FAILS(tsr_job_wait(job, 0.05), TSR_DEADLINE_EXCEEDED, "still running");
  result.struct_size = sizeof(result);
  FAILS(tsr_trainer_step(trainer, &result), TSR_FAILED_PRECONDITION, "while its job runs");
  FAILS(tsr_trainer_evaluate(trainer, &loss), TSR_FAILED_PRECONDITION, "while its job runs");
  FAILS(tsr_trainer_run(trainer, 0, &second), TSR_FAILED_PRECONDITION, "while its job runs");
  FAILS(tsr_generator_from_trainer(trainer, &generator), TSR_FAILED_PRECONDITION, "its job");
  EXPECT(second == NULL && generator == NULL);
  progress.struct_size = sizeof(progress);
  OK(tsr_job_progress(job, &progress));
  EXPECT(progress.done == 0 && progress.total_steps == 100000000);
  tsr_job_cancel(job);
  FAILS(tsr_job_wait(job, -1), TSR_CANCELLED, "");
  OK(tsr_job_progress(job, &progress));
  EXPECT(progress.done == 1 && progress.step > 0);
  Inspect(world.out, 1, "\"complete\": true"); /* a cancelled job has saved */
  tsr_job_free(job);
  EXPECT(Step(trainer).step == progress.step + 1);
  /* Freed while they run: the trainer first, the job first. */
  OK(tsr_trainer_run(trainer, 0, &job));
  tsr_trainer_free(trainer);
  FAILS(tsr_job_wait(job, 0), TSR_CANCELLED, "");
  tsr_job_free(job);
  trainer = NewTrainer(&world, world.out, "{\"resume\": true}");
  OK(tsr_trainer_run(trainer, 0, &job));
  tsr_job_free(job);
  (void)Step(trainer); /* the job has left the trainer */
  tsr_trainer_free(trainer);
  EndWorld(&world);
}

static void TestFreeFromSink(void) {
  World world = NewWorld();
  Seen seen = {0, 0, NULL, NULL};
  tsr_trainer* trainer;
  int i;
  Set(world.config, "trainer.steps", "100000000");
  trainer = NewTrainer(&world, "", "");
  seen.trainer = trainer;
  OK(tsr_trainer_add_sink(trainer, WrongSink, &seen, EndSink));
  {
    tsr_job* job = NULL;
    /* The first record may come before the call returns, so the sink waits for the handle. */
    OK(tsr_trainer_run(trainer, 0, &job));
    __atomic_store_n(&seen.job, job, __ATOMIC_SEQ_CST);
  }
  for (i = 0; i < 2000 && __atomic_load_n(&seen.ends, __ATOMIC_SEQ_CST) == 0; ++i) usleep(5000);
  EXPECT(__atomic_load_n(&seen.ends, __ATOMIC_SEQ_CST) == 1);
  EndWorld(&world);
}

static int32_t Collect(void* user, const char* text, size_t length) {
  strncat((char*)user, text, length);
  return 0;
}
static int32_t StopAtOnce(void* user, const char* text, size_t length) {
  (void)text;
  (void)length;
  return ++*(int*)user;
}

static void TestGenerator(void) {
  World world = NewWorld();
  tsr_trainer* trainer = NewTrainer(&world, world.out, "");
  tsr_generator *shared = NULL, *loaded = NULL;
  char pieces[4096] = "", *text = NULL, *other = NULL, *third = NULL;
  size_t length = 0, size = 0;
  int calls = 0;
  static const char kGreedy[] = "{\"max_tokens\": 12, \"temperature\": 0}";
  static const char kSampled[] =
      "{\"max_tokens\": 9, \"top_k\": 5, \"top_p\": 0.9, \"seed\": 3}";
  (void)Step(trainer);
  OK(tsr_trainer_save(trainer, NULL, 0));
  OK(tsr_generator_from_trainer(trainer, &shared));
  OK(tsr_generator_generate(shared, "the ", 4, kGreedy, strlen(kGreedy), Collect, pieces, &text,
                            &length));
  EXPECT(length == strlen(text) && strcmp(pieces, text) == 0);
  OK(tsr_generator_from_checkpoint(world.runtime, world.out, strlen(world.out), "", 0, &loaded));
  OK(tsr_generator_generate(loaded, "the ", 4, kGreedy, strlen(kGreedy), NULL, NULL, &other,
                            &size));
  EXPECT(size == length && memcmp(text, other, size) == 0);
  tsr_text_free(other);
  OK(tsr_generator_generate(loaded, "the ", 4, kSampled, strlen(kSampled), StopAtOnce, &calls,
                            &third, &size));
  EXPECT(calls == 1);
  tsr_text_free(third);
  third = NULL;
  FAILS(tsr_generator_generate(loaded, "a", 1, "{\"max_token\": 1}", 16, NULL, NULL, &third, &size),
        TSR_INVALID_ARGUMENT, "did you mean 'max_tokens'");
  FAILS(tsr_generator_generate(loaded, "a", 1, "{\"temperature\": -1}", 19, NULL, NULL, &third,
                               &size), TSR_INVALID_ARGUMENT, "temperature");
  FAILS(tsr_generator_generate(loaded, "a", 1, "{\"top_p\": 0}", 12, NULL, NULL, &third, &size),
        TSR_INVALID_ARGUMENT, "top_p: expected a number above 0");
  FAILS(tsr_generator_generate(loaded, NULL, 1, NULL, 0, NULL, NULL, &third, &size),
        TSR_INVALID_ARGUMENT, "prompt");
  FAILS(tsr_generator_generate(loaded, "a", 1, NULL, 0, NULL, NULL, NULL, &size),
        TSR_INVALID_ARGUMENT, "out_text");
  FAILS(tsr_generator_from_checkpoint(world.runtime, "/nowhere", 8, "", 0, &loaded), TSR_NOT_FOUND,
        "/nowhere");
  FAILS(tsr_generator_from_checkpoint(world.runtime, world.out, strlen(world.out),
                                      "{\"dtype\": \"fp16\"}", 17, &loaded),
        TSR_INVALID_ARGUMENT, "dtype: expected one of");
  FAILS(tsr_generator_from_checkpoint(world.runtime, world.out, strlen(world.out), "", 0, NULL),
        TSR_INVALID_ARGUMENT, "out_generator");
  FAILS(tsr_generator_from_trainer(trainer, NULL), TSR_INVALID_ARGUMENT, "out_generator");
  EXPECT(third == NULL);
  /* The generator keeps what it shares. */
  tsr_trainer_free(trainer);
  OK(tsr_generator_generate(shared, "the ", 4, kGreedy, strlen(kGreedy), NULL, NULL, &other,
                            &size));
  EXPECT(size == length && memcmp(text, other, size) == 0);
  tsr_text_free(other);
  tsr_text_free(text);
  tsr_generator_free(shared);
  tsr_generator_free(loaded);
  tsr_generator_free(NULL);
  EndWorld(&world);
}

/* Two runtimes train at the same time, each on its own; the same seed gives the same loss. */
static void* TrainAlone(void* out_loss) {
  World world = NewWorld();
  tsr_trainer* trainer = NewTrainer(&world, "", "");
  int i;
  for (i = 0; i < 6; ++i) *(double*)out_loss = Step(trainer).loss;
  tsr_config_free(world.config);
  tsr_runtime_free(world.runtime); /* before its child */
  tsr_trainer_free(trainer);
  RemoveFolder(world.folder);
  return NULL;
}

static void TestTwoAtOnce(void) {
  double losses[2] = {1, 2};
  pthread_t threads[2];
  int i;
  for (i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, TrainAlone, &losses[i]);
  for (i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  EXPECT(losses[0] == losses[1]);
}

typedef struct {
  tsr_trainer* trainer;
  double loss;
} Stepper;

static void* StepAll(void* argument) {
  Stepper* stepper = (Stepper*)argument;
  int i;
  for (i = 0; i < 6; ++i) stepper->loss = Step(stepper->trainer).loss;
  return NULL;
}

/* Two trainers of one runtime, which share its threads, at the same time. */
static void TestOneRuntimeTwoTrainers(void) {
  World world = NewWorld();
  Stepper steppers[2];
  pthread_t threads[2];
  int i;
  for (i = 0; i < 2; ++i) steppers[i].trainer = NewTrainer(&world, "", "");
  for (i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, StepAll, &steppers[i]);
  for (i = 0; i < 2; ++i) pthread_join(threads[i], NULL);
  EXPECT(steppers[0].loss == steppers[1].loss);
  for (i = 0; i < 2; ++i) tsr_trainer_free(steppers[i].trainer);
  EndWorld(&world);
}

static void TestMemoryLimit(void) {
  World world = NewWorld();
  tsr_runtime* small = NewRuntimeWith("{\"checked\": true, \"memory_limit_bytes\": 20000}");
  tsr_config* config = SmallConfig(small, world.corpus);
  tsr_trainer* trainer = NULL;
  FAILS(tsr_trainer_new(config, NULL, 0, NULL, 0, &trainer), TSR_RESOURCE_EXHAUSTED, "limit");
  EXPECT(trainer == NULL);
  tsr_config_free(config);
  tsr_runtime_free(small);
  EndWorld(&world);
}

int main(void) {
  TestStep();
  TestProfileAndNoValidation();
  TestWrongNew();
  TestSaveLoadInspect();
  TestSinks();
  TestJob();
  TestCancel();
  TestFreeFromSink();
  TestGenerator();
  TestTwoAtOnce();
  TestOneRuntimeTwoTrainers();
  TestMemoryLimit();
  return Result("trainer_test");
}
