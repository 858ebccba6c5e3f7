#include "cpp/data/tokenizer.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/tables.h"

namespace tessera {
namespace {

// "ByteTokenizer", "Byte" and "byte" are one name.
std::string ShortName(std::string_view name) {
  name = absl::StripSuffix(name, "Tokenizer");
  return absl::AsciiStrToLower(name);
}

}  // namespace

absl::Status Tokenizer::Learn(std::string_view) { return absl::OkStatus(); }
absl::Status Tokenizer::FinishLearning() { return absl::OkStatus(); }

absl::StatusOr<std::vector<int32_t>> Tokenizer::EncodeIds(std::string_view text) const {
  TokenBuffer buffer(4);
  RETURN_IF_ERROR(Encode(text, buffer));
  const TokenSpan span = buffer.span();
  std::vector<int32_t> ids(static_cast<size_t>(span.count));
  for (int64_t i = 0; i < span.count; ++i) ids[i] = static_cast<int32_t>(span.At(i));
  return ids;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> NewTokenizer(std::string_view name) {
  for (const auto& create : TokenizerTable()) {
    std::unique_ptr<Tokenizer> tokenizer = create();
    if (ShortName(tokenizer->name()) == ShortName(name)) return tokenizer;
  }
  return absl::NotFoundError(absl::StrCat("tokenizer: expected one of ",
                                          absl::StrJoin(TokenizerNames(), ", "), ", got '", name,
                                          "'"));
}

std::vector<std::string> TokenizerNames() {
  std::vector<std::string> names;
  for (const auto& create : TokenizerTable()) names.emplace_back(create()->name());
  return names;
}

std::string PackTokenizer(const Tokenizer& tokenizer) {
  return absl::StrCat(tokenizer.name(), "\n", tokenizer.SaveState());
}

absl::StatusOr<std::unique_ptr<Tokenizer>> UnpackTokenizer(std::string_view packed) {
  const size_t end = packed.find('\n');
  if (end == std::string_view::npos) {
    return absl::DataLossError("tokenizer: expected its type and a line end, got neither");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, NewTokenizer(packed.substr(0, end)));
  RETURN_IF_ERROR(tokenizer->RestoreState(packed.substr(end + 1)));
  return tokenizer;
}

}  // namespace tessera
