// Projection: the matrix product with optional bias that several modules are made of.
//
// Not a module of its own: it writes parameters "<name>/weight" [in, out] and "<name>/bias" [out]
// into the scope of the module that calls it. For a slot, use the module Linear.
#pragma once

#include <string>
#include <vector>

#include "cpp/nn/scope.h"

namespace tessera {

struct ProjectionSpec {
  std::string name;         // "q_proj"; empty: parameters are "weight" and "bias"
  int64_t in = 0;
  int64_t out = 0;
  bool bias = false;
  double init_std = 0.02;
  std::vector<std::string> logical_dims;   // of the weight, {"embed", "heads"}
};

// x[..., in] -> [..., out]
ValueId Project(Scope& scope, const ProjectionSpec& spec, ValueId x);

}  // namespace tessera
