#include "cpp/train/active_parameters.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace tessera {
namespace {

// By number of experts: rows for each token in the plans of a function (cpp/ops/plan.cc).
std::map<int64_t, int64_t> RowsPerToken(const Function& function) {
  std::map<int64_t, int64_t> rows;
  for (const Node& node : function.nodes()) {
    if (node.is_call() || node.op->name() != "plan") continue;
    int64_t& most = rows[node.attrs.Int("num_experts")];
    most = std::max(most, node.attrs.Int("rows_per_token"));
  }
  return rows;
}

bool IsStackOfExperts(const ProgramParam& param) {
  const std::vector<std::string>& names = param.spec.logical_dims;
  return !names.empty() && names.front() == "expert";
}

}  // namespace

int64_t ActiveParameters(const Program& program) {
  // By parameter: how many of its experts a token meets, 0 where no plan says so.
  std::vector<int64_t> met(program.params.size(), 0);
  std::vector<std::map<int64_t, int64_t>> rows(program.functions.size());
  for (size_t f = 0; f < rows.size(); ++f) rows[f] = RowsPerToken(*program.functions[f]);
  for (const ProgramCall& call : program.calls) {
    for (const int slot : call.inputs) {
      const int p = program.slots[slot].param;
      if (p < 0 || !IsStackOfExperts(program.params[p])) continue;
      const int64_t experts = program.params[p].dims[0].value();
      const auto found = rows[call.function].find(experts);
      if (found != rows[call.function].end()) {
        met[p] = std::max(met[p], std::min(found->second, experts));
      }
    }
  }
  int64_t count = 0;
  for (size_t p = 0; p < program.params.size(); ++p) {
    const Dims& dims = program.params[p].dims;
    const int64_t all = Product(dims).value();
    count += met[p] == 0 || all == 0 ? all : all / dims[0].value() * met[p];
  }
  return count;
}

}  // namespace tessera
