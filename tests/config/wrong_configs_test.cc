// Deliberately wrong configs, each with the whole text that a user sees.
//
// Method: each case is read and, when that succeeds, resolved; the message must be exactly this.
// Most are the small config of config_testing.h with one piece replaced.
#include <chrono>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "cpp/config/config.h"
#include "gtest/gtest.h"
#include "tests/config/config_testing.h"

namespace tessera {
namespace {

// The error of reading and resolving, "" when there is none.
std::string ErrorOf(std::string_view text) {
  const auto config = Config::FromJson(SchemaRegistry::Builtin(), text, "run.json");
  if (!config.ok()) return std::string(config.status().message());
  return std::string(config->Resolve().status().message());
}

std::string SetError(std::string_view path, std::string_view value) {
  Config config = Parsed(kSmall);
  return std::string(config.Set(path, value).message());
}

// The whole text but for lists of names.
#define EXPECT_ERROR(error, expected) EXPECT_EQ(WithoutLists(error), WithoutLists(expected))

TEST(WrongConfigsTest, TheSmallConfigItselfIsRight) { EXPECT_ERROR(ErrorOf(kSmall), ""); }

TEST(WrongConfigsTest, MisspeltField) {
  EXPECT_ERROR(ErrorOf(SmallWith("num_heads", "num_head")),
            "run.json:8:23: model.decoder.layer.attention.num_head: expected a field of "
            "Attention (model_dim, num_heads, ...), got 'num_head' (did you mean 'num_heads'?)");
}

TEST(WrongConfigsTest, MisspeltSection) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"data\"", "\"dat\"")),
            "run.json:13:3: dat: expected a field of Experiment (model, data, trainer, "
            "optimizer, schedule, runtime, parallel), got 'dat' (did you mean 'data'?)\n"
            "run.json:1:1: data.train: expected a list, each item a text, got nothing; required: "
            "Files, folders or globs to train on; one text or a list.");
}

TEST(WrongConfigsTest, TextForAnInteger) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2", "\"num_layers\": \"two\"")),
            "run.json:6:21: model.decoder.num_layers: expected an integer from 1 to 100000, got "
            "the text 'two'");
}

TEST(WrongConfigsTest, NumberInQuotes) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2", "\"num_layers\": \"2\"")),
            "run.json:6:21: model.decoder.num_layers: expected an integer from 1 to 100000, got "
            "the text '2'; write the number without quotes");
}

TEST(WrongConfigsTest, FractionForAnInteger) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2", "\"num_layers\": 2.5")),
            "run.json:6:21: model.decoder.num_layers: expected an integer from 1 to 100000, got "
            "2.5");
}

TEST(WrongConfigsTest, MissingRequiredField) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"data\": {\"train\": \"text.txt\"}", "\"data\": {}")),
            "run.json:13:11: data.train: expected a list, each item a text, got nothing; "
            "required: Files, folders or globs to train on; one text or a list.");
}

TEST(WrongConfigsTest, MissingWidth) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"model_dim\": 128,", "")),
            "run.json:2:12: model.model_dim: expected an integer from 1 to 1048576, got nothing; "
            "required: Width of the residual stream, given to everything below.");
}

TEST(WrongConfigsTest, OutOfRange) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2", "\"num_layers\": 0")),
            "run.json:6:21: model.decoder.num_layers: expected an integer from 1 to 100000, got 0");
}

TEST(WrongConfigsTest, OutOfOpenRange) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"hidden_dim\": 512}",
                              "\"hidden_dim\": 512}, \"dropout\": {\"rate\": 1.0}")),
            "run.json:9:66: model.decoder.layer.dropout.rate: expected a number of at least 0 "
            "and below 1, got 1.0");
}

TEST(WrongConfigsTest, HugeInteger) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2",
                              "\"num_layers\": 123456789012345678901234567890")),
            "run.json:6:21: model.decoder.num_layers: expected an integer from 1 to 100000, got "
            "123456789012345678901234567890");
}

