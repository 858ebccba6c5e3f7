// Objective: what is to be learned from a window of a corpus: which inputs a model gets of it.
//
// An objective is a file in data/objectives/ with a schema in schemas/objectives/: `<name>.cc`
// defines New<Name>Objective, and the build makes the table from the folder. It works on a row that
// holds next-token prediction (batch.h) and may add inputs of other names. What it draws follows
// from (seed, sample) alone, so that a run continues exactly and ranks do not matter. Immutable;
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cpp/data/batch.h"

namespace tessera {

class ConfigNode;

// Which window it is.
struct Sample {
  uint64_t seed = 0;
  int64_t index = 0;        // of the run
  int64_t vocab_size = 0;   // ids that the tokenizer has
  int64_t length = 0;       // tokens of the window; what comes after is padding
};

class Objective {
 public:
  virtual ~Objective() = default;

  // What configs call it.
  virtual std::string_view name() const = 0;
  // Tokens of a window, where the run says `sequence`.
  virtual int64_t WindowLength(int64_t sequence) const { return sequence; }
  // Corpora are records of so many tokens; a split falls between two of them.
  virtual int64_t RecordLength() const { return 1; }
  // The largest id that it puts into a row, which the model must have; -1 when it adds none.
  virtual int64_t LargestId() const { return -1; }
  // The names of inputs that it adds.
  virtual std::vector<std::string> Others() const { return {}; }
  // Adds their tensors to a new batch.
  virtual absl::Status Prepare(Batch& batch) const;
  // Makes of a row what the model gets. Targets that do not count are kIgnoreTarget.
  virtual absl::Status Fill(const Sample& sample, int64_t row, Batch& batch) const = 0;
};

using ObjectiveFactory = absl::StatusOr<std::unique_ptr<Objective>> (*)(const ConfigNode& config);

struct ObjectiveEntry {
  std::string_view type;   // "MaskedTokens"
  ObjectiveFactory create;
};

absl::Span<const ObjectiveEntry> BuiltinObjectives();

// NOT_FOUND with the nearest known name. Null for NextToken: rows are it already.
absl::StatusOr<std::shared_ptr<const Objective>> NewObjective(const ConfigNode& config);

// Random words of a sample, one after the other.
class SampleWords {
 public:
  explicit SampleWords(const Sample& sample);
  uint64_t Next();
  double NextUnit();                    // in [0, 1)
  int64_t NextBelow(int64_t count);     // in [0, count)

 private:
  uint64_t key_, high_, low_ = 0;
};

}  // namespace tessera
