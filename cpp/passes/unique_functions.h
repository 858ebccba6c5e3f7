// UniqueFunctions: one function for all that are structurally equal, whatever made them.
//
// Layers that are traced apart (configs that differ in what does not matter) or cut by different
// questions often come out the same; each function is then differentiated and planned once. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cpp/ir/function.h"

namespace tessera {

class UniqueFunctions {
 public:
  // The first function that was given and is equal to this one.
  FunctionRef Of(const FunctionRef& function) {
    FunctionRef& known = by_pointer_[function];
    if (known != nullptr) return known;
    std::vector<FunctionRef>& candidates = by_hash_[function->Hash()];
    for (const FunctionRef& candidate : candidates) {
      if (StructurallyEqual(*candidate, *function)) return known = candidate;
    }
    candidates.push_back(function);
    return known = function;
  }

 private:
  std::map<FunctionRef, FunctionRef> by_pointer_;
  std::map<uint64_t, std::vector<FunctionRef>> by_hash_;
};

}  // namespace tessera