TEST(WrongConfigsTest, HugeNumber) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"train\": \"text.txt\"",
                              "\"train\": \"text.txt\", \"validation_fraction\": 1e999")),
            "run.json:13:56: data.validation_fraction: expected a number of at most about "
            "1.8e308, got '1e999'");
}

TEST(WrongConfigsTest, NotANumber) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"train\": \"text.txt\"",
                              "\"train\": \"text.txt\", \"validation_fraction\": NaN")),
            "run.json:13:56: data.validation_fraction: expected a JSON value (text in double "
            "quotes, number, true, false, null, list or object), got 'NaN'");
}

TEST(WrongConfigsTest, UnknownType) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2",
                              "\"num_layers\": 2, \"position\": \"RotaryPositon\"")),
            "run.json:6:36: model.decoder.position: expected a type with the role position "
            "(LearnedPosition, NoPosition, RotaryPosition), got 'RotaryPositon' (did you mean "
            "'RotaryPosition'?)");
}

TEST(WrongConfigsTest, TypeOfAnotherRole) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2",
                              "\"num_layers\": 2, \"position\": {\"type\": \"RmsNorm\"}")),
            "run.json:6:45: model.decoder.position.type: expected a type with the role position "
            "(LearnedPosition, NoPosition, RotaryPosition), got 'RmsNorm', whose role is norm");
}

TEST(WrongConfigsTest, UnknownEnumMember) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"hidden_dim\": 512",
                              "\"hidden_dim\": 512, \"activation\": \"glu\"")),
            "run.json:9:59: model.decoder.layer.feed_forward.activation: expected one of 'relu', "
            "'gelu', 'gelu_tanh', 'silu', got 'glu' (did you mean 'gelu'?)");
}

TEST(WrongConfigsTest, HeadsThatDoNotDivideTheWidth) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_heads\": 4", "\"num_heads\": 5")),
            "run.json:8:36: model.decoder.layer.attention.num_heads: expected a divisor of "
            "model_dim = 128, got 5; or set head_dim");
}

TEST(WrongConfigsTest, KeyHeadsThatDoNotDivideTheHeads) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_heads\": 4", "\"num_heads\": 4, \"num_kv_heads\": 3")),
            "run.json:8:55: model.decoder.layer.attention.num_kv_heads: expected a divisor of "
            "num_heads = 4, got 3");
}

TEST(WrongConfigsTest, AnotherWidthThanTheModels) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_heads\": 4", "\"num_heads\": 4, \"model_dim\": 64")),
            "run.json:8:52: model.decoder.layer.attention.model_dim: expected 128, which "
            "model.decoder.layer.model_dim dictates, got 64; leave the field out");
}

TEST(WrongConfigsTest, FieldOneLevelTooHigh) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2", "\"num_layers\": 2, \"num_heads\": 4")),
            "run.json:6:24: model.decoder.num_heads: expected a field of Decoder (model_dim, "
            "num_layers, position, dropout, layer, norm), got 'num_heads'; it is a field of "
            "Attention");
}

TEST(WrongConfigsTest, ListForAnObject) {
  EXPECT_ERROR(ErrorOf(SmallWith("{\"num_heads\": 4}", "[{\"num_heads\": 4}]")),
            "run.json:8:22: model.decoder.layer.attention: expected an object or the name of a "
            "type with the role attention, got a list");
}

TEST(WrongConfigsTest, NumberForASlot) {
  EXPECT_ERROR(ErrorOf(SmallWith("{\"num_heads\": 4}", "4")),
            "run.json:8:22: model.decoder.layer.attention: expected an object or the name of a "
            "type with the role attention, got 4");
}

TEST(WrongConfigsTest, NullForASlotThatMustBeFilled) {
  EXPECT_ERROR(ErrorOf(SmallWith("{\"num_heads\": 4}", "null")),
            "run.json:8:22: model.decoder.layer.attention: expected a type with the role "
            "attention, got null; this slot cannot be empty");
}

