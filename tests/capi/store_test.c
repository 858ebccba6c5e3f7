/* Method: a run whose checkpoints go to a store in memory, beside the same run with a folder: every
 * tensor must be the same to the bit, the run goes on from there, and everything that takes a
 * checkpoint's path takes one in the store. Then each callback does what it should not: older
 * checkpoints stay loadable, and the error is the callback's or says what is wrong. */
#include "tests/capi/memory_store.h"

typedef struct World {
  tsr_runtime* runtime;
  tsr_config *plain, *stored;
  char folder[64], corpus[96], plain_out[96];
  Memory memory;
} World;

static void StartWorld(World* world) {
  tsr_store_def def;
  memset(world, 0, sizeof(*world));
  world->memory.code = TSR_UNAVAILABLE;
  world->runtime = NewRuntime();
  NewFolder(world->folder, sizeof(world->folder));
  snprintf(world->corpus, sizeof(world->corpus), "%s/corpus.txt", world->folder);
  snprintf(world->plain_out, sizeof(world->plain_out), "%s/out", world->folder);
  WriteCorpus(world->corpus);
  def = MemoryStore("memory", &world->memory);
  OK(tsr_runtime_register_store(world->runtime, &def));
  world->plain = SmallConfig(world->runtime, world->corpus);
  Set(world->plain, "trainer.save_every", "2");
  Set(world->plain, "trainer.keep_checkpoints", "2");
  OK(tsr_config_copy(world->plain, &world->stored));
  Set(world->stored, "trainer.checkpoint_folder", "memory://runs/a");
}

static void EndWorld(World* world) {
  tsr_config_free(world->plain);
  tsr_config_free(world->stored);
  EXPECT(world->memory.destroyed == 0);
  tsr_runtime_free(world->runtime);
  EXPECT(world->memory.destroyed == 1);
  FreeObjects(&world->memory);
  RemoveFolder(world->folder);
}

static tsr_trainer* NewTrainer(const tsr_config* config, const char* out, const char* options) {
  tsr_trainer* trainer = NULL;
  OK(tsr_trainer_new(config, TEXT(out), TEXT(options), &trainer));
  if (trainer == NULL) exit(1);
  return trainer;
}

/* Trains to the end or for `steps`; the job's status. */
static tsr_status* Train(tsr_trainer* trainer, int64_t steps) {
  tsr_job* job = NULL;
  tsr_status* status;
  OK(tsr_trainer_run(trainer, steps, &job));
  status = tsr_job_wait(job, -1);
  tsr_job_free(job);
  return status;
}

static void ExpectSameTensor(tsr_runtime* runtime, const char* a, const char* b, const char* name,
                             const char* slot) {
  tsr_tensor *left = NULL, *right = NULL;
  OK(tsr_runtime_read_tensor(runtime, TEXT(a), TEXT(name), TEXT(slot), &left));
  OK(tsr_runtime_read_tensor(runtime, TEXT(b), TEXT(name), TEXT(slot), &right));
  EXPECT(tsr_tensor_bytes(left) > 0 && tsr_tensor_bytes(left) == tsr_tensor_bytes(right));
  EXPECT(left != NULL && right != NULL &&
         memcmp(tsr_tensor_data(left), tsr_tensor_data(right), tsr_tensor_bytes(left)) == 0);
  tsr_tensor_free(left);
  tsr_tensor_free(right);
}

static void TestSameAsFolder(World* world) {
  static const char layer[] = "decoder/layers/0/feed_forward/down_proj/weight";
  tsr_trainer *a = NewTrainer(world->plain, world->plain_out, ""),
              *b = NewTrainer(world->stored, "", "");
  char *text = NULL, path[160];
  size_t len = 0;
  OK(Train(a, 0));
  OK(Train(b, 0));
  snprintf(path, sizeof(path), "%s/checkpoints/step_6", world->plain_out);
  ExpectSameTensor(world->runtime, path, "memory://runs/a/step_6", layer, "");
  ExpectSameTensor(world->runtime, path, "memory://runs/a", layer, "m");
  ExpectSameTensor(world->runtime, path, "memory:/runs/a/", "embedding/weight", "v");
  /* Step 2 was removed, and nothing is left of what was being written. */
  EXPECT(CountObjects(&world->memory, "runs/a/step_") == CountObjects(&world->memory, "/"));
  EXPECT(CountObjects(&world->memory, "manifest.tsm") == 2);
  EXPECT(CountObjects(&world->memory, "step_2/") == 0);
  GIVES(tsr_trainer_describe(b, &text, &len), text, "memory://runs/a");
  GIVES(tsr_runtime_inspect(world->runtime, TEXT("memory://runs/a"), 1, &text, &len), text,
        "\"complete_checkpoints\": [\"memory://runs/a/step_6\", \"memory://runs/a/step_4\"]");
  GIVES(tsr_runtime_inspect(world->runtime, TEXT(path), 1, &text, &len), text, "\"step\": 6");
  tsr_trainer_free(a);
  tsr_trainer_free(b);
}

