// HashGate: the k experts e with the largest h(v E + e), v the token's id; weights 1 / k.
//
//   h(z) = (((c3 z + c2) z + c1) z + c0) mod p,  p = 2^31 - 1
// is one of the 4-wise independent functions of Wegman and Carter, 1981; its coefficients follow
// from the seed. Choosing the largest of one hash for each expert (rendezvous hashing, Thaler and
// Ravishankar, 1998) gives k different experts. Routing by hash: Roller et al., Hash Layers, arXiv
// 2106.04426, their random hash, with k = 1. Nothing is learned. Scores are the weights of those
// chosen, so that balance losses are constants; the model must have token ids.

#include "absl/strings/str_cat.h"
#include "cpp/base/philox.h"
#include "cpp/base/status_macros.h"
#include "cpp/moe/internal/routing.h"
#include "cpp/nn/module.h"
#include "gen/config/hash_gate.h"

namespace tessera {
namespace {

constexpr int64_t kPrime = 2147483647;

class HashGate : public Module {
 public:
  explicit HashGate(HashGateConfig config) : config_(std::move(config)) {}

  absl::StatusOr<Values> Build(Scope& scope, const Values& inputs) const override {
    RETURN_IF_ERROR(CheckGateInputs(scope, inputs));
    Graph& graph = scope.graph();
    const Dims tokens = LeadingDims(graph, inputs[0]);
    const ValueId ids = scope.Ambient("tokens");
    RETURN_IF_ERROR(graph.status());
    if (graph.dims(ids) != tokens) {
      return absl::InvalidArgumentError(
          absl::StrCat("HashGate: expected one token id for each token, ", ToText(tokens),
                       ", got ", graph.type(ids).ToText()));
    }
    const DType dtype = RouterDType(scope);
    Routing routing;
    routing.ids = ChooseLargest(graph, Hashes(graph, ids), config_.top_k);
    RETURN_IF_ERROR(graph.status());
    const double share = 1.0 / static_cast<double>(config_.top_k);
    routing.weights = graph.Constant(share, dtype, Dims(graph.dims(routing.ids)));
    routing.scores = Place(graph, routing.weights, routing.ids, config_.num_experts);
    RETURN_IF_ERROR(graph.status());
    routing.logits = graph.Constant(0, dtype, Dims(graph.dims(routing.scores)));
    return routing.ToValues();
  }

 private:
  // i32[..., E]: below p, so that i64 holds every product and i32 every hash.
  ValueId Hashes(Graph& graph, ValueId ids) const {
    const auto constant = [&](int64_t value) {
      return graph.Constant(static_cast<double>(value), DType::kI64);
    };
    const auto below_p = [&](ValueId x) { return graph.Op("mod", {x, constant(kPrime)}); };
    Dims column = graph.dims(ids);
    column.push_back(Dim(1));
    const ValueId every = graph.Op(
        "arange", {}, {{"shape", absl::StrCat(config_.num_experts)}, {"dtype", "i64"}});
    const ValueId first =
        graph.Mul(graph.Reshape(graph.Cast(ids, DType::kI64), column),
                  constant(config_.num_experts));
    const ValueId z = below_p(graph.Add(first, every));
    ValueId hash = constant(Coefficient(3));
    for (const uint64_t power : {2, 1, 0}) {
      hash = below_p(graph.Add(graph.Mul(hash, z), constant(Coefficient(power))));
    }
    return graph.Cast(hash, DType::kI32);
  }

  int64_t Coefficient(uint64_t power) const {
    const uint64_t bits = PhiloxU64(static_cast<uint64_t>(config_.seed), 0, power);
    return 1 + static_cast<int64_t>(bits % (kPrime - 1));
  }

  HashGateConfig config_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Module>> NewHashGateModule(const ConfigNode& config) {
  ASSIGN_OR_RETURN(HashGateConfig fields, ReadHashGateConfig(config));
  return std::make_unique<HashGate>(std::move(fields));
}

}  // namespace tessera