TEST(WrongConfigsTest, FieldGivenTwice) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2", "\"num_layers\": 2, \"num_layers\": 3")),
            "run.json:6:24: model.decoder.num_layers: expected a field only once, got it twice; "
            "it was first given at run.json:6:7");
}

TEST(WrongConfigsTest, OldAndNewName) {
  EXPECT_ERROR(ErrorOf("{\"optimizer\": {\"lr\": 1, \"learning_rate\": 1}}"),
            "run.json:1:25: optimizer.learning_rate: expected a field only once, got it twice; "
            "it was first given at run.json:1:16\n"
            "run.json:1:1: model.vocab_size: expected an integer from 1 to 2147483647, got "
            "nothing; required: Number of token ids: at least the tokenizer's (256 for bytes).\n"
            "run.json:1:1: model.model_dim: expected an integer from 1 to 1048576, got nothing; "
            "required: Width of the residual stream, given to everything below.\n"
            "run.json:1:1: model.decoder.num_layers: expected an integer from 1 to 100000, got "
            "nothing; required: Number of layers.\n"
            "run.json:1:1: model.decoder.layer.attention.num_heads: expected an integer from 1 "
            "to 65536, got nothing; required: Number of query heads.\n"
            "run.json:1:1: model.decoder.layer.feed_forward.hidden_dim: expected an integer from "
            "1 to 16777216, got nothing; required: Width between the products.\n"
            "run.json:1:1: data.train: expected a list, each item a text, got nothing; required: "
            "Files, folders or globs to train on; one text or a list.");
}

TEST(WrongConfigsTest, WrongBoolean) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_heads\": 4", "\"num_heads\": 4, \"causal\": \"True\"")),
            "run.json:8:49: model.decoder.layer.attention.causal: expected true or false, got "
            "the text 'True' (did you mean 'true'?)");
}

TEST(WrongConfigsTest, PythonLiteral) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_heads\": 4", "\"num_heads\": 4, \"causal\": True")),
            "run.json:8:49: model.decoder.layer.attention.causal: expected a JSON value (text in "
            "double quotes, number, true, false, null, list or object), got 'True'");
}

TEST(WrongConfigsTest, WrongItemOfAList) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"text.txt\"", "[\"a.txt\", 7]")),
            "run.json:13:31: data.train[1]: expected a text, got 7");
}

TEST(WrongConfigsTest, WrongFieldOfATable) {
  EXPECT_ERROR(ErrorOf("{\"optimizer\": {\"groups\": [{\"match\": \"**\"}, {\"mach\": \"**\"}]}}"),
            "run.json:1:45: optimizer.groups[1].mach: expected a field of ParamGroup (match, "
            "weight_decay, learning_rate_scale), got 'mach' (did you mean 'match'?)\n"
            "run.json:1:1: model.vocab_size: expected an integer from 1 to 2147483647, got "
            "nothing; required: Number of token ids: at least the tokenizer's (256 for bytes).\n"
            "run.json:1:1: model.model_dim: expected an integer from 1 to 1048576, got nothing; "
            "required: Width of the residual stream, given to everything below.\n"
            "run.json:1:1: model.decoder.num_layers: expected an integer from 1 to 100000, got "
            "nothing; required: Number of layers.\n"
            "run.json:1:1: model.decoder.layer.attention.num_heads: expected an integer from 1 "
            "to 65536, got nothing; required: Number of query heads.\n"
            "run.json:1:1: model.decoder.layer.feed_forward.hidden_dim: expected an integer from "
            "1 to 16777216, got nothing; required: Width between the products.\n"
            "run.json:1:1: data.train: expected a list, each item a text, got nothing; required: "
            "Files, folders or globs to train on; one text or a list.");
}

TEST(WrongConfigsTest, NotOneOfTheChoices) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"train\": \"text.txt\"",
                              "\"train\": \"t.bin\", \"token_width\": 3")),
            "run.json:13:45: data.token_width: expected 2 or 4, got 3");
}

