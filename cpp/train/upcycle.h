// Experts from a dense feed-forward, and back: how a run that starts from a checkpoint makes the
// parameters of one kind of those of the other.
//
//   copies       expert_e = the dense layer, for every e
//   parts        experts g times narrower than it: expert_e has part e mod g of its hidden width,
//                and the router's columns of the g experts from g * (e / g) on are one, so that
//                a token which visits k = g of them visits all parts of it
//   merged       the dense layer = the mean of the copies, or of the copies of each part
//   kept         fewer experts, those that are named (trainer.init_keep_experts), with their
//                columns of the router
// With weights that sum to 1, parts have weight 1 / g: their outputs grow by g (ExpertScaling, in
// trainer.init_experts). Biases of down_proj are added once for each part with weight 1 / g, and
// stay. Sources: sparse upcycling, Komatsuzaki et al., arXiv 2212.05055; granular upcycling with
// virtual groups and scaling, He et al., arXiv 2410.07524. Stateless.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cpp/ckpt/checkpoint_reader.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/program.h"
#include "gen/config/enums.h"

namespace tessera {

struct ExpertsOfParameter {
  std::string mixture;       // where the layer stands in the model
  std::string name;          // of the parameter in one feed-forward: "up_proj/weight"
  std::string source;        // the checkpoint's parameter of which it is made
  bool merges = false;       // dense from experts
  int64_t experts = 1;
  int64_t parts = 1;         // of this parameter
  int64_t layer_parts = 1;   // of the feed-forward
  size_t split_dim = 0;      // of the dense parameter
};

// Nothing when the checkpoint has the parameter itself, or nothing that it could be made of.
std::optional<ExpertsOfParameter> FindExperts(const Program& program, const ProgramParam& param,
                                              const CheckpointReader& reader);

// Fills the parameter in the store.
absl::Status LoadFromExperts(const ExpertsOfParameter& experts, const ProgramParam& param,
                             const CheckpointReader& reader, ExpertScaling scaling,
                             SlotStore& store);

// The dim of the parameter along which it is a part of the checkpoint's, one expert after the other
// of `keep`: of stacked experts the first, of a router the last. Nothing when it is none.
std::optional<size_t> FindKept(const ProgramParam& param, const CheckpointReader& reader,
                               const std::vector<int64_t>& keep);
absl::Status LoadKept(size_t dim, const std::vector<int64_t>& keep, const ProgramParam& param,
                      const CheckpointReader& reader, SlotStore& store);

// Makes the router's columns of the parts of one copy equal where the experts were such.
absl::Status TieRouters(const Program& program, const CheckpointReader& reader, SlotStore& store);

}  // namespace tessera
