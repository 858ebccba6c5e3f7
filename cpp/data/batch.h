// Batch: what one rank reads in one step, and how a row of it is filled from a corpus.
//
// All four tensors are i32[rows, sequence]. Row r is a window of the corpus; with documents kept
// apart, positions start again at 0 and segment ids rise by one at each document, and the last
// id of a document has no target. Not thread-safe; loader.h hands batches from thread to thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/data/token_stream.h"
#include "cpp/data/window.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

// The target that no loss counts.
inline constexpr int32_t kIgnoreTarget = -100;

struct Batch {
  Tensor tokens;
  Tensor targets;
  Tensor positions;
  Tensor segments;
  // Per row: 1 when it goes on where this row of the batch before ended, so that what a model has
  // carried on for it is of use; 0 when it begins anew.
  std::vector<uint8_t> continues;
  // What an objective adds, by the names of the model's inputs; the first dim is the row.
  std::map<std::string, Tensor> others;
  // Rows of the whole step over all ranks, and which of them row 0 is: the base of random keys.
  int64_t global_rows = 0;
  int64_t first_row = 0;
  // Samples consumed by the run before this step.
  int64_t position = 0;
  // Targets in this batch that are not kIgnoreTarget.
  int64_t target_count = 0;

  int64_t rows() const { return tokens.dims.empty() ? 0 : tokens.dims[0]; }

  // Tensors of the given size, zeroed; targets are all ignored, rows begin anew.
  static absl::StatusOr<Batch> Make(int64_t rows, int64_t sequence);

  // Rows of micro-batch `index` of `count`: views, no copy. InvalidArgument unless `count`
  // divides rows() and 0 <= index < count. target_count is counted anew.
  absl::StatusOr<Batch> MicroBatch(int64_t index, int64_t count) const;
};

// Fills row `row` of `batch` with `window` (relative to `range`). What the window does not cover
// becomes id 0, position counting on, segment -1 and no target. `scratch` is reused between
// calls so that a steady run allocates nothing. Errors of TokenStream::Read.
absl::Status FillRow(const TokenRange& range, const Window& window, bool isolate_documents,
                     int64_t row, std::vector<int32_t>& scratch, Batch& batch);

}  // namespace tessera