TEST(WrongConfigsTest, WordsOfFilesStandAtTheTopOnly) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"num_layers\": 2",
                                 "\"num_layers\": 2, \"extends\": \"a.json\"")),
            "run.json:6:24: model.decoder.extends: expected a field of Decoder, got 'extends'; the "
            "word belongs at the top of a config");
}

TEST(WrongConfigsTest, MissingComma) {
  EXPECT_ERROR(ErrorOf(SmallWith("\"vocab_size\": 256,", "\"vocab_size\": 256")),
            "run.json:4:5: model.vocab_size: expected ',' or '}' after the value, got '\"'");
}

TEST(WrongConfigsTest, MissingBrace) {
  EXPECT_ERROR(ErrorOf("{\"trainer\": {\"steps\": 3}"),
            "run.json:1:25: trainer: expected ',' or '}' after the value, got the end of the text");
}

TEST(WrongConfigsTest, SingleQuotes) {
  EXPECT_ERROR(ErrorOf("{'trainer': {'steps': 3}}"),
            "run.json:1:2: expected a field name in double quotes or '}', got '''");
}

TEST(WrongConfigsTest, NotJson) {
  EXPECT_ERROR(ErrorOf("model:\n  model_dim: 128\n"),
            "run.json:1:1: expected a JSON value (text in double quotes, number, true, false, "
            "null, list or object), got 'model'");
}

TEST(WrongConfigsTest, EmptyFile) {
  EXPECT_ERROR(ErrorOf(" \n// nothing here\n"),
            "run.json:1:1: expected a JSON object, got an empty text");
}

TEST(WrongConfigsTest, AListAtTheRoot) {
  EXPECT_ERROR(ErrorOf("[1, 2]"),
            "run.json:1:1: expected a JSON object, got a list");
}

TEST(WrongConfigsTest, TwoObjects) {
  EXPECT_ERROR(ErrorOf("{} {}"),
            "run.json:1:4: expected the end of the text after the object, got '{'");
}

TEST(WrongConfigsTest, UnknownRootType) {
  EXPECT_ERROR(ErrorOf("{\"type\": \"Experimnt\"}"),
            "run.json:1:10: type: expected the name of a type, got 'Experimnt' (did you mean "
            "'Experiment'?)");
}

TEST(WrongConfigsTest, NotUtf8) {
  EXPECT_ERROR(ErrorOf("{\"data\": {\"train\": \"caf\xE9.txt\"}}"),
            "run.json:1:24: expected UTF-8 text, got the byte 0xE9");
}

TEST(WrongConfigsTest, ZeroByte) {
  EXPECT_ERROR(ErrorOf(std::string("{\"data\":\0 {}}", 13)),
            "run.json:1:9: expected text, got a zero byte");
}

TEST(WrongConfigsTest, LineBreakInAText) {
  EXPECT_ERROR(ErrorOf("{\"data\": {\"train\": \"a\nb\"}}"),
            "run.json:1:22: data.train: expected a closing '\"' on the same line (a line break "
            "in a text is written \\n), got a line break");
}

TEST(WrongConfigsTest, LoneSurrogate) {
  EXPECT_ERROR(ErrorOf("{\"data\": {\"train\": \"\\ud800\"}}"),
            "run.json:1:21: data.train: expected a second \\u escape that completes the "
            "surrogate pair, got '\\'");
}

TEST(WrongConfigsTest, NestedTooDeep) {
  EXPECT_ERROR(ErrorOf(std::string(100000, '[')),
            "run.json:1:65: expected at most 64 nested objects and lists, got more");
}

TEST(WrongConfigsTest, HundredMegabytesOfBrackets) {
  EXPECT_ERROR(ErrorOf(std::string(100 << 20, '[')),
            "run.json:1:1: expected a config of at most 8.0 MiB, got a text of 100.0 MiB");
}

