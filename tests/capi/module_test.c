/* Method: the layer of samples/custom_layer, a module type written in C, inside a small language
 * model: catalogue, config errors, gradients against differences in fp64, training, and a
 * checkpoint that a runtime without its code runs. Then a module with a child, an ambient value and
 * a loss, and everything a build callback can do wrong. */
#include "tests/capi/build.h"

#include "samples/custom_layer/rms_feed_forward.c"

static const char kModel[] =
    "{\"model\": {\"type\": \"LanguageModel\", \"vocab_size\": 256, \"model_dim\": 8,"
    "  \"decoder\": {\"num_layers\": 2, \"position\": \"RotaryPosition\", \"layer\": {"
    "    \"attention\": {\"num_heads\": 2},"
    "    \"feed_forward\": {\"type\": \"RmsFeedForward\", \"hidden_dim\": 12}}}},"
    " \"data\": {\"train\": \"none\", \"tokenizer\": \"ByteTokenizer\"},"
    " \"trainer\": {\"steps\": 30, \"batch_size\": 4, \"sequence_length\": 32},"
    " \"optimizer\": {\"learning_rate\": 0.01},"
    " \"runtime\": {\"seed\": 5, \"dtype\": \"fp32\"}}";

static void TestCatalogue(tsr_runtime* runtime) {
  char* text = NULL;
  size_t len = 0;
  tsr_config* config = NULL;
  tsr_program* program = NULL;
  GIVES(tsr_runtime_list(runtime, TEXT("modules"), &text, &len), text, "RmsFeedForward");
  GIVES(tsr_runtime_describe_type(runtime, TEXT("RmsFeedForward"), &text, &len), text,
        "brings its own norm");
  config = ParseConfig(runtime, kModel);
  GIVES(tsr_config_resolve(config, 1, &text, &len), text, "\"model_dim\": 8");
  FAILS(tsr_config_set(config, TEXT("model.decoder.layer.feed_forward.hiden_dim"), TEXT("3")),
        TSR_INVALID_ARGUMENT, "hidden_dim");
  FAILS(tsr_config_set(config, TEXT("model.decoder.layer.feed_forward.hidden_dim"), TEXT("0")),
        TSR_INVALID_ARGUMENT, "hidden_dim");
  FAILS(tsr_config_set(config, TEXT("model.decoder.layer.norm"), TEXT("\"RmsFeedForward\"")),
        TSR_INVALID_ARGUMENT, "RmsFeedForward");
  Set(config, "model.decoder.layer.feed_forward", "{\"type\": \"RmsFeedForward\"}");
  FAILS(tsr_program_from_config(config, NULL, 0, &program), TSR_INVALID_ARGUMENT, "hidden_dim");
  tsr_config_free(config);
}

static void TestGradients(tsr_runtime* runtime) {
  static const char* const names[] = {"tokens", "targets"};
  static const char layer[] = "decoder/layers/1/feed_forward/";
  static const char* const params[] = {"scale", "gate/weight", "up/weight", "down/weight"};
  tsr_config* config = ParseConfig(runtime, kModel);
  tsr_program* program = NULL;
  tsr_tensor* inputs[2];
  char path[128];
  int i;
  OK(tsr_program_from_config(config, TEXT("{\"gradients\": true, \"dtype\": \"fp64\"}"),
                             &program));
  inputs[0] = Tokens(2, 5, 31, 256);
  inputs[1] = Tokens(2, 5, 7, 256);
  for (i = 0; i < 4; ++i) {
    snprintf(path, sizeof(path), "%s%s", layer, params[i]);
    CheckGradient(program, names, inputs, 2, path);
  }
  CheckGradient(program, names, inputs, 2, "embedding/weight");
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_program_free(program);
  tsr_config_free(config);
}

static tsr_tensor* Logits(tsr_program* program) {
  tsr_tensor* tokens = Tokens(1, 6, 31, 256);
  tsr_tensor* logits = Run1(program, "tokens", tokens);
  tsr_tensor_free(tokens);
  return logits;
}

