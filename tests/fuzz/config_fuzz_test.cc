// Fuzzing of what configs are read from: JSON text and FlatBuffers bytes.
//
// Method: texts and bytes of real configs, mutated at random (flipped bits, cut, doubled and
// swapped pieces, words of the language put in), as fuzz.h says. Whatever is accepted must survive
// the way out and in again; what is not must give INVALID_ARGUMENT with a text. With
// TESSERA_LIBFUZZER defined the file is a libFuzzer target instead.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/file.h"
#include "cpp/base/text.h"
#include "cpp/config/config.h"
#include "gtest/gtest.h"
#include "tests/fuzz/fuzz.h"

namespace tessera {
namespace {

constexpr char kBase[] = R"({"model": {"vocab_size": 64, "model_dim": 16, "decoder": {
    "num_layers": 2, "layer": {"attention": {"num_heads": 4}, "feed_forward": {"hidden_dim": 32}}}},
    "data": {"train": "a.txt"}})";

// "" when all holds.
std::string CheckRoundTrip(const Config& config) {
  const std::string bytes = config.ToBytes();
  const auto from_bytes = Config::FromBytes(config.registry(), bytes);
  if (!from_bytes.ok()) return "own bytes are refused: " + from_bytes.status().ToString();
  if (from_bytes->ToBytes() != bytes) return "bytes change on the way";
  const auto from_json = Config::FromJson(config.registry(), config.ToJson());
  if (!from_json.ok()) return "own JSON is refused: " + from_json.status().ToString();
  if (from_json->ToBytes() != bytes) return "JSON loses something";
  const auto resolved = config.Resolve();
  if (!resolved.ok()) return resolved.status().message().empty() ? "an error without text" : "";
  const auto again = resolved->Resolve();
  if (!again.ok()) return "a resolved config does not resolve: " + again.status().ToString();
  if (again->root().Fingerprint() != resolved->root().Fingerprint()) return "resolving twice";
  return "";
}

std::string CheckStatus(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInvalidArgument) return status.ToString();
  return IsValidUtf8(status.message()) ? "" : "an error text that is not UTF-8";
}

std::string CheckJson(std::string_view input) {
  const auto config = Config::FromJson(SchemaRegistry::Builtin(), input, "fuzz.json");
  return config.ok() ? CheckRoundTrip(*config) : CheckStatus(config.status());
}

std::string CheckBytes(std::string_view input) {
  const auto config = Config::FromBytes(SchemaRegistry::Builtin(), input);
  return config.ok() ? CheckRoundTrip(*config) : CheckStatus(config.status());
}

// The first line is a path, the rest a value.
std::string CheckSet(std::string_view input) {
  auto config = Config::OfType(SchemaRegistry::Builtin());
  const size_t line = std::min(input.find('\n'), input.size());
  const absl::Status status =
      config->Set(input.substr(0, line), input.substr(std::min(line + 1, input.size())), "call");
  return status.ok() ? CheckRoundTrip(*config) : CheckStatus(status);
}

// A modifier on a small config: applied it must hold a second time, refused it changes nothing.
std::string CheckModifier(std::string_view input) {
  static const Config& base = *new Config(*Config::FromJson(SchemaRegistry::Builtin(), kBase));
  Config config = base;
  const auto reports = config.Modify(input, "m.json");
  if (!reports.ok()) {
    return config.ToBytes() == base.ToBytes() ? CheckStatus(reports.status())
                                              : "a refused modifier changed something";
  }
  const std::string bytes = config.ToBytes();
  const auto again = config.Modify(input, "m.json");
  // A list is applied one after another; each of it is held against this by the library.
  const bool is_list = input.find_first_not_of(" \n\t") == input.find('[');
  if (!is_list && !again.ok()) return "not twice: " + again.status().ToString();
  if (!is_list && config.ToBytes() != bytes) return "twice is another config";
  return CheckRoundTrip(config);
}

// The first line is the text of a base that the rest extends.
std::string CheckExtends(std::string_view input, const std::string& folder) {
  const size_t line = std::min(input.find('\n'), input.size());
  const std::string run = folder + "/run.json", base = folder + "/base.json";
  if (!WriteFile(base, input.substr(0, line)).ok()) return "cannot write";
  if (!WriteFile(run, input.substr(std::min(line + 1, input.size()))).ok()) return "cannot write";
  const auto config = Config::Load(SchemaRegistry::Builtin(), run);
  return config.ok() ? CheckRoundTrip(*config) : CheckStatus(config.status());
}

}  // namespace
}  // namespace tessera

#ifdef TESSERA_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool holds = tessera::CheckJson(input).empty() && tessera::CheckBytes(input).empty() &&
                     tessera::CheckSet(input).empty() && tessera::CheckModifier(input).empty();
  if (!holds) __builtin_trap();
  return 0;
}

#else

