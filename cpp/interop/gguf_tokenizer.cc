// The tokenizer in the metadata of a GGUF file, written as a tokenizer.json: byte-level BPE with
// the pattern that "tokenizer.ggml.pre" names.
#include <string>

#include "absl/strings/str_cat.h"
#include "cpp/config/plain_json.h"
#include "cpp/interop/gguf_file.h"

namespace tessera {
namespace {

constexpr int64_t kControlToken = 3, kUserToken = 4;

constexpr char kByteLevel[] =
    R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})";
constexpr char kSmollm[] = R"({"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": true},
    {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}]})";
// The patterns of Llama 3 and Qwen 2 differ in how many digits make a word.
constexpr char kWords[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)";
constexpr char kRest[] = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string SplitBy(std::string_view numbers) {
  const std::string pattern = absl::StrCat(kWords, numbers, kRest);
  return absl::StrCat(R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": )",
                      R"({"Regex": )", JsonQuoted(pattern), R"(}, "behavior": "Isolated"}, )",
                      R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})");
}

// "" for a name that is not known here.
std::string PreTokenizerOf(const std::string& name) {
  if (name == "smollm") return kSmollm;
  if (name == "gpt-2" || name == "default" || name.empty()) return kByteLevel;
  if (name == "llama-bpe") return SplitBy(R"(\p{N}{1,3})");
  if (name == "qwen2") return SplitBy(R"(\p{N})");
  return "";
}

std::string TextAt(const GgufFile& file, std::string_view key) {
  const ConfigValue* value = FindAt(file.metadata(), key);
  return value == nullptr || value->AsText() == nullptr ? "" : *value->AsText();
}

}  // namespace

std::string GgufTokenizerJson(const GgufFile& file, std::string* why_not) {
  const std::string model = TextAt(file, "tokenizer.ggml.model");
  const std::string pre = TextAt(file, "tokenizer.ggml.pre");
  const std::string pre_tokenizer = PreTokenizerOf(pre);
  const ConfigValue::List* tokens = file.LongList("tokenizer.ggml.tokens");
  const ConfigValue::List* merges = file.LongList("tokenizer.ggml.merges");
  const ConfigValue::List* types = file.LongList("tokenizer.ggml.token_type");
  if (model != "gpt2" || pre_tokenizer.empty() || tokens == nullptr || merges == nullptr) {
    *why_not = absl::StrCat("expected a byte-level BPE of a known pattern, got '", model, "', '",
                            pre, "'");
    return "";
  }
  std::string added, vocab;
  for (size_t id = 0; id < tokens->size(); ++id) {
    const std::string* token = (*tokens)[id].AsText();
    if (token == nullptr) {
      *why_not = "expected texts as tokens";
      return "";
    }
    const int64_t* type =
        types == nullptr || id >= types->size() ? nullptr : (*types)[id].AsInt();
    const std::string name = JsonQuoted(*token);
    absl::StrAppend(&vocab, vocab.empty() ? "" : ",", name, ":", id);
    if (type == nullptr || (*type != kControlToken && *type != kUserToken)) continue;
    absl::StrAppend(&added, added.empty() ? "" : ",", "{\"id\":", id, ",\"content\":", name,
                    ",\"special\":", *type == kControlToken ? "true" : "false",
                    ",\"normalized\":false}");
  }
  std::string merge_text;
  for (const ConfigValue& merge : *merges) {
    absl::StrAppend(&merge_text, merge_text.empty() ? "" : ",", merge.ToJson());
  }
  return absl::StrCat("{\"added_tokens\":[", added, "],\"normalizer\":",
                      pre == "qwen2" ? "{\"type\":\"NFC\"}" : "null",
                      ",\"pre_tokenizer\":", pre_tokenizer,
                      ",\"decoder\":{\"type\":\"ByteLevel\"},\"model\":{\"type\":\"BPE\",",
                      pre == "llama-bpe" ? "\"ignore_merges\":true," : "", "\"vocab\":{", vocab,
                      "},\"merges\":[", merge_text, "]}}");
}

}  // namespace tessera