/* An interrupted run and one that was not give the same bits. */
static void TestResume(World* world) {
  tsr_config* config = NULL;
  tsr_trainer *first, *second;
  char *text = NULL, path[160];
  size_t len = 0;
  OK(tsr_config_copy(world->stored, &config));
  Set(config, "trainer.checkpoint_folder", "memory://runs/b");
  first = NewTrainer(config, "", "");
  OK(Train(first, 4));
  OK(tsr_trainer_save(first, NULL, 0));
  tsr_trainer_free(first);
  FAILS(tsr_trainer_new(config, NULL, 0, NULL, 0, &first), TSR_ALREADY_EXISTS,
        "memory://runs/b: it holds checkpoints");
  second = NewTrainer(config, "", "{\"resume\": true}");
  GIVES(tsr_trainer_describe(second, &text, &len), text, "memory://runs/b/step_4");
  OK(Train(second, 0));
  snprintf(path, sizeof(path), "%s/checkpoints", world->plain_out);
  ExpectSameTensor(world->runtime, path, "memory://runs/b", "embedding/weight", "");
  tsr_trainer_free(second);
  tsr_config_free(config);
}

/* Everything else that takes a path. */
static void TestPaths(World* world) {
  tsr_config* config = NULL;
  tsr_trainer *trainer = NewTrainer(world->plain, "", ""), *other;
  tsr_generator* generator = NULL;
  tsr_program* program = NULL;
  tsr_job* job = NULL;
  tsr_tensor* tensor = NULL;
  char *text = NULL, folder[96];
  size_t len = 0;
  OK(Train(trainer, 1));
  OK(tsr_trainer_save(trainer, TEXT("memory://best")));
  FAILS(tsr_trainer_save(trainer, TEXT("memory://best")), TSR_ALREADY_EXISTS, "memory://best");
  FAILS(tsr_trainer_save(trainer, TEXT("memory://")), TSR_INVALID_ARGUMENT, "expected a path");
  FAILS(tsr_trainer_save(trainer, TEXT("memories://best")), TSR_NOT_FOUND,
        "no checkpoint store 'memories'; there are: memory");
  other = NewTrainer(world->plain, "", "");
  OK(tsr_trainer_load(other, TEXT("memory://best")));
  FAILS(tsr_trainer_load(other, TEXT("memory://none")), TSR_NOT_FOUND, "memory://none");
  OK(tsr_config_copy(world->plain, &config));
  Set(config, "trainer.init_from", "memory://best");
  tsr_trainer_free(other);
  other = NewTrainer(config, "", "");
  OK(tsr_generator_from_checkpoint(world->runtime, TEXT("memory://best"), NULL, 0, &generator));
  OK(tsr_program_from_checkpoint(world->runtime, TEXT("memory://best"), NULL, 0, &program));
  snprintf(folder, sizeof(folder), "%s/exported", world->folder);
  OK(tsr_checkpoint_export(world->runtime, TEXT("memory://best"), TEXT(folder), NULL, 0, &job));
  OK(tsr_job_wait(job, -1));
  FAILS(tsr_checkpoint_inspect(TEXT("memory://best"), 0, &text, &len), TSR_NOT_FOUND,
        "no checkpoint store 'memory'; none is registered here");
  FAILS(tsr_runtime_read_tensor(world->runtime, TEXT("memory://best"), TEXT("nothing"), NULL, 0,
                                &tensor),
        TSR_NOT_FOUND, "memory://best: no parameter nothing");
  tsr_job_free(job);
  tsr_program_free(program);
  tsr_generator_free(generator);
  tsr_trainer_free(trainer);
  tsr_trainer_free(other);
  tsr_config_free(config);
}