TEST(WrongConfigsTest, ManyErrorsAtOnce) {
  EXPECT_ERROR(ErrorOf("{\n  \"trainer\": {\"steps\": -1, \"batchsize\": 4},\n  "
                    "\"optimizer\": {\"type\": \"Adam\"},\n  \"runtime\": {\"dtype\": "
                    "\"half\"}\n}"),
            "run.json:2:24: trainer.steps: expected an integer from 0 to 1000000000, got -1\n"
            "run.json:2:28: trainer.batchsize: expected a field of Trainer (steps, batch_size, "
            "sequence_length, micro_batches, clip_norm, eval_every, eval_batches, save_every, "
            "keep_checkpoints, log_every, nan_policy, find_non_finite, recompute, profile), got "
            "'batchsize' (did you mean 'batch_size'?)\n"
            "run.json:3:25: optimizer.type: expected a type with the role optimizer (AdamW, "
            "Sgd), got 'Adam' (did you mean 'AdamW'?)\n"
            "run.json:4:24: runtime.dtype: expected one of 'fp32', 'bf16', 'fp64', got 'half'\n"
            "run.json:1:1: model.vocab_size: expected an integer from 1 to 2147483647, got "
            "nothing; required: Number of token ids: at least the tokenizer's (256 for bytes).\n"
            "run.json:1:1: model.model_dim: expected an integer from 1 to 1048576, got nothing; "
            "required: Width of the residual stream, given to everything below.\n"
            "run.json:1:1: model.decoder.num_layers: expected an integer from 1 to 100000, got "
            "nothing; required: Number of layers.\n"
            "run.json:1:1: model.decoder.layer.attention.num_heads: expected an integer from 1 "
            "to 65536, got nothing; required: Number of query heads.\n"
            "run.json:1:1: model.decoder.layer.feed_forward.hidden_dim: expected an integer from "
            "1 to 16777216, got nothing; required: Width between the products.\n"
            "run.json:1:1: data.train: expected a list, each item a text, got nothing; required: "
            "Files, folders or globs to train on; one text or a list.");
}

// Hostile texts must be refused in time that does not grow with their depth.
TEST(WrongConfigsTest, DeepAndLongTextsAreRefusedQuickly) {
  const auto start = std::chrono::steady_clock::now();
  std::string many = "[";
  for (int i = 0; i < 1200000; ++i) many += "0,";
  EXPECT_ERROR(ErrorOf(many), "run.json:1:2097152: expected at most 1048576 values, got more");
  std::string objects;
  for (int i = 0; i < 500000; ++i) objects += "{\"a\":";
  EXPECT_EQ(ErrorOf(objects).find("run.json:1:321: expected at most 64 nested"), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(WrongConfigsTest, WrongSetsNameTheCall) {
  EXPECT_EQ(SetError("trainer.stepz", "4").substr(0, 52),
            "--set trainer.stepz=4: trainer.stepz: expected a fie");
  EXPECT_ERROR(SetError("trainer.steps", "abc"),
            "--set trainer.steps=abc: trainer.steps: expected an integer from 0 to 1000000000, got "
            "'abc'");
  EXPECT_ERROR(SetError("trainer.steps.x", "4"),
            "--set trainer.steps.x=4: trainer.steps: expected the end of the path, steps has no "
            "fields, got '.x'");
  EXPECT_ERROR(SetError("optimizer.groups[5].match", "a"),
            "--set optimizer.groups[5].match=a: optimizer.groups[5]: expected an index up to 0, "
            "got 5");
  EXPECT_ERROR(SetError("model.decoder.position", "Rotary"),
            "--set model.decoder.position=Rotary: model.decoder.position: expected a type with the "
            "role position (LearnedPosition, NoPosition, RotaryPosition), got 'Rotary' (did you "
            "mean 'RotaryPosition'?)");
  EXPECT_ERROR(SetError("model.decoder.type", "Other"),
            "--set model.decoder.type=Other: model.decoder.type: expected the path of a slot, to "
            "put another type there, got the field 'type'");
  EXPECT_ERROR(SetError("a[", "1"),
            "--set a[=1: expected a path such as trainer.steps, got 'a['; config path 'a[': "
            "expected an index such as [0], got '['");
}

}  // namespace
}  // namespace tessera