namespace tessera {
namespace {

std::vector<std::string> SampleTexts() {
  std::vector<std::string> texts = {"{}", "{\"model\": {\"decoder\": {\"norm\": null}}}"};
  for (const char* name : {"text/gpt.json", "text/shakespeare.json", "bench/dense.json"}) {
    const auto text = ReadFile(std::string(TESSERA_SOURCE_DIR "/samples/") + name);
    EXPECT_TRUE(text.ok()) << text.status();
    if (text.ok()) texts.push_back(*text);
  }
  return texts;
}

template <typename Check>
void Fuzz(const std::vector<std::string>& seeds, const std::vector<std::string>& words,
          Check check) {
  FuzzRounds([&](FuzzRandom& random) {
    const std::string input = Mutated(random, random.Pick(seeds), words);
    const std::string wrong = check(input);
    return wrong.empty() ? wrong : wrong + ", input " + Quoted(input, 4000);
  });
}

const std::vector<std::string> kWords = {
    "{",     "}",       "[",        "]",      ",",      ":",         "null",   "true",
    "-1",    "0",       "1e308",    "1e999",  "\"",     "\\u0000",   "//",     "/*",
    "*/",    "\"type\": \"RmsNorm\",", "\"type\"", "\"norm\"", "\"dropout\": {\"rate\": 0.5},",
    "9223372036854775807", "18446744073709551616", "0.1", "\"\"", "\xC3\xA4", "\xFF",
    "\"groups\": [{\"match\": \"**\"}]", "\"head_dim\": 3,", "[[[[[[[[[["};

TEST(ConfigFuzzTest, Json) { Fuzz(SampleTexts(), kWords, CheckJson); }

TEST(ConfigFuzzTest, Bytes) {
  std::vector<std::string> seeds;
  for (const std::string& text : SampleTexts()) {
    const auto config = Config::FromJson(SchemaRegistry::Builtin(), text);
    ASSERT_TRUE(config.ok()) << config.status();
    seeds.push_back(config->ToBytes());
    const auto resolved = config->Resolve();
    if (resolved.ok()) seeds.push_back(resolved->ToBytes(true));
  }
  const std::vector<std::string> words = {std::string(4, '\0'), std::string(4, '\xFF'), "TSRC",
                                          std::string("\x04\0\0\0", 4),
                                          std::string("\x08\0\x0C\0", 4)};
  Fuzz(seeds, words, CheckBytes);
}

TEST(ConfigFuzzTest, Set) {
  const std::vector<std::string> seeds = {
      "trainer.steps\n3", "optimizer.groups[0].match\n**/bias",
      "model.decoder.position\nNoPosition",
      "data.train\n[\"a\", \"b\"]", "model.decoder.layer\n{\"attention\": {\"num_heads\": 2}}"};
  std::vector<std::string> words = kWords;
  words.insert(words.end(), {".", "[0]", "[1]", "[999999999]", "model", "optimizer.groups", "\n"});
  Fuzz(seeds, words, CheckSet);
}

TEST(ConfigFuzzTest, Modifiers) {
  const std::vector<std::string> seeds = {
      R"({"replace": "FeedForward", "with": "MixtureOfExperts", "set": {"num_experts": 8}})",
      R"({"replace": "any position", "with": {"type": "RotaryPosition", "theta": 5}})",
      R"({"wrap": "Linear", "with": "LowRankAdapter", "set": {"rank": 2}})",
      R"({"set": {"num_heads": 2},
          "in": {"type": "Attention", "where": {"num_heads": {"ge": 4}}}})",
      R"({"unset": ["steps"], "in": "Trainer", "optional": true})",
      R"({"insert": {"match": "**"}, "to": "groups", "in": "any optimizer", "at": 0})",
      R"({"insert": "Dropout", "to": "dropout", "in": "model.decoder"})",
      R"({"remove": {"role": "norm", "path": "model.decoder.**", "every": 2, "from": 1}})",
      R"([{"chain": [{"remove": "model.decoder.norm"},
                     {"set": {"bias": true}, "in": "Attention"}]}])",
      R"({"when": {"device": "cpu"}, "then": {"set": {"trainer.steps": 3}}})"};
  std::vector<std::string> words = kWords;
  words.insert(words.end(), {"\"replace\": ", "\"with\": ", "\"in\": ", "\"set\": ", "\"chain\": [",
                             "\"any norm\"", "\"RmsNorm\"", "\"**\"", "\"model.*\"", "\"every\": 0",
                             "\"optional\": true,", "\"wrap\": ", "\"TransformerLayer\"",
                             "\"LowRankAdapter\"", "\"remove\": ", "\"role\": \"*\","});
  Fuzz(seeds, words, CheckModifier);
}

TEST(ConfigFuzzTest, Extends) {
  const std::string folder = testing::TempDir() + "/extends_fuzz";
  ASSERT_TRUE(MakeFolders(folder).ok());
  const std::vector<std::string> seeds = {
      R"({"parameters": {"w": 8, "d": "$w*2"}, "model": {"model_dim": "$w", "vocab_size": "$d"}})"
      "\n"
      R"({"extends": "base.json", "parameters": {"w": 16}, "trainer": {"steps": "$d/4"}})",
      R"({"modifiers": [{"set": {"trainer.steps": 4}}]})"
      "\n"
      R"({"extends": ["base.json", "base.json"], "modifiers": {"remove": "model.decoder.norm"}})",
      R"({"extends": "run.json"})"
      "\n"
      R"({"extends": "base.json", "data": {"train": "$$a"}})"};
  std::vector<std::string> words = kWords;
  words.insert(words.end(), {"\"extends\": ", "\"base.json\"", "\"../base.json\"", "\"/dev/zero\"",
                             "\"$w\"", "\"$\"", "\"$w*9223372036854775807\"", "\"$w/0\"",
                             "\"parameters\": {\"w\": \"$w\"},", "\n"});
  Fuzz(seeds, words, [&](std::string_view input) { return CheckExtends(input, folder); });
}

}  // namespace
}  // namespace tessera

#endif
