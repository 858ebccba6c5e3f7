// LowRankAdapter: y = inner(x) + scale * dropout(x) A B, with A [in_dim, rank], B [rank, out_dim]
// and scale = alpha / rank (LoRA, arXiv 2106.09685) or alpha / sqrt(rank) (arXiv 2312.03732).
//
// B starts at 0, so that a wrapped model starts as the model that it wraps. The inner slot adds no
// part to paths: the projection keeps its parameters' names, and a checkpoint without adapters
// loads into a model with them.

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/nn/activation.h"
#include "cpp/nn/module.h"
#include "cpp/nn/scope.h"
#include "gen/config/low_rank_adapter.h"

namespace tessera {
namespace {

class LowRankAdapter : public Module {
 public:
  explicit LowRankAdapter(LowRankAdapterConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(scope.CheckInputs(inputs, {kAnyRank}));
    Graph& graph = scope.graph();
    const ValueId y = scope.Call1("inner", {inputs[0]});
    ValueId x = inputs[0];
    if (scope.HasChild("dropout")) x = scope.Call1("dropout", {x});
    const double in_dim = static_cast<double>(config_.in_dim);
    const double std = config_.init_std > 0 ? config_.init_std : 1 / std::sqrt(in_dim);
    const ValueId a_IR = scope.Param(absl::StrCat(config_.name, "_a"),
                                     {config_.in_dim, config_.rank}, Initializer::Normal(std),
                                     {config_.in_name, ""});
    const ValueId b_RO = scope.Param(absl::StrCat(config_.name, "_b"),
                                     {config_.rank, config_.out_dim}, Initializer::Constant(0),
                                     {"", config_.out_name});
    const ValueId added = graph.MatMul(graph.MatMul(x, a_IR), b_RO);
    return Values{graph.Add(y, Scaled(graph, added, Factor()))};
  }

 private:
  double Factor() const {
    const double rank = static_cast<double>(config_.rank);
    return config_.alpha / (config_.rank_stabilized ? std::sqrt(rank) : rank);
  }

  LowRankAdapterConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewLowRankAdapterModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(LowRankAdapterConfig fields, ReadLowRankAdapterConfig(config));
  for (const char c : fields.name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_') continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "LowRankAdapter: name: expected letters, digits and _, got '", fields.name, "'"));
  }
  return std::make_unique<LowRankAdapter>(std::move(fields));
}

}  // namespace tessera
