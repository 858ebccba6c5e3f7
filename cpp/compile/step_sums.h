// Sums that cross micro-batches or ranks in the middle of a step, taken out of main.
//
// Main says what it wants as a pure function: an all_reduce in the forward, a buffer's next value.
// Neither is for a kernel. The compiler takes them out here and gives them to the schedule.
// Pure functions; thread-safe. Used by compiler.cc only.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cpp/ir/function.h"
#include "cpp/ir/op_table.h"

namespace tessera {

struct BufferUpdate {
  std::string path;
  FunctionRef next;   // of the buffer and the total of its contributions
};

// `main` without its kBuffer outputs: in their place stand the contributions, as outputs of kind
// kContribution under the path of the buffer.
struct SplitMain {
  std::shared_ptr<Function> function;
  std::vector<BufferUpdate> updates;
};
absl::StatusOr<SplitMain> SplitBuffers(const Function& main);

// `main`, outlined, with every call that is an all_reduce alone replaced by a copy; `calls` says
// which nodes these are. Their results are to be summed over the ranks before anyone reads them.
struct ReducedMain {
  std::shared_ptr<Function> function;
  std::set<size_t> calls;
};
absl::StatusOr<ReducedMain> TakeAllReduces(const Function& main, const OpTable& ops);

// Does the value of a flat function depend on a sum over ranks?
bool DependsOnAllReduce(const Function& flat, ValueId value);

}  // namespace tessera
