/* Method: a data source, an optimizer and a schedule written here train beside the built-in ones
 * that do the same; losses must be the same to the bit, and the plans with their programs the same
 * text. Then what their callbacks can do wrong, jobs that tell when they have ended, and plug-ins
 * that are none (tests/samples loads some). */
#include "tests/capi/build.h"

#define STEPS 6

typedef struct Part {
  int wrong, calls, destroyed;
  const char* text; /* what the source gives */
} Part;

static void Destroy(void* user) { ++((Part*)user)->destroyed; }

/* ---- A source: the lines of a text that is held here ---- */

static tsr_corpus* kept_corpus;

static tsr_status* ReadText(void* user, tsr_corpus* corpus, const char* name, size_t name_len) {
  Part* part = (Part*)user;
  uint16_t ids[3] = {1, 2, 3};
  ++part->calls;
  kept_corpus = corpus;
  EXPECT(name_len == 7 && strncmp(name, "memory:", name_len) == 0);
  switch (part->wrong) {
    case 1:
      return tsr_status_new(TSR_UNAVAILABLE, TEXT("no line"));
    case 2: /* says nothing of what it was told */
      OK(tsr_corpus_add_text(corpus, TEXT("some text")));
      FAILS(tsr_corpus_add_tokens(corpus, ids, sizeof(ids), 2), TSR_INVALID_ARGUMENT, "holds");
      FAILS(tsr_corpus_add_text(corpus, TEXT("more text")), TSR_INVALID_ARGUMENT, "holds");
      return NULL;
    case 3:
      return NULL; /* nothing at all */
    default:
      break;
  }
  FAILS(tsr_corpus_add_tokens(corpus, ids, 3, 2), TSR_INVALID_ARGUMENT, "multiple of 2");
  FAILS(tsr_corpus_add_tokens(corpus, ids, 6, 3), TSR_INVALID_ARGUMENT, "width");
  FAILS(tsr_corpus_add_tokens(corpus, NULL, 6, 2), TSR_INVALID_ARGUMENT, "bytes");
  FAILS(tsr_corpus_add_text(corpus, "\xff", 1), TSR_INVALID_ARGUMENT, "UTF-8");
  OK(tsr_corpus_add_text(corpus, NULL, 0)); /* an empty document is none */
  return tsr_corpus_add_text(corpus, part->text, strlen(part->text));
}

static tsr_status* ReadIds(void* user, tsr_corpus* corpus, const char* name, size_t name_len) {
  uint32_t ids[256];
  uint32_t i;
  (void)name;
  (void)name_len;
  ++((Part*)user)->calls;
  for (i = 0; i < 256; ++i) ids[i] = i * 7 % 256;
  return tsr_corpus_add_tokens(corpus, ids, sizeof(ids), 4);
}

static tsr_source_def SourceDef(const char* name, tsr_source_read read, Part* part) {
  tsr_source_def def;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.name = name;
  def.read = read;
  def.user = part;
  def.destroy = &Destroy;
  return def;
}

/* ---- An optimizer: Sgd with momentum, of the op that the built-in one uses ---- */

static const char kOptimizer[] =
    "/// Sgd again.\ntable HostSgd (role: \"optimizer\") {\n"
    "  learning_rate: double = 0.01;\n  momentum: double = 0.9;\n  weight_decay: double = 0;\n}\n";

