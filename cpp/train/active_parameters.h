// ActiveParameters: how many parameters a token meets on its way through a model.
//
// Of E experts that are stored as one parameter [E, ...] a token meets as many as the plan of its
// layer has rows for each token, top_k of a gate with a fixed number; of everything else all. A
// gate without a fixed number counts with its most. Pure; thread-safe.
#pragma once

#include <cstdint>

#include "cpp/ir/program.h"

namespace tessera {

// REQUIRES: dims of parameters are constants and functions are flat, as compiled.
int64_t ActiveParameters(const Program& program);

}  // namespace tessera
