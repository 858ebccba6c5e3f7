// Fuzzing of what models from elsewhere are read from: config.json, the index of weights, GGUF
// files and tokenizer.json.
//
// Whatever comes in, the answer is a status with a text, in bounded time and memory; what is
// accepted can be used: a config fills its family's template, an index names plain files, a GGUF
// file gives its tensors, a tokenizer encodes and decodes.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "cpp/base/file.h"
#include "cpp/config/plain_json.h"
#include "cpp/data/tokenizer.h"
#include "cpp/interop/config_template.h"
#include "cpp/interop/family.h"
#include "cpp/interop/gguf_file.h"
#include "cpp/interop/hugging_face_folder.h"
#include "gtest/gtest.h"
#include "tests/fuzz/fuzz.h"

namespace tessera {
namespace {

std::string CheckError(const absl::Status& status) {
  if (status.message().empty()) return "an error without text";
  const bool expected = absl::IsDataLoss(status) || absl::IsInvalidArgument(status) ||
                        absl::IsUnimplemented(status) || absl::IsResourceExhausted(status);
  return expected ? "" : absl::StrCat("unexpected error: ", status.ToString());
}

const std::vector<std::string>& JsonWords() {
  static const auto* const kWords = new std::vector<std::string>{
      "{", "}", "[", "]", ",", ":", "null", "true", "-1", "0", "1e308", "1.5", "\"\"", "\"a\":",
      "18446744073709551616", "9223372036854775807", "\"x\"", "\\u0000", "[[[[[[[[", "\xFF"};
  return *kWords;
}

TEST(InteropFuzzTest, ConfigOfEveryFamily) {
  const std::vector<std::string> names = Family::Names("huggingface");
  ASSERT_GE(names.size(), 10u);
  const std::string base = R"({"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48,
      "num_hidden_layers": 2, "num_attention_heads": 4, "n_embd": 32, "n_layer": 2, "n_head": 4,
      "rope_parameters": {"rope_type": "yarn", "factor": 2.0, "rope_theta": 1e4},
      "layer_types": ["sliding_attention", "full_attention"], "query_pre_attn_scalar": 20})";
  FuzzRounds([&](FuzzRandom& random) -> std::string {
    const auto family = Family::Named(random.Pick(names));
    if (!family.ok()) return family.status().ToString();
    const auto config = ParseJson(Mutated(random, base, JsonWords()), "config.json");
    if (!config.ok()) return CheckError(config.status());
    if (config->AsTable() == nullptr) return "";
    std::vector<std::string> unknown;
    const auto values = family->ReadFields(*config, "config.json", &unknown);
    if (!values.ok()) return CheckError(values.status());
    const auto filled = FillTemplate(family->model, *values);
    return filled.ok() ? "" : CheckError(filled.status());
  });
}

TEST(InteropFuzzTest, WeightIndex) {
  const std::string base = R"({"metadata": {"total_size": 10}, "weight_map": {
      "a.weight": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})";
  std::vector<std::string> words = JsonWords();
  words.insert(words.end(), {"../", "/", "\\\\", ".safetensors", "\"weight_map\":"});
  FuzzRounds([&](FuzzRandom& random) -> std::string {
    const auto files = ParseWeightIndex(Mutated(random, base, words), "index");
    if (!files.ok()) return CheckError(files.status());
    for (const auto& [tensor, file] : *files) {
      if (file.find('/') != std::string::npos || file.empty() || file[0] == '.') {
        return absl::StrCat("a file outside: ", file);
      }
    }
    return "";
  });
}

void Put(std::string& bytes, uint64_t value, size_t size) {
  bytes.append(reinterpret_cast<const char*>(&value), size);
}
void PutText(std::string& bytes, std::string_view text) {
  Put(bytes, text.size(), 8);
  bytes.append(text);
}