/* Trains with the code, then runs the checkpoint where nobody has it. */
static void TestTrainAndRunElsewhere(tsr_runtime* runtime) {
  tsr_runtime* other = NewRuntime();
  tsr_config* config = ParseConfig(runtime, kModel);
  tsr_trainer* trainer = NULL;
  tsr_step_result result;
  tsr_program *program = NULL, *elsewhere = NULL;
  tsr_generator* generator = NULL;
  tsr_tensor *a, *b;
  char folder[64], corpus[96], saved[96], *text = NULL;
  size_t len = 0;
  double first = 0;
  int i;
  memset(&result, 0, sizeof(result));
  result.struct_size = sizeof(result);
  NewFolder(folder, sizeof(folder));
  snprintf(corpus, sizeof(corpus), "%s/corpus.txt", folder);
  snprintf(saved, sizeof(saved), "%s/saved", folder);
  WriteCorpus(corpus);
  Set(config, "data.train", corpus);
  OK(tsr_trainer_new(config, NULL, 0, NULL, 0, &trainer));
  for (i = 0; i < 30; ++i) {
    OK(tsr_trainer_step(trainer, &result));
    if (i == 0) first = result.loss;
  }
  EXPECT(result.loss < first - 1);
  OK(tsr_trainer_save(trainer, TEXT(saved)));
  OK(tsr_program_from_checkpoint(runtime, TEXT(saved), NULL, 0, &program));
  OK(tsr_program_from_checkpoint(other, TEXT(saved), NULL, 0, &elsewhere));
  a = Logits(program);
  b = Logits(elsewhere);
  EXPECT(tsr_tensor_bytes(a) == 6 * 256 * 4);
  EXPECT(memcmp(tsr_tensor_data(a), tsr_tensor_data(b), tsr_tensor_bytes(a)) == 0);
  OK(tsr_generator_from_checkpoint(other, TEXT(saved), NULL, 0, &generator));
  GIVES(tsr_generator_generate(generator, TEXT("the quick "),
                               TEXT("{\"max_tokens\": 5, \"temperature\": 0}"), NULL, NULL, &text,
                               &len),
        text, "");
  EXPECT(len == 5);
  /* Another number format is nothing that was stored: that needs the code. */
  tsr_program_free(elsewhere);
  elsewhere = NULL;
  FAILS(tsr_program_from_checkpoint(other, TEXT(saved), TEXT("{\"dtype\": \"fp64\"}"), &elsewhere),
        TSR_NOT_FOUND, "RmsFeedForward");
  tsr_generator_free(generator);
  tsr_tensor_free(a);
  tsr_tensor_free(b);
  tsr_program_free(program);
  tsr_trainer_free(trainer);
  tsr_config_free(config);
  tsr_runtime_free(other);
  RemoveFolder(folder);
}

/* A feed-forward layer around another one: x + child(x) with a loss of its own, ambient values. */
static const char kAroundSchema[] =
    "table Around (role: \"feed_forward\") {\n"
    "  model_dim: long (flows: \"model_dim\", required_field);\n"
    "  inner: Slot (role: \"feed_forward\", default_type: \"FeedForward\");\n"
    "}\n";

/* What Around does wrong, or 0, and how often it was called and destroyed. */
typedef struct Behaviour {
  int wrong, calls, destroyed;
} Behaviour;

static void Destroy(void* user) { ++((Behaviour*)user)->destroyed; }

static tsr_status* WrongBuild(const Behaviour* behaviour, tsr_scope* scope, tsr_value* outputs,
                              size_t* count) {
  tsr_status* error = NULL;
  switch (behaviour->wrong) {
    case 1:
      return tsr_status_new(TSR_UNAVAILABLE, TEXT("not today"));
    case 2: /* an output that is no value */
      outputs[0] = 12345;
      *count = 1;
      return NULL;
    case 3: /* more outputs than there is room for */
      *count += 1;
      return NULL;
    case 4: /* not pure */
      outputs[0] = Param(scope, &error, behaviour->calls % 2 ? "a" : "b", 8, 0, "");
      return error;
    case 5: /* no outputs at all */
      *count = 0;
      return NULL;
    case 6: /* not pure either: the second time it stops early */
      if (behaviour->calls % 2 == 1) Param(scope, &error, "a", 8, 0, "");
      *count = 0;
      return error;
    default:
      return NULL;
  }
}