static tsr_status* BuildSgd(void* user, tsr_scope* scope, const char* settings,
                            size_t settings_len, const tsr_value* values, size_t value_count,
                            tsr_value* outputs, size_t* count) {
  Part* part = (Part*)user;
  tsr_value inputs[6], value = -1;
  const char* decay = strstr(settings, "\"weight_decay\": ");
  char attrs[256];
  int i;
  ++part->calls;
  EXPECT(value_count == 6 && *count == 2 && strlen(settings) == settings_len);
  /* The last of that name is the group's, not the config's. */
  while (decay != NULL && strstr(decay + 1, "\"weight_decay\": ") != NULL) {
    decay = strstr(decay + 1, "\"weight_decay\": ");
  }
  EXPECT(decay != NULL && strstr(settings, "\"dtype\": \"f32\"") != NULL);
  EXPECT(strstr(settings, "\"momentum\": 0.9") != NULL && strstr(settings, "\"dims\": [") != NULL);
  switch (part->wrong) {
    case 1:
      return tsr_status_new(TSR_UNAVAILABLE, TEXT("not today"));
    case 2:
      outputs[0] = values[0];
      *count = 1;
      return NULL;
    case 3: /* the learning rate is no new parameter */
      outputs[0] = values[3];
      outputs[1] = values[2];
      return NULL;
    case 4:
      FAILS(tsr_scope_param(scope, TEXT("x"), TEXT("4"), NULL, 0, &value), TSR_FAILED_PRECONDITION,
            "update");
      return tsr_status_new(TSR_ABORTED, TEXT("no parameters here"));
    default:
      break;
  }
  for (i = 0; i < 6; ++i) inputs[i] = values[i];
  snprintf(attrs, sizeof(attrs),
           "{\"momentum\": 0.9, \"dampening\": 0.0, \"nesterov\": false,"
           " \"weight_decay\": %.17g%s}",
           strtod(decay + 16, NULL), strtod(decay + 16, NULL) == 0 ? ".0" : "");
  return tsr_scope_add(scope, TEXT("sgd_update"), inputs, 6, attrs, strlen(attrs), outputs, count);
}

static tsr_optimizer_def OptimizerDef(Part* part) {
  tsr_optimizer_def def;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.schema = kOptimizer;
  def.type = "HostSgd";
  def.slots = "momentum";
  def.build = &BuildSgd;
  def.user = part;
  def.destroy = &Destroy;
  return def;
}

/* ---- A schedule: falls in a straight line ---- */

static const char kSchedule[] =
    "/// Falls to nothing.\ntable HostFall (role: \"schedule\") { warmup_steps: long = 0; }\n";

static tsr_status* Fall(void* user, const char* config, size_t config_len, int64_t step,
                        int64_t total_steps, double* out_factor) {
  Part* part = (Part*)user;
  ++part->calls;
  EXPECT(strlen(config) == config_len && strstr(config, "\"warmup_steps\": 0") != NULL);
  if (part->wrong == 1) return tsr_status_new(TSR_UNAVAILABLE, TEXT("no factor"));
  if (part->wrong == 2) return NULL; /* and none was written */
  *out_factor = 1.0 - (double)step / (double)total_steps;
  return NULL;
}

static tsr_schedule_def ScheduleDef(Part* part) {
  tsr_schedule_def def;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.schema = kSchedule;
  def.type = "HostFall";
  def.factor = &Fall;
  def.user = part;
  def.destroy = &Destroy;
  return def;
}

/* ---- Runs ---- */

typedef struct World {
  tsr_runtime* runtime;
  tsr_config *builtin, *custom;
  char folder[64], corpus[128];
  char* text; /* of the corpus */
  Part source, ids, optimizer, schedule;
} World;

static char* ReadFile(const char* path) {
  FILE* file = fopen(path, "rb");
  char* text = (char*)calloc(1, 1 << 20);
  EXPECT(file != NULL && fread(text, 1, (1 << 20) - 1, file) > 0);
  fclose(file);
  return text;
}

static World NewWorld(void) {
  static const char fall[] =
      "{\"type\": \"LinearDecay\", \"warmup_steps\": 0, \"min_lr_ratio\": 0}";
  World world;
  memset(&world, 0, sizeof(world));
  world.runtime = NewRuntime();
  NewFolder(world.folder, sizeof(world.folder));
  snprintf(world.corpus, sizeof(world.corpus), "%s/corpus.txt", world.folder);
  WriteCorpus(world.corpus);
  world.text = ReadFile(world.corpus);
  world.builtin = SmallConfig(world.runtime, world.corpus);
  Set(world.builtin, "optimizer",
      "{\"type\": \"Sgd\", \"learning_rate\": 0.05, \"momentum\": 0.9, \"weight_decay\": 0.1}");
  Set(world.builtin, "schedule", fall);
  return world;
}

