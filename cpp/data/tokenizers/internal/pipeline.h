// The steps of a tokenizer.json around its model: normalizers, pre-tokenizers, decoders.
//
// Each is read from its JSON object, by "type", as the public tokenizers library writes it; a type
// or option that is not known is UNIMPLEMENTED with its name. Texts are UTF-8. Constant use from
// several threads is safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/config/value.h"

namespace tessera {

// A part of a text that is encoded on its own.
struct TextPiece {
  std::string text;
  bool is_first = false;  // begins where the whole text does
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual std::string Normalize(std::string text) const = 0;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual absl::StatusOr<std::vector<TextPiece>> Split(std::vector<TextPiece> pieces) const = 0;
};

class TokenDecoder {
 public:
  virtual ~TokenDecoder() = default;
  // Texts of tokens to parts of the whole, which are then put together.
  virtual std::vector<std::string> Decode(std::vector<std::string> tokens) const = 0;
  // How many of the first tokens end up as text that tokens after them only add to. `joined`: they
  // are one text that may still grow. 0 where this cannot be said.
  virtual size_t Settled(const std::vector<std::string>& tokens, bool joined) const = 0;
  // What it does to how many there are.
  enum class Shape { kEachAlone, kOther, kJoined };
  virtual Shape shape() const { return Shape::kEachAlone; }
};

// Null for a JSON null, which does nothing.
absl::StatusOr<std::unique_ptr<Normalizer>> NewNormalizer(const ConfigValue& described);
absl::StatusOr<std::unique_ptr<PreTokenizer>> NewPreTokenizer(const ConfigValue& described);
absl::StatusOr<std::unique_ptr<TokenDecoder>> NewTokenDecoder(const ConfigValue& described);

// What several steps read from their JSON. Absent and null are the fallback; another type is an
// error that names the place.
absl::StatusOr<bool> ReadBool(const ConfigValue& object, std::string_view name, bool fallback);
absl::StatusOr<std::string> ReadText(const ConfigValue& object, std::string_view name,
                                     std::string_view fallback);
// "type" of an object; "" when it is none.
std::string TypeOf(const ConfigValue& object);
// The steps that the list `name` of a Sequence describes, without those that do nothing.
template <typename Step>
absl::StatusOr<std::vector<std::unique_ptr<Step>>> ReadSteps(
    const ConfigValue& sequence, std::string_view name,
    absl::StatusOr<std::unique_ptr<Step>> (*read)(const ConfigValue&)) {
  const ConfigValue* list = sequence.Find(name);
  if (list == nullptr || list->AsList() == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": expected a list"));
  }
  std::vector<std::unique_ptr<Step>> steps;
  for (const ConfigValue& one : *list->AsList()) {
    ASSIGN_OR_RETURN(std::unique_ptr<Step> step, read(one));
    if (step != nullptr) steps.push_back(std::move(step));
  }
  return steps;
}

// GPT-2's one printable character for every byte, as UTF-8, and back: -1 for others.
const std::string& CharOfByte(unsigned char byte);
int ByteOfChar(uint32_t code);

}  // namespace tessera
