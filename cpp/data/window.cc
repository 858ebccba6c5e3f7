#include "cpp/data/window.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/philox.h"

namespace tessera {
namespace {

// Keeps the two uses of one seed apart.
constexpr uint64_t kWindowStream = 0x77696e646f77;    // "window"
constexpr uint64_t kPermuteStream = 0x7065726d757465;  // "permute"

constexpr int kFeistelRounds = 6;

// value * size / 2^64: an index below `size`, its bias below size / 2^64.
uint64_t ScaleTo(uint64_t value, uint64_t size) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(value) * size) >> 64);
}

}  // namespace

Permutation::Permutation(int64_t size, uint64_t seed, uint64_t round)
    : size_(static_cast<uint64_t>(size)), seed_(seed), round_(round), half_bits_(1) {
  while (half_bits_ < 32 && (uint64_t{1} << (2 * half_bits_)) < size_) ++half_bits_;
}

uint64_t Permutation::Scramble(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  uint64_t left = value >> half_bits_;
  uint64_t right = value & mask;
  for (int i = 0; i < kFeistelRounds; ++i) {
    const uint64_t counter = (right << 8) | static_cast<uint64_t>(i);
    const uint64_t next = left ^ (PhiloxU64(seed_ ^ kPermuteStream, round_, counter) & mask);
    left = right;
    right = next;
  }
  return (left << half_bits_) | right;
}

int64_t Permutation::At(int64_t index) const {
  // The network permutes a range at most 4 times too large; walking its cycle until it comes back
  // inside permutes the range itself.
  uint64_t value = static_cast<uint64_t>(index);
  do {
    value = Scramble(value);
  } while (value >= size_);
  return static_cast<int64_t>(value);
}

bool IsStreams(Sampling sampling) {
  return sampling == Sampling::kStreams || sampling == Sampling::kStreamsOnce;
}

bool IsSinglePass(Sampling sampling) {
  return sampling == Sampling::kOnce || sampling == Sampling::kStreamsOnce;
}

absl::StatusOr<WindowSampler> WindowSampler::Make(int64_t token_count,
                                                  const WindowOptions& options) {
  if (options.sequence < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("sequence length: expected at least 1, got ", options.sequence));
  }
  if (options.rows < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows: expected at least 1, got ", options.rows));
  }
  const bool once = IsSinglePass(options.sampling);
  const bool streams = IsStreams(options.sampling);
  const int64_t parts = streams ? options.rows : 1;
  const int64_t needed = once ? 2 : parts * options.sequence + 1;
  if (token_count < needed) {
    return absl::InvalidArgumentError(
        absl::StrCat("corpus: expected at least ", needed, " tokens (",
                     once      ? "one and its target"
                     : streams ? absl::StrCat("a window of ", options.sequence, " for each of ",
                                              parts, " rows and a target")
                               : "a window of the sequence length and a target",
                     "), got ", token_count));
  }
  const int64_t targets = token_count - 1;
  int64_t windows = targets / options.sequence;
  if (once && targets % options.sequence != 0) ++windows;
  // Rows have equally many: a single pass fills up with empty ones, another leaves out the last.
  if (streams) windows = (once ? (windows + parts - 1) / parts : windows / parts) * parts;
  return WindowSampler(token_count, windows, options);
}

Window WindowSampler::At(int64_t position) const {
  const int64_t sequence = options_.sequence;
  switch (options_.sampling) {
    case Sampling::kRandomWindow: {
      const auto starts = static_cast<uint64_t>(token_count_ - sequence);
      const uint64_t random =
          PhiloxU64(options_.seed ^ kWindowStream, 0, static_cast<uint64_t>(position));
      return {static_cast<int64_t>(ScaleTo(random, starts)), sequence};
    }
    case Sampling::kEpoch: {
      int64_t index = position % windows_;
      if (options_.shuffle) {
        const auto epoch = static_cast<uint64_t>(position / windows_);
        index = Permutation(windows_, options_.seed, epoch).At(index);
      }
      return {index * sequence, sequence};
    }
    case Sampling::kStreams:
      return {StreamIndex(position) * sequence, sequence};
    case Sampling::kOnce:
      return position < windows_ ? Rest(position) : Window{};
    case Sampling::kStreamsOnce:
      return position < windows_ ? Rest(StreamIndex(position)) : Window{};
  }
  return {};
}

// Every row has a part of the corpus, one part after the other. In the next epoch it has that of
// the next row, which begins where its own ended; so one row alone starts anew, at the beginning.
int64_t WindowSampler::StreamIndex(int64_t position) const {
  const int64_t rows = options_.rows;
  const int64_t epoch = position / windows_;
  const int64_t sample = position % windows_;
  const int64_t part = (sample % rows + epoch % rows) % rows;
  return part * (windows_ / rows) + sample / rows;
}

Window WindowSampler::Rest(int64_t index) const {
  // By division: a part that is filled up may lie far behind the end.
  const int64_t targets = token_count_ - 1;
  if (index > (targets - 1) / options_.sequence) return {};
  const int64_t begin = index * options_.sequence;
  return {begin, std::min(options_.sequence, targets - begin)};
}

bool WindowSampler::Continues(int64_t position) const {
  if (!IsStreams(options_.sampling) || position < options_.rows) return false;
  if (ends() && position >= windows_) return false;
  return StreamIndex(position) == StreamIndex(position - options_.rows) + 1;
}

}  // namespace tessera