/* After NewWorld has moved to where it stays: parts point into it. */
static void RegisterParts(World* world) {
  const tsr_source_def source = SourceDef("memory", &ReadText, &world->source);
  const tsr_source_def ids = SourceDef("sevens", &ReadIds, &world->ids);
  const tsr_optimizer_def optimizer = OptimizerDef(&world->optimizer);
  const tsr_schedule_def schedule = ScheduleDef(&world->schedule);
  world->source.text = world->text;
  OK(tsr_runtime_register_source(world->runtime, &source));
  OK(tsr_runtime_register_source(world->runtime, &ids));
  OK(tsr_runtime_register_optimizer(world->runtime, &optimizer));
  OK(tsr_runtime_register_schedule(world->runtime, &schedule));
  world->custom = SmallConfig(world->runtime, "memory:");
  Set(world->custom, "data.source", "memory");
  Set(world->custom, "optimizer",
      "{\"type\": \"HostSgd\", \"learning_rate\": 0.05, \"weight_decay\": 0.1}");
  Set(world->custom, "schedule", "{\"type\": \"HostFall\"}");
}

static void EndWorld(World* world) {
  Part* parts[4] = {&world->source, &world->ids, &world->optimizer, &world->schedule};
  int i;
  tsr_config_free(world->builtin);
  tsr_config_free(world->custom);
  for (i = 0; i < 4; ++i) EXPECT(parts[i]->destroyed == 0);
  tsr_runtime_free(world->runtime);
  for (i = 0; i < 4; ++i) EXPECT(parts[i]->destroyed == 1);
  free(world->text);
  RemoveFolder(world->folder);
}

