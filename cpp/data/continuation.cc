#include "cpp/data/continuation.h"

namespace tessera {

Continuation::Continuation(const Tokenizer& tokenizer, absl::Span<const int32_t> prompt)
    : tokenizer_(tokenizer) {
  given_ = tokenizer.Settled(prompt);
  ids_.assign(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(given_));
}

std::string Continuation::Append(int32_t id) {
  ids_.push_back(id);
  return TakeUntil(tokenizer_.Settled(ids_));
}

std::string Continuation::Finish() { return TakeUntil(ids_.size()); }

std::string Continuation::TakeUntil(size_t settled) {
  if (settled <= given_) return "";
  const absl::Span<const int32_t> ids = absl::MakeConstSpan(ids_);
  const size_t known = tokenizer_.Decode(ids.first(given_)).size();
  std::string text = tokenizer_.Decode(ids.first(settled)).substr(known);
  // What is at the beginning of a text may be treated apart (a blank is left out). Ids that have
  // text by themselves have that behind them, so they do as what stands before the next.
  const bool stands_alone = !tokenizer_.Decode(ids.subspan(given_, settled - given_)).empty();
  if (stands_alone) {
    ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(given_));
    settled -= given_;
  }
  given_ = settled;
  return text;
}

}  // namespace tessera