/* ---- What goes wrong ---- */

static void ExpectStill(World* world, const char* path, const char* text) {
  char* json = NULL;
  size_t len = 0;
  world->memory.wrong = NOTHING;
  GIVES(tsr_runtime_inspect(world->runtime, TEXT(path), 1, &json, &len), json, text);
}

static void TestFailedSaves(World* world) {
  static const struct {
    Wrong wrong;
    const char* text;
  } cases[] = {{WRITE, "checkpoint store 'memory': write of 'runs/c/.tmp-step_4-"},
               {LIST, "checkpoint store 'memory': list of 'runs/c/"},
               {RENAME, "checkpoint store 'memory': rename of 'runs/c/.tmp-step_4-"}};
  tsr_config* config = NULL;
  tsr_trainer* trainer;
  tsr_step_result result;
  int i;
  memset(&result, 0, sizeof(result));
  result.struct_size = sizeof(result);
  OK(tsr_config_copy(world->stored, &config));
  Set(config, "trainer.checkpoint_folder", "memory://runs/c");
  trainer = NewTrainer(config, "", "");
  OK(Train(trainer, 3));
  OK(tsr_trainer_step(trainer, &result)); /* which saves nothing */
  for (i = 0; i < 3; ++i) {
    world->memory.wrong = cases[i].wrong;
    FAILS(tsr_trainer_save(trainer, NULL, 0), TSR_UNAVAILABLE, cases[i].text);
    FAILS(tsr_trainer_save(trainer, TEXT("memory://runs/d")), TSR_UNAVAILABLE, "bucket is gone");
    ExpectStill(world, "memory://runs/c", "\"step\": 2");
  }
  /* An INTERNAL of a callback is no broken invariant of the library. */
  world->memory.code = TSR_INTERNAL;
  world->memory.wrong = WRITE;
  FAILS(tsr_trainer_save(trainer, NULL, 0), TSR_INTERNAL, "bucket is gone");
  world->memory.code = TSR_UNAVAILABLE;
  ExpectStill(world, "memory://runs/c", "\"unfinished\": []");
  OK(tsr_trainer_save(trainer, NULL, 0));
  ExpectStill(world, "memory://runs/c", "\"step\": 4");
  EXPECT(CountObjects(&world->memory, ".tmp-") == 0);
  world->memory.wrong = REMOVE; /* what is too old stays, which the trainer notes */
  OK(Train(trainer, 0));
  ExpectStill(world, "memory://runs/c", "\"step\": 6");
  tsr_trainer_free(trainer);
  tsr_config_free(config);
}

static void TestFailedLoads(World* world) {
  static const struct {
    Wrong wrong;
    tsr_code code;
    const char* text;
  } cases[] = {
      {READ, TSR_UNAVAILABLE, "checkpoint store 'memory': read of 'best/manifest.tsm': the bucket"},
      {LIST, TSR_UNAVAILABLE, "checkpoint store 'memory': list of 'best"},
      {READ_LESS, TSR_DATA_LOSS, "memory://best/manifest.tsm: expected "},
      {READ_MORE, TSR_DATA_LOSS, "memory://best/manifest.tsm: expected at most "},
      {LIST_OTHERS, TSR_INVALID_ARGUMENT, "name: expected one that begins with 'best"},
      {LIST_TWICE, TSR_INVALID_ARGUMENT, "is there already"},
      {LIST_NEGATIVE, TSR_INVALID_ARGUMENT, "bytes: expected the length of best/"}};
  tsr_trainer* trainer = NewTrainer(world->plain, "", "");
  Object* manifest = NULL;
  size_t i;
  for (i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
    world->memory.wrong = cases[i].wrong;
    FAILS(tsr_trainer_load(trainer, TEXT("memory://best")), cases[i].code, cases[i].text);
  }
  world->memory.wrong = NOTHING;
  OK(tsr_trainer_load(trainer, TEXT("memory://best")));
  for (i = 0; i < MOST_OBJECTS; ++i) {
    Object* object = &world->memory.objects[i];
    if (strncmp(object->name, "best/", 5) != 0) continue;
    if (strstr(object->name, "manifest") != NULL) {
      manifest = object;
      continue;
    }
    object->data[object->bytes / 2] ^= 8;
    FAILS(tsr_trainer_load(trainer, TEXT("memory://best")), TSR_DATA_LOSS, "expected crc32c");
    object->data[object->bytes / 2] ^= 8;
    --object->bytes;
    FAILS(tsr_trainer_load(trainer, TEXT("memory://best")), TSR_DATA_LOSS, " bytes, got ");
    ++object->bytes;
  }
  EXPECT(manifest != NULL);
  manifest->is_ended = 0; /* a store that commits object by object, and died before the last */
  FAILS(tsr_trainer_load(trainer, TEXT("memory://best")), TSR_NOT_FOUND, "expected a checkpoint");
  manifest->is_ended = 1;
  OK(tsr_trainer_load(trainer, TEXT("memory://best")));
  tsr_trainer_free(trainer);
}