static tsr_trainer* NewTrainer(const tsr_config* config, const char* out, const char* options) {
  tsr_trainer* trainer = NULL;
  OK(tsr_trainer_new(config, TEXT(out), TEXT(options), &trainer));
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

static void ExpectSameSteps(tsr_trainer* a, tsr_trainer* b, int steps) {
  int i;
  double first = 0, x = 0, y = 0;
  for (i = 0; i < steps; ++i) {
    const tsr_step_result left = Step(a), right = Step(b);
    EXPECT(left.loss == right.loss && left.grad_norm == right.grad_norm);
    EXPECT(left.learning_rate == right.learning_rate && left.learning_rate > 0);
    if (i == 0) first = left.learning_rate;
  }
  EXPECT(steps < 2 || Step(a).learning_rate < first);
  OK(tsr_trainer_evaluate(b, &y));
  EXPECT(steps < 2 || Step(b).learning_rate < first);
  OK(tsr_trainer_evaluate(a, &x));
  OK(tsr_trainer_evaluate(b, &y));
  EXPECT(x == y && isfinite(x));
}

static void TestSameAsBuiltIn(World* world) {
  tsr_trainer* a = NewTrainer(world->builtin, "", "");
  tsr_trainer* b = NewTrainer(world->custom, "", "");
  ExpectSameSteps(a, b, STEPS - 1);
  EXPECT(world->source.calls == 1 && world->optimizer.calls > 0);
  EXPECT(world->schedule.calls == STEPS);
  tsr_trainer_free(a);
  tsr_trainer_free(b);
}

/* The whole program of a step, its updates too. */
static void TestSameProgram(World* world) {
  static const char options[] = "{\"text\": true}";
  char *a = NULL, *b = NULL;
  size_t a_len = 0, b_len = 0;
  OK(tsr_config_plan(world->builtin, TEXT(options), &a, &a_len));
  OK(tsr_config_plan(world->custom, TEXT(options), &b, &b_len));
  EXPECT(a_len == b_len && a != NULL && b != NULL && strcmp(a, b) == 0);
  HOLDS(a, "sgd_update");
  tsr_text_free(a);
  tsr_text_free(b);
}

/* Slots and the position in the data are in checkpoints; a model runs where no part is known. */
static void TestCheckpoint(World* world) {
  tsr_runtime* other = NewRuntime();
  tsr_trainer *a = NULL, *b = NULL, *c = NULL;
  tsr_generator* generator = NULL;
  char saved[96], *text = NULL;
  size_t len = 0;
  snprintf(saved, sizeof(saved), "%s/saved", world->folder);
  a = NewTrainer(world->custom, "", "");
  Step(a);
  Step(a);
  OK(tsr_trainer_save(a, TEXT(saved)));
  b = NewTrainer(world->custom, "", "");
  OK(tsr_trainer_load(b, TEXT(saved)));
  ExpectSameSteps(a, b, 1);
  OK(tsr_generator_from_checkpoint(other, TEXT(saved), NULL, 0, &generator));
  GIVES(tsr_generator_generate(generator, TEXT("the "), TEXT("{\"max_tokens\": 3}"), NULL, NULL,
                               &text, &len),
        text, "");
  /* Another source of the same type has other documents: the position would mean other samples. */
  world->source.text = "quite another text, which is short but long enough to be cut into windows.";
  c = NULL;
  OK(tsr_trainer_new(world->custom, NULL, 0, NULL, 0, &c));
  FAILS(tsr_trainer_load(c, TEXT(saved)), TSR_FAILED_PRECONDITION, "");
  world->source.text = world->text;
  tsr_generator_free(generator);
  tsr_trainer_free(a);
  tsr_trainer_free(b);
  tsr_trainer_free(c);
  tsr_runtime_free(other);
}

static void TestTokens(World* world) {
  tsr_trainer* trainer = NULL;
  char* text = NULL;
  size_t len = 0;
  tsr_config* config = NULL;
  OK(tsr_config_copy(world->custom, &config));
  Set(config, "data.source", "sevens");
  trainer = NewTrainer(config, "", "");
  EXPECT(Step(trainer).loss > 0);
  EXPECT(world->ids.calls == 1);
  tsr_trainer_free(trainer);
  GIVES(tsr_runtime_list(world->runtime, TEXT("data"), &text, &len), text, "sevens");
  GIVES(tsr_runtime_list(world->runtime, TEXT("optimizers"), &text, &len), text, "HostSgd");
  GIVES(tsr_runtime_list(world->runtime, TEXT("schedules"), &text, &len), text, "HostFall");
  Set(config, "data.source", "eights");
  FAILS(tsr_trainer_new(config, NULL, 0, NULL, 0, &trainer), TSR_NOT_FOUND, "sevens");
  tsr_config_free(config);
}

/* ---- What goes wrong ---- */

static void TestWrongCallbacks(World* world) {
  static const struct {
    tsr_code code;
    const char* text;
  } source[] = {{TSR_UNAVAILABLE, "data source 'memory': memory:: no line"},
                {TSR_INVALID_ARGUMENT, "a corpus is one or the other"},
                {TSR_INVALID_ARGUMENT, "memory:: expected text or token ids"}},
    optimizer[] = {{TSR_UNAVAILABLE, "optimizer 'HostSgd': not today"},
                   {TSR_INVALID_ARGUMENT, "2 outputs, the new parameter and 1 slots, got 1"},
                   {TSR_INVALID_ARGUMENT, "optimizer 'HostSgd': outputs["},
                   {TSR_ABORTED, "no parameters here"}};
  tsr_trainer* trainer = NULL;
  tsr_step_result result;
  int i;
  memset(&result, 0, sizeof(result));
  result.struct_size = sizeof(result);
  for (i = 0; i < 3; ++i) {
    world->source.wrong = i + 1;
    FAILS(tsr_trainer_new(world->custom, NULL, 0, NULL, 0, &trainer), source[i].code,
          source[i].text);
  }
  world->source.wrong = 0;
  FAILS(tsr_corpus_add_text(kept_corpus, TEXT("late")), TSR_INVALID_ARGUMENT, "corpus");
  for (i = 0; i < 4; ++i) {
    world->optimizer.wrong = i + 1;
    FAILS(tsr_trainer_new(world->custom, NULL, 0, NULL, 0, &trainer), optimizer[i].code,
          optimizer[i].text);
  }
  world->optimizer.wrong = 0;
  trainer = NewTrainer(world->custom, "", "");
  world->schedule.wrong = 1;
  FAILS(tsr_trainer_step(trainer, &result), TSR_UNAVAILABLE, "schedule 'HostFall': no factor");
  tsr_trainer_free(trainer);
  trainer = NewTrainer(world->custom, "", "");
  world->schedule.wrong = 2;
  FAILS(tsr_trainer_step(trainer, &result), TSR_INVALID_ARGUMENT, "finite factor for step 0");
  world->schedule.wrong = 0;
  tsr_trainer_free(trainer);
}

static int destroyed_before;

static void Refuse(tsr_status* status, tsr_code code, const char* text, const Part* part) {
  ExpectError(status, code, text, "registering", __FILE__, __LINE__);
  EXPECT(part->destroyed == destroyed_before + 1); /* also when registering fails */
  destroyed_before = part->destroyed;
}

static void TestWrongRegistrations(tsr_runtime* runtime) {
  Part part;
  tsr_source_def source;
  tsr_optimizer_def optimizer;
  tsr_schedule_def schedule;
  memset(&part, 0, sizeof(part));
  destroyed_before = 0;
  source = SourceDef("memory", &ReadText, &part);
  Refuse(tsr_runtime_register_source(runtime, &source), TSR_ALREADY_EXISTS, "memory", &part);
  source.name = "text";
  Refuse(tsr_runtime_register_source(runtime, &source), TSR_ALREADY_EXISTS, "text", &part);
  source.name = "";
  Refuse(tsr_runtime_register_source(runtime, &source), TSR_INVALID_ARGUMENT, "def.name", &part);
  source.name = NULL;
  Refuse(tsr_runtime_register_source(runtime, &source), TSR_INVALID_ARGUMENT, "def.name", &part);
  source = SourceDef("new", NULL, &part);
  Refuse(tsr_runtime_register_source(runtime, &source), TSR_INVALID_ARGUMENT, "def.read", &part);
  source.struct_size = 4;
  FAILS(tsr_runtime_register_source(runtime, &source), TSR_INVALID_ARGUMENT, "struct_size");
  FAILS(tsr_runtime_register_source(runtime, NULL), TSR_INVALID_ARGUMENT, "def");

  optimizer = OptimizerDef(&part);
  Refuse(tsr_runtime_register_optimizer(runtime, &optimizer), TSR_ALREADY_EXISTS, "HostSgd", &part);
  optimizer.type = "Other";
  Refuse(tsr_runtime_register_optimizer(runtime, &optimizer), TSR_INVALID_ARGUMENT, "Other", &part);
  optimizer.schema = "table Other (role: \"norm\") { learning_rate: double = 1; }";
  Refuse(tsr_runtime_register_optimizer(runtime, &optimizer), TSR_INVALID_ARGUMENT,
         "expected (role: \"optimizer\")", &part);
  optimizer.schema = "table Other (role: \"optimizer\") { rate: double = 1; }";
  Refuse(tsr_runtime_register_optimizer(runtime, &optimizer), TSR_INVALID_ARGUMENT,
         "learning_rate: double", &part);
  optimizer.slots = "a,,b";
  Refuse(tsr_runtime_register_optimizer(runtime, &optimizer), TSR_INVALID_ARGUMENT, "def.slots",
         &part);
  optimizer.slots = "a,a";
  Refuse(tsr_runtime_register_optimizer(runtime, &optimizer), TSR_INVALID_ARGUMENT, "twice", &part);
  optimizer.build = NULL;
  Refuse(tsr_runtime_register_optimizer(runtime, &optimizer), TSR_INVALID_ARGUMENT, "def.build",
         &part);
  FAILS(tsr_runtime_register_optimizer(runtime, NULL), TSR_INVALID_ARGUMENT, "def");

  schedule = ScheduleDef(&part);
  Refuse(tsr_runtime_register_schedule(runtime, &schedule), TSR_ALREADY_EXISTS, "HostFall", &part);
  schedule.type = NULL;
  Refuse(tsr_runtime_register_schedule(runtime, &schedule), TSR_INVALID_ARGUMENT, "def.type",
         &part);
  schedule.factor = NULL;
  Refuse(tsr_runtime_register_schedule(runtime, &schedule), TSR_INVALID_ARGUMENT, "def.factor",
         &part);
  Refuse(tsr_runtime_register_schedule(NULL, &schedule), TSR_INVALID_ARGUMENT, "runtime", &part);
}

/* ---- Jobs that tell when they have ended ---- */

typedef struct Ended {
  tsr_job* job;
  int calls, destroyed, frees;
} Ended;

static void OnEnd(void* user) {
  Ended* ended = (Ended*)user;
  OK(tsr_job_wait(ended->job, -1)); /* returns at once, on the job's own thread too */
  if (ended->frees) tsr_job_free(ended->job);
  __atomic_add_fetch(&ended->calls, 1, __ATOMIC_SEQ_CST);
}

static void OnDestroy(void* user) {
  __atomic_add_fetch(&((Ended*)user)->destroyed, 1, __ATOMIC_SEQ_CST);
}

static void WaitForCalls(Ended* ended) {
  int waited;
  for (waited = 0; waited < 60000; ++waited) {
    if (__atomic_load_n(&ended->calls, __ATOMIC_SEQ_CST) == 1) return;
    usleep(1000);
  }
  EXPECT(!"called in time");
}

static void TestJobEnds(World* world) {
  tsr_trainer* trainer = NewTrainer(world->builtin, "", "");
  Ended during, after;
  memset(&during, 0, sizeof(during));
  memset(&after, 0, sizeof(after));
  OK(tsr_trainer_run(trainer, 2, &during.job));
  OK(tsr_job_on_end(during.job, &OnEnd, &during, &OnDestroy));
  WaitForCalls(&during);
  OK(tsr_job_wait(during.job, -1));
  after.job = during.job;
  OK(tsr_job_on_end(after.job, &OnEnd, &after, &OnDestroy));
  EXPECT(after.calls == 1 && after.destroyed == 1); /* at once */
  FAILS(tsr_job_on_end(after.job, NULL, &after, &OnDestroy), TSR_INVALID_ARGUMENT, "callback");
  EXPECT(after.calls == 1 && after.destroyed == 2);
  FAILS(tsr_job_on_end(NULL, &OnEnd, &after, &OnDestroy), TSR_INVALID_ARGUMENT, "job");
  EXPECT(after.calls == 1 && after.destroyed == 3);
  tsr_job_free(during.job); /* joins the thread that calls */
  EXPECT(during.calls == 1 && during.destroyed == 1);
  /* One that frees its own job. */
  memset(&during, 0, sizeof(during));
  during.frees = 1;
  OK(tsr_trainer_run(trainer, 2, &during.job));
  OK(tsr_job_on_end(during.job, &OnEnd, &during, NULL));
  WaitForCalls(&during);
  tsr_trainer_free(trainer);
}

/* ---- Plug-ins that are none ---- */

static void TestPlugins(const World* world) {
  tsr_runtime* open = NewRuntimeWith("{\"checked\": true, \"threads\": 1, \"plugins\": true}");
  char* text = NULL;
  size_t len = 0;
  FAILS(tsr_runtime_load_plugin(world->runtime, TEXT(world->corpus), &text, &len),
        TSR_PERMISSION_DENIED, "\"plugins\": true");
  FAILS(tsr_runtime_load_plugin(open, TEXT("/nowhere/plugin.so"), &text, &len), TSR_NOT_FOUND,
        "/nowhere/plugin.so");
  FAILS(tsr_runtime_load_plugin(open, TEXT(world->corpus), &text, &len), TSR_FAILED_PRECONDITION,
        "does not load");
  FAILS(tsr_runtime_load_plugin(open, TEXT(world->folder), &text, &len), TSR_FAILED_PRECONDITION,
        "does not load");
  FAILS(tsr_runtime_load_plugin(open, NULL, 0, &text, &len), TSR_INVALID_ARGUMENT, "path");
  FAILS(tsr_runtime_load_plugin(open, TEXT("x"), NULL, &len), TSR_INVALID_ARGUMENT, "out_text");
  EXPECT(text == NULL);
  tsr_runtime_free(open);
}

int main(void) {
  World world = NewWorld();
  RegisterParts(&world);
  TestSameAsBuiltIn(&world);
  TestSameProgram(&world);
  TestCheckpoint(&world);
  TestTokens(&world);
  TestWrongCallbacks(&world);
  TestWrongRegistrations(world.runtime);
  TestJobEnds(&world);
  TestPlugins(&world);
  EndWorld(&world);
  return Result("parts");
}