static tsr_status* BuildAround(void* user, tsr_scope* scope, const char* config, size_t config_len,
                               const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                               size_t* output_count) {
  Behaviour* behaviour = (Behaviour*)user;
  tsr_status* error = NULL;
  tsr_value inner = -1, positions = -1, sum = -1, ones = -1, count_value = -1, value = -1;
  size_t count = 1;
  char* dim = NULL;
  size_t len = 0;
  ++behaviour->calls;
  if (behaviour->wrong > 0) return WrongBuild(behaviour, scope, outputs, output_count);
  EXPECT(input_count == 1 && strstr(config, "\"inner\"") != NULL && strlen(config) == config_len);
  /* Refused calls leave the scope as it was. */
  FAILS(tsr_scope_call(scope, TEXT("outer"), inputs, 1, &inner, &count), TSR_NOT_FOUND,
        "Around has no slot 'outer'");
  FAILS(tsr_scope_call(scope, TEXT("inner[1]"), inputs, 1, &inner, &count), TSR_NOT_FOUND,
        "slot inner");
  FAILS(tsr_scope_call(scope, TEXT("inner["), inputs, 1, &inner, &count), TSR_INVALID_ARGUMENT,
        "slot");
  FAILS(tsr_scope_ambient(scope, TEXT("moon"), &value), TSR_NOT_FOUND, "'moon'");
  FAILS(tsr_scope_param(scope, TEXT("w"), TEXT("B"), NULL, 0, &value), TSR_INVALID_ARGUMENT,
        "constant");
  FAILS(tsr_scope_add(scope, TEXT("no_such_op"), inputs, 1, NULL, 0, &value, &count),
        TSR_NOT_FOUND, "no_such_op");
  FAILS(tsr_scope_dim(scope, inputs[0], 3, &dim, &len), TSR_INVALID_ARGUMENT, "index");
  FAILS(tsr_scope_loss(scope, TEXT("l"), inputs[0], inputs[0], 1), TSR_INVALID_ARGUMENT, "scalar");
  EXPECT(value == -1);
  OK(tsr_scope_dim(scope, inputs[0], 0, &dim, &len));
  EXPECT(strcmp(dim, "B") == 0 && len == 1);
  tsr_text_free(dim);
  OK(tsr_scope_ambient(scope, TEXT("positions"), &positions));
  OK(tsr_scope_call(scope, TEXT("inner"), inputs, 1, &inner, &count));
  OK(tsr_scope_add(scope, TEXT("reduce_sum"), &inner, 1, TEXT("{\"dims\": [0, 1, 2]}"), &sum,
                   &count));
  OK(tsr_scope_add(scope, TEXT("fill"), NULL, 0,
                   TEXT("{\"value\": 1, \"dtype\": \"f64\", \"shape\": \"B,T\"}"), &ones, &count));
  OK(tsr_scope_add(scope, TEXT("reduce_sum"), &ones, 1, TEXT("{\"dims\": [0, 1]}"), &count_value,
                   &count));
  OK(tsr_scope_loss(scope, TEXT("mean"), sum, count_value, 0.5));
  outputs[0] = Op(scope, &error, "add", inputs[0], inner, "");
  *output_count = 1;
  return error;
}

static tsr_module_def AroundDef(Behaviour* behaviour) {
  tsr_module_def def;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.schema = kAroundSchema;
  def.type = "Around";
  def.build = &BuildAround;
  def.user = behaviour;
  def.destroy = &Destroy;
  return def;
}

static tsr_config* AroundConfig(tsr_runtime* runtime) {
  tsr_config* config = ParseConfig(runtime, kModel);
  Set(config, "model.decoder.layer.feed_forward",
      "{\"type\": \"Around\", \"inner\": {\"hidden_dim\": 12}}");
  return config;
}

static void TestChildLossAmbient(tsr_runtime* runtime) {
  static const char* const names[] = {"tokens", "targets"};
  tsr_config* config = AroundConfig(runtime);
  tsr_program* program = NULL;
  tsr_tensor* inputs[2];
  char* text = NULL;
  size_t len = 0;
  OK(tsr_program_from_config(config, TEXT("{\"gradients\": true, \"dtype\": \"fp64\"}"),
                             &program));
  GIVES(tsr_program_describe(program, &text, &len), text,
        "decoder/layers/0/feed_forward/inner/up_proj/weight");
  GIVES(tsr_program_describe(program, &text, &len), text,
        "{\"name\":\"decoder/layers/1/feed_forward/mean\",\"weight\":0.5}");
  inputs[0] = Tokens(2, 5, 31, 256);
  inputs[1] = Tokens(2, 5, 7, 256);
  CheckGradient(program, names, inputs, 2, "decoder/layers/0/feed_forward/inner/up_proj/weight");
  CheckGradient(program, names, inputs, 2, "decoder/layers/1/feed_forward/inner/down_proj/weight");
  tsr_tensor_free(inputs[0]);
  tsr_tensor_free(inputs[1]);
  tsr_program_free(program);
  tsr_config_free(config);
}

