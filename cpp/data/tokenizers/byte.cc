// ByteTokenizer: every byte is its own id, 0 to 255. Encodes anything, learns nothing.
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/data/tokenizer.h"

namespace tessera {
namespace {

constexpr int64_t kByteCount = 256;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

class ByteTokenizer : public Tokenizer {
 public:
  std::string_view name() const override { return "ByteTokenizer"; }
  int64_t vocab_size() const override { return kByteCount; }

  absl::Status Encode(std::string_view text, TokenBuffer& ids) const override {
    ids.Reserve(static_cast<int64_t>(text.size()));
    for (char c : text) ids.Put(static_cast<uint8_t>(c));
    return absl::OkStatus();
  }

  std::string Decode(absl::Span<const int32_t> ids) const override {
    std::string text;
    text.reserve(ids.size());
    for (int32_t id : ids) {
      if (id >= 0 && id < kByteCount) {
        text.push_back(static_cast<char>(id));
      } else {
        text.append(kReplacement);
      }
    }
    return text;
  }

  std::string SaveState() const override { return ""; }

  absl::Status RestoreState(std::string_view state) override {
    if (state.empty()) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("ByteTokenizer: expected an empty state, got ", state.size(), " bytes"));
  }
};

}  // namespace

std::unique_ptr<Tokenizer> NewByteTokenizer() { return std::make_unique<ByteTokenizer>(); }

}  // namespace tessera