static int destroyed_before;

static void Refuse(tsr_status* status, tsr_code code, const char* text, const Memory* memory) {
  ExpectError(status, code, text, "registering", __FILE__, __LINE__);
  EXPECT(memory->destroyed == destroyed_before + 1); /* also when registering fails */
  destroyed_before = memory->destroyed;
}

static void TestWrongRegistrations(tsr_runtime* runtime) {
  static Memory memory;
  static const char* const required[] = {"write", "read", "list", "rename", "remove"};
  tsr_store_def def = MemoryStore("memory", &memory);
  char* text = NULL;
  size_t len = 0, i;
  Refuse(tsr_runtime_register_store(runtime, &def), TSR_ALREADY_EXISTS, "'memory'", &memory);
  def.name = "Memory";
  Refuse(tsr_runtime_register_store(runtime, &def), TSR_INVALID_ARGUMENT, "'Memory'", &memory);
  def.name = "";
  Refuse(tsr_runtime_register_store(runtime, &def), TSR_INVALID_ARGUMENT, "def.name", &memory);
  def.name = NULL;
  Refuse(tsr_runtime_register_store(runtime, &def), TSR_INVALID_ARGUMENT, "def.name", &memory);
  for (i = 0; i < 5; ++i) {
    char name[16];
    def = MemoryStore("other", &memory);
    if (i == 0) def.write = NULL;
    if (i == 1) def.read = NULL;
    if (i == 2) def.list = NULL;
    if (i == 3) def.rename = NULL;
    if (i == 4) def.remove = NULL;
    snprintf(name, sizeof(name), "def.%s", required[i]);
    Refuse(tsr_runtime_register_store(runtime, &def), TSR_INVALID_ARGUMENT, name, &memory);
  }
  def = MemoryStore("other", &memory);
  def.is_shared = 2;
  Refuse(tsr_runtime_register_store(runtime, &def), TSR_INVALID_ARGUMENT, "is_shared", &memory);
  def.struct_size = 4;
  FAILS(tsr_runtime_register_store(runtime, &def), TSR_INVALID_ARGUMENT, "struct_size");
  FAILS(tsr_runtime_register_store(runtime, NULL), TSR_INVALID_ARGUMENT, "def");
  def = MemoryStore("other", &memory);
  Refuse(tsr_runtime_register_store(NULL, &def), TSR_INVALID_ARGUMENT, "runtime", &memory);
  FAILS(tsr_listing_add(NULL, TEXT("a"), 1), TSR_INVALID_ARGUMENT, "listing");
  FAILS(tsr_runtime_inspect(NULL, TEXT("a"), 0, &text, &len), TSR_INVALID_ARGUMENT, "runtime");
  FAILS(tsr_runtime_inspect(runtime, NULL, 0, 0, &text, &len), TSR_INVALID_ARGUMENT, "path");
  FAILS(tsr_runtime_read_tensor(runtime, TEXT("a"), TEXT("b"), NULL, 0, NULL),
        TSR_INVALID_ARGUMENT, "out_tensor");
}

int main(void) {
  static World world;
  StartWorld(&world);
  TestSameAsFolder(&world);
  TestResume(&world);
  TestPaths(&world);
  TestFailedSaves(&world);
  TestFailedLoads(&world);
  TestWrongRegistrations(world.runtime);
  EndWorld(&world);
  return Result("store");
}
