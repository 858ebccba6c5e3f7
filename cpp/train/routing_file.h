// RoutingFile: the experts that the tokens of a training run visit, step by step, in one file.
//
// Safetensors that any reader opens: "routing/MIXTURE" i32[steps, rows, ...], the choices of a
// mixture of experts, -1 for none, and "recorded" u8[steps, rows], 1 where a row of a step is in
// the file. It has its whole length from the beginning, as a hole where the file system can, so
// that a step is written in place: a run that is interrupted and resumed goes on in its file, and
// ranks write their rows into the same one. Not synced. Reading and writing allocate nothing.
// One thread at a time per object; objects of one file may write different rows at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpp/ckpt/safetensors.h"
#include "cpp/tensor/tensor.h"

namespace tessera {

class RoutingFile {
 public:
  // A mixture of experts, "routing/" and its path, and the dims of its choices in a step of all
  // ranks: rows first.
  struct Mixture {
    std::string name;
    std::vector<int64_t> dims;
  };

  // A new file, for nobody to read yet. ALREADY_EXISTS: there is one.
  static absl::Status Create(const std::string& path, int64_t steps,
                             const std::vector<Mixture>& mixtures);
  // An existing one. NOT_FOUND, DATA_LOSS; INVALID_ARGUMENT when it is of other mixtures, or of
  // other rows, tokens or choices. Any number of steps will do.
  static absl::StatusOr<std::unique_ptr<RoutingFile>> Open(const std::string& path, bool writes,
                                                           const std::vector<Mixture>& mixtures);
  ~RoutingFile();
  RoutingFile(const RoutingFile&) = delete;
  RoutingFile& operator=(const RoutingFile&) = delete;

  const std::string& path() const { return path_; }

  // The choices of mixture `index` of the rows from `first_row` on; steps count from 1.
  // OUT_OF_RANGE: a step after those of the file.
  absl::Status Write(size_t index, int64_t step, int64_t first_row, const Tensor& choices) const;
  absl::Status Read(size_t index, int64_t step, int64_t first_row, Tensor& choices) const;

  // Once all mixtures of these rows are written.
  absl::Status MarkRecorded(int64_t step, int64_t first_row, int64_t rows) const;
  // NOT_FOUND naming the step unless all of these rows are in the file.
  absl::Status CheckRecorded(int64_t step, int64_t first_row, int64_t rows) const;

 private:
  RoutingFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status CheckStep(int64_t step) const;
  // Where rows from `first_row` of a step lie in a tensor.
  int64_t OffsetOf(const SafetensorsEntry& entry, int64_t step, int64_t first_row) const;

  const std::string path_;
  const int fd_;
  std::vector<SafetensorsEntry> mixtures_;
  SafetensorsEntry recorded_;
};

}  // namespace tessera