std::string SmallGguf() {
  std::string bytes = "GGUF";
  Put(bytes, 3, 4);
  Put(bytes, 2, 8);
  Put(bytes, 3, 8);
  PutText(bytes, "general.alignment");
  Put(bytes, 4, 4);
  Put(bytes, 32, 4);
  PutText(bytes, "llama.block_count");
  Put(bytes, 10, 4);
  Put(bytes, 1, 8);
  PutText(bytes, "tokenizer.ggml.tokens");
  Put(bytes, 9, 4);
  Put(bytes, 8, 4);
  Put(bytes, 2, 8);
  PutText(bytes, "a");
  PutText(bytes, "b");
  for (const auto& [name, type] : {std::pair("token_embd.weight", 3), std::pair("x", 0)}) {
    PutText(bytes, name);
    Put(bytes, 2, 4);
    Put(bytes, 32, 8);
    Put(bytes, 2, 8);
    Put(bytes, static_cast<uint64_t>(type), 4);
    Put(bytes, type == 3 ? 0 : 64, 8);
  }
  bytes.resize((bytes.size() + 31) / 32 * 32);
  return bytes + std::string(64 + 256, '\x11');
}

TEST(InteropFuzzTest, GgufFile) {
  const std::string path =
      (std::filesystem::temp_directory_path() / absl::StrCat("tessera_gguf_", getpid())).string();
  const std::string base = SmallGguf();
  ASSERT_TRUE(WriteFile(path, base).ok());
  const auto whole = GgufFile::Open(path);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto tensor = (*whole)->Read("token_embd.weight");
  ASSERT_TRUE(tensor.ok()) << tensor.status();
  EXPECT_EQ(tensor->dims, (std::vector<int64_t>{2, 32}));
  const std::vector<std::string> words = {std::string(8, '\0'), std::string(8, '\xFF'), "GGUF",
                                          std::string("\x09\0\0\0\x08\0\0\0", 8),
                                          std::string("\x01\0\0\0\0\0\0\x7F", 8)};
  FuzzRounds([&](FuzzRandom& random) -> std::string {
    if (!WriteFile(path, Mutated(random, base, words)).ok()) return "cannot write";
    const auto file = GgufFile::Open(path);
    if (!file.ok()) return CheckError(file.status());
    for (const WeightInfo& weight : (*file)->weights()) {
      const auto read = (*file)->Read(weight.name);
      if (!read.ok()) return absl::StrCat("cannot read: ", read.status().ToString());
    }
    std::string why_not;
    GgufTokenizerJson(**file, &why_not);
    return "";
  });
  std::filesystem::remove(path);
}

TEST(InteropFuzzTest, TokenizerJson) {
  const std::vector<std::string> bases = {
      R"({"added_tokens": [{"id": 4, "content": "<|x|>", "special": true, "lstrip": true}],
          "normalizer": {"type": "NFC"},
          "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split",
             "pattern": {"Regex": "(?i:'s|'t)|\\p{L}+|\\s+(?!\\S)|[^\\s\\p{N}]{1,3}"},
             "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]},
          "decoder": {"type": "ByteLevel"},
          "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "c": 3},
                    "merges": ["a b"], "byte_fallback": true, "unk_token": "a"}})",
      R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"},
          "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
          "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["_", -1], ["a", -2],
                    ["_a", -2.5], ["<0x0A>", -9]]}})"};
  std::vector<std::string> words = JsonWords();
  words.insert(words.end(), {"(", ")", "(?:", "*", "+", "?", "{2,}", "[^", "\\\\p{L}", "|", "(?!",
                             "\"type\":", "Removed", "\"Replace\""});
  const std::vector<std::string> pieces = {"a", "b", " ", "ab", "<|x|>", "'S", "\xC3\xA9", "\n",
                                           "e\xCC\x81", "12", "_", "\xF0\x9F\x98\x80"};
  FuzzRounds([&](FuzzRandom& random) -> std::string {
    auto tokenizer = NewTokenizer("PretrainedTokenizer");
    if (!tokenizer.ok()) return tokenizer.status().ToString();
    const std::string json =
        random.OneIn(8) ? random.Pick(bases) : Mutated(random, random.Pick(bases), words);
    if (const absl::Status status = (*tokenizer)->RestoreState(json); !status.ok()) {
      return CheckError(status);
    }
    std::string text;
    for (uint64_t i = random.Below(20); i > 0; --i) text += random.Pick(pieces);
    const auto ids = (*tokenizer)->EncodeIds(text);
    if (!ids.ok()) return CheckError(ids.status());
    (*tokenizer)->Decode(*ids);
    (*tokenizer)->Decode({-1, 0, 5, INT32_MAX});
    return "";
  });
}

}  // namespace
}  // namespace tessera
