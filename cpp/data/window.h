// Windows: which stretch of a corpus is sample number `position` of a run.
//
// Everything here is arithmetic on (seed, position): no state, so a run continues exactly from a
// position, and neither the number of ranks nor, but for streams, the batch size changes which
// samples come when.
// Reading the ids is token_stream.h's business. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tessera {

enum class Sampling {
  kRandomWindow,  // every sample starts anywhere, drawn anew (nanoGPT's way)
  kEpoch,         // windows that do not overlap, each once an epoch
  kStreams,       // every row of a batch goes on where that row of the batch before ended
  kOnce,          // the windows in order, once; the last may be short (validation)
  kStreamsOnce,   // the same by rows that go on: each has a part of the windows
};

// Whether rows of a batch go on where they ended in the one before.
bool IsStreams(Sampling sampling);
// Whether the corpus is gone through once, and then there is nothing.
bool IsSinglePass(Sampling sampling);

// A permutation of 0 .. size - 1 in constant memory: a Feistel network over the next even number
// of bits whose round function is Philox, walked until it lands inside. Keyed by (seed, round).
class Permutation {
 public:
  // REQUIRES: size >= 1.
  Permutation(int64_t size, uint64_t seed, uint64_t round);
  // REQUIRES: 0 <= index < size.
  int64_t At(int64_t index) const;

 private:
  uint64_t Scramble(uint64_t value) const;

  uint64_t size_;
  uint64_t seed_;
  uint64_t round_;
  int half_bits_;
};

// `targets` inputs from `begin`, each with the id after it as target.
struct Window {
  int64_t begin = 0;
  int64_t targets = 0;
};

struct WindowOptions {
  Sampling sampling = Sampling::kEpoch;
  bool shuffle = true;  // kEpoch only
  uint64_t seed = 0;
  int64_t sequence = 0;  // targets per window
  int64_t rows = 1;      // of a batch over all ranks; streams only
};

class WindowSampler {
 public:
  // Over a corpus of `token_count` ids. InvalidArgument when it is too short for one window (for
  // kStreams: for one in each row; for a single pass: for one target), with both numbers.
  static absl::StatusOr<WindowSampler> Make(int64_t token_count, const WindowOptions& options);

  // Samples in one epoch: windows that do not overlap (for kRandomWindow, as many as would fit; for
  // streams, equally many a row: in a single pass the last ones may be empty).
  int64_t windows_per_epoch() const { return windows_; }
  bool ends() const { return IsSinglePass(options_.sampling); }
  // Sample `position` of the run, counted from 0. Where the corpus ends, a position past the end
  // gives a window of no targets. REQUIRES: position >= 0.
  Window At(int64_t position) const;

  // Whether that sample goes on where the one in its row of the batch before ended. Only streams
  // do, but for the first batch and the row that comes from the corpus's end to its beginning.
  bool Continues(int64_t position) const;

 private:
  WindowSampler(int64_t token_count, int64_t windows, const WindowOptions& options)
      : token_count_(token_count), windows_(windows), options_(options) {}

  // The place of a stream's sample in the corpus, counted in windows.
  int64_t StreamIndex(int64_t position) const;
  // What is left of the corpus there.
  Window Rest(int64_t index) const;

  int64_t token_count_;
  int64_t windows_;
  WindowOptions options_;
};

}  // namespace tessera
