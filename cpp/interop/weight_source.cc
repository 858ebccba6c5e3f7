#include "cpp/interop/weight_source.h"

#include <algorithm>

namespace tessera {

const WeightInfo* WeightSource::Find(std::string_view name) const {
  const std::vector<WeightInfo>& all = weights();
  const auto found = std::lower_bound(
      all.begin(), all.end(), name,
      [](const WeightInfo& weight, std::string_view wanted) { return weight.name < wanted; });
  return found == all.end() || found->name != name ? nullptr : &*found;
}

}  // namespace tessera