static void TestWrongCallbacks(tsr_runtime* runtime, Behaviour* behaviour) {
  static const struct {
    tsr_code code;
    const char* text;
  } expected[] = {{TSR_UNAVAILABLE, "module 'Around': not today"},
                  {TSR_INVALID_ARGUMENT, "module 'Around': outputs[0]: expected a value"},
                  {TSR_INVALID_ARGUMENT, "module 'Around': expected at most 64 outputs, got 65"},
                  {TSR_INVALID_ARGUMENT, "is not pure: call 1 of the scope was param a"},
                  {TSR_INVALID_ARGUMENT, "feed_forward"},
                  {TSR_INVALID_ARGUMENT, "is not pure"}};
  tsr_config* config = AroundConfig(runtime);
  tsr_program* program = NULL;
  int i;
  for (i = 0; i < 6; ++i) {
    behaviour->wrong = i + 1;
    behaviour->calls = 0;
    FAILS(tsr_program_from_config(config, NULL, 0, &program), expected[i].code, expected[i].text);
    FAILS(tsr_program_from_config(config, NULL, 0, &program), expected[i].code,
          "decoder: layers/0: "); /* where the module stands */
  }
  behaviour->wrong = 0;
  OK(tsr_program_from_config(config, TEXT("{\"dtype\": \"fp64\"}"), &program)); /* as before */
  tsr_program_free(program);
  tsr_config_free(config);
}

static void ExpectRefused(tsr_runtime* runtime, tsr_module_def def, tsr_code code,
                          const char* text) {
  Behaviour* behaviour = (Behaviour*)def.user;
  const int before = behaviour->destroyed;
  FAILS(tsr_runtime_register_module(runtime, &def), code, text);
  EXPECT(behaviour->destroyed == before + 1); /* once, also when registering fails */
}

static void TestWrongRegistrations(tsr_runtime* runtime) {
  Behaviour behaviour;
  tsr_module_def def;
  memset(&behaviour, 0, sizeof(behaviour));
  def = AroundDef(&behaviour);
  ExpectRefused(runtime, def, TSR_ALREADY_EXISTS, "Around");
  ExpectRefused(NULL, def, TSR_INVALID_ARGUMENT, "runtime");
  def.type = "FeedForward";
  ExpectRefused(runtime, def, TSR_ALREADY_EXISTS, "FeedForward");
  def.type = "Other";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "Other");
  def.schema = "table Other { x: long; }";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "role");
  def.schema = "table Other (role: \"norm\") { x: lnog; }";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "lnog");
  def.schema = "";
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.schema");
  def.schema = NULL;
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.schema");
  def = AroundDef(&behaviour);
  def.type = NULL;
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.type");
  def = AroundDef(&behaviour);
  def.build = NULL;
  ExpectRefused(runtime, def, TSR_INVALID_ARGUMENT, "def.build");
  def.struct_size = 4;
  FAILS(tsr_runtime_register_module(runtime, &def), TSR_INVALID_ARGUMENT, "struct_size");
  FAILS(tsr_runtime_register_module(runtime, NULL), TSR_INVALID_ARGUMENT, "def");
}

int main(void) {
  Behaviour behaviour;
  tsr_runtime* runtime = NewRuntime();
  tsr_module_def def;
  memset(&behaviour, 0, sizeof(behaviour));
  def = AroundDef(&behaviour);
  OK(RegisterRmsFeedForward(runtime));
  TestCatalogue(runtime);
  TestGradients(runtime);
  TestTrainAndRunElsewhere(runtime);
  OK(tsr_runtime_register_module(runtime, &def));
  TestChildLossAmbient(runtime);
  TestWrongCallbacks(runtime, &behaviour);
  TestWrongRegistrations(runtime);
  EXPECT(behaviour.destroyed == 0);
  tsr_runtime_free(runtime);
  EXPECT(behaviour.destroyed == 1);
  return Result("module");
}
