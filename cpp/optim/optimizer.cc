#include "cpp/optim/optimizer.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/base/suggest.h"
#include "cpp/config/tree.h"

namespace tessera {

ValueId ScaledRate(Graph& graph, ValueId learning_rate, double scale) {
  if (scale == 1) return learning_rate;
  return graph.Mul(learning_rate, graph.Constant(scale, DType::kF32));
}

// Not absl::StrFormat, which ends the process when there is no memory: it writes in a destructor.
std::string KeyText(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return text;
}

absl::StatusOr<std::unique_ptr<Optimizer>> NewOptimizer(const ConfigNode& config,
                                                        const PartTable<Optimizer>* added) {
  std::vector<std::string> names;
  for (const OptimizerEntry& entry : BuiltinOptimizers()) {
    if (entry.type == config.type()) return entry.create(config);
    names.emplace_back(entry.type);
  }
  if (added != nullptr) {
    if (const auto* create = added->Find(config.type())) return (*create)(config);
    for (std::string& name : added->Names()) names.push_back(std::move(name));
  }
  return absl::NotFoundError(absl::StrCat("optimizer '", config.type(), "' is not known here",
                                          SuggestionText(config.type(), names)));
}

}  // namespace tessera
