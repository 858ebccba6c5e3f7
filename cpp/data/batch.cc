#include "cpp/data/batch.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// Positions counted from each document's start, segments numbered, targets across documents
// taken away. `begin` is the window's place in the stream.
void KeepDocumentsApart(const TokenStream& stream, int64_t begin, int64_t sequence,
                        int32_t* targets, int32_t* positions, int32_t* segments) {
  const auto starts = stream.document_starts();
  auto next = std::upper_bound(starts.begin(), starts.end(), begin);
  int32_t segment = 0;
  int32_t position = 0;
  for (int64_t t = 0; t < sequence; ++t) {
    if (next != starts.end() && begin + t == *next) {
      ++segment;
      position = 0;
      ++next;
    }
    positions[t] = position++;
    segments[t] = segment;
    if (next != starts.end() && begin + t + 1 == *next) targets[t] = kIgnoreTarget;
  }
}

Tensor Rows(const Tensor& whole, int64_t first, int64_t count) {
  Tensor part = whole;
  part.dims[0] = count;
  part.offset_bytes += static_cast<size_t>(first) * (whole.bytes() / whole.dims[0]);
  return part;
}

}  // namespace

absl::StatusOr<Batch> Batch::Make(int64_t rows, int64_t sequence) {
  Batch batch;
  for (Tensor* tensor : {&batch.tokens, &batch.targets, &batch.positions, &batch.segments}) {
    ASSIGN_OR_RETURN(*tensor, Tensor::Zeros(DType::kI32, {rows, sequence}));
  }
  auto* targets = batch.targets.data_as<int32_t>();
  std::fill(targets, targets + rows * sequence, kIgnoreTarget);
  batch.continues.resize(static_cast<size_t>(rows));
  batch.global_rows = rows;
  return batch;
}

absl::StatusOr<Batch> Batch::MicroBatch(int64_t index, int64_t count) const {
  if (count < 1 || rows() % count != 0) {
    return absl::InvalidArgumentError(absl::StrCat("micro-batches: expected a divisor of ", rows(),
                                                   " rows, got ", count));
  }
  if (index < 0 || index >= count) {
    return absl::InvalidArgumentError(
        absl::StrCat("micro-batch: expected 0 to ", count - 1, ", got ", index));
  }
  const int64_t part_rows = rows() / count;
  const int64_t first = index * part_rows;
  Batch part = *this;
  part.tokens = Rows(tokens, first, part_rows);
  part.targets = Rows(targets, first, part_rows);
  part.positions = Rows(positions, first, part_rows);
  part.segments = Rows(segments, first, part_rows);
  for (auto& [name, tensor] : part.others) tensor = Rows(tensor, first, part_rows);
  part.continues.assign(continues.begin() + first, continues.begin() + first + part_rows);
  part.first_row = first_row + first;
  const auto* ids = part.targets.data_as<int32_t>();
  part.target_count = part.targets.count() - std::count(ids, ids + part.targets.count(),
                                                        kIgnoreTarget);
  return part;
}

absl::Status FillRow(const TokenRange& range, const Window& window, bool isolate_documents,
                     int64_t row, std::vector<int32_t>& scratch, Batch& batch) {
  const int64_t sequence = batch.tokens.dims[1];
  RET_CHECK(row >= 0 && row < batch.rows() && window.targets <= sequence);
  int32_t* tokens = batch.tokens.data_as<int32_t>() + row * sequence;
  int32_t* targets = batch.targets.data_as<int32_t>() + row * sequence;
  int32_t* positions = batch.positions.data_as<int32_t>() + row * sequence;
  int32_t* segments = batch.segments.data_as<int32_t>() + row * sequence;

  const int64_t count = window.targets;
  if (count > 0) {
    RET_CHECK(window.begin + count < range.size());
    scratch.resize(static_cast<size_t>(sequence) + 1);
    RETURN_IF_ERROR(range.stream->Read(range.begin + window.begin, count + 1, scratch.data()));
    std::copy(scratch.begin(), scratch.begin() + count, tokens);
    std::copy(scratch.begin() + 1, scratch.begin() + count + 1, targets);
  }
  for (int64_t t = 0; t < sequence; ++t) {
    positions[t] = static_cast<int32_t>(t);
    segments[t] = 0;
  }
  if (isolate_documents) {
    KeepDocumentsApart(*range.stream, range.begin + window.begin, count, targets, positions,
                       segments);
  }
  for (int64_t t = count; t < sequence; ++t) {
    tokens[t] = 0;
    targets[t] = kIgnoreTarget;
    segments[t] = -1;
  }
  batch.target_count += count - std::count(targets, targets + count, kIgnoreTarget);
  return absl::OkStatus();
}

}  // namespace tessera
