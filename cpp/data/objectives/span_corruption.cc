// SpanCorruption: of text a b c d e f with spans "b c" and "e" cut out
//   source: a <0> d <1> f <end>      decoder reads: <start> <0> b c <1> e
//                                    and predicts:  <0> b c <1> e <end>
// (T5, arXiv 1910.10683, section 3.1.4). share * length tokens are cut out, in round(that /
// mean_span) spans; lengths of spans and of what stays between them are drawn evenly among all
// ways to cut. Source and target are rows of the window's length: of a short window less is used,
// so that both have room. Documents that share a window are read as one text.
#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/objective.h"
#include "gen/config/span_corruption.h"

namespace tessera {
namespace {

constexpr char kSource[] = "source", kSourcePositions[] = "source_positions",
               kSourceSegments[] = "source_segments";

// How many tokens are cut out of `length`, in how many spans.
struct Cut {
  int64_t tokens = 0, spans = 0;
};

// `total` as `parts` lengths of at least 1, each way to do it equally likely.
std::vector<int64_t> Lengths(int64_t total, int64_t parts, SampleWords& words) {
  // Choose parts - 1 of the total - 1 places between two tokens, going through them once.
  std::vector<int64_t> lengths;
  int64_t begin = 0, left = parts - 1;
  for (int64_t place = 1; place < total; ++place) {
    if (words.NextBelow(total - place) < left) {
      lengths.push_back(place - begin);
      begin = place;
      --left;
    }
  }
  lengths.push_back(total - begin);
  return lengths;
}

class SpanCorruption : public Objective {
 public:
  explicit SpanCorruption(const SpanCorruptionConfig& config) : config_(config) {}

  std::string_view name() const override { return "SpanCorruption"; }
  int64_t LargestId() const override {
    return std::max({config_.first_sentinel, config_.end_id, config_.start_id});
  }

  std::vector<std::string> Others() const override {
    return {kSource, kSourcePositions, kSourceSegments};
  }

  absl::Status Prepare(Batch& batch) const override {
    for (const char* name : {kSource, kSourcePositions, kSourceSegments}) {
      ASSIGN_OR_RETURN(batch.others[name], Tensor::Zeros(DType::kI32, batch.tokens.dims));
    }
    return absl::OkStatus();
  }

  absl::Status Fill(const Sample& sample, int64_t row, Batch& batch) const override {
    const int64_t sequence = batch.tokens.dims[1];
    const auto at = [&](const Tensor& tensor) {
      return tensor.data_as<int32_t>() + row * sequence;
    };
    int32_t* tokens = at(batch.tokens);
    const std::vector<int32_t> text(tokens, tokens + sample.length);
    int64_t length = sample.length;
    Cut cut = CutOf(length);
    while (length > 1 && !HasRoom(length, cut, sequence)) cut = CutOf(--length);
    std::vector<int32_t> source, target;
    if (length > 1 && HasRoom(length, cut, sequence)) {
      Corrupt(text, length, cut, SampleWords(sample), source, target);
    }
    const auto end = static_cast<int32_t>(config_.end_id);
    source.push_back(end);
    std::vector<int32_t> read = {static_cast<int32_t>(config_.start_id)};
    if (!target.empty()) {
      read.insert(read.end(), target.begin(), target.end());
      target.push_back(end);
    }
    Put(source, 0, sequence, at(batch.others[kSource]));
    PutSegments(static_cast<int64_t>(source.size()), sequence, at(batch.others[kSourcePositions]),
                at(batch.others[kSourceSegments]));
    Put(read, 0, sequence, tokens);
    Put(target, kIgnoreTarget, sequence, at(batch.targets));
    PutSegments(static_cast<int64_t>(read.size()), sequence, at(batch.positions),
                at(batch.segments));
    return absl::OkStatus();
  }

 private:
  Cut CutOf(int64_t length) const {
    Cut cut;
    if (length < 2) return cut;
    const double wanted = std::round(static_cast<double>(length) * config_.share);
    cut.tokens = std::clamp<int64_t>(static_cast<int64_t>(wanted), 1, length - 1);
    const double spans = std::round(static_cast<double>(cut.tokens) / config_.mean_span);
    // A span has a token, and so has what stands before it.
    cut.spans = std::clamp<int64_t>(static_cast<int64_t>(spans), 1,
                                    std::min({cut.tokens, length - cut.tokens, config_.sentinels}));
    return cut;
  }

  static bool HasRoom(int64_t length, const Cut& cut, int64_t sequence) {
    const int64_t kept = length - cut.tokens;
    return std::max(kept, cut.tokens) + cut.spans + 1 <= sequence;
  }

  void Corrupt(const std::vector<int32_t>& text, int64_t length, const Cut& cut, SampleWords words,
               std::vector<int32_t>& source, std::vector<int32_t>& target) const {
    const std::vector<int64_t> spans = Lengths(cut.tokens, cut.spans, words);
    const std::vector<int64_t> kept = Lengths(length - cut.tokens, cut.spans, words);
    auto next = text.begin();
    for (int64_t i = 0; i < cut.spans; ++i) {
      const auto sentinel = static_cast<int32_t>(config_.first_sentinel - i);
      source.insert(source.end(), next, next + kept[i]);
      source.push_back(sentinel);
      next += kept[i];
      target.push_back(sentinel);
      target.insert(target.end(), next, next + spans[i]);
      next += spans[i];
    }
  }

  static void Put(const std::vector<int32_t>& ids, int32_t padding, int64_t sequence,
                  int32_t* to) {
    std::copy(ids.begin(), ids.end(), to);
    std::fill(to + ids.size(), to + sequence, padding);
  }
  static void PutSegments(int64_t count, int64_t sequence, int32_t* positions,
                          int32_t* segments) {
    for (int64_t t = 0; t < sequence; ++t) {
      positions[t] = static_cast<int32_t>(t);
      segments[t] = t < count ? 0 : -1;
    }
  }

  const SpanCorruptionConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Objective>> NewSpanCorruptionObjective(const ConfigNode& config) {
  ASSIGN_OR_RETURN(const SpanCorruptionConfig fields, ReadSpanCorruptionConfig(config));
  if (fields.first_sentinel + 1 < fields.sentinels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "SpanCorruption: expected first_sentinel of at least ", fields.sentinels - 1,
        ", as ", fields.sentinels, " ids count down from it, got ", fields.first_sentinel));
  }
  return std::make_unique<SpanCorruption>(fields);
}

}  // namespace tessera
