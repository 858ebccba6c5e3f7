// Resolving: fills in what a config leaves open and checks what spans several fields. Internal.
//
// Defaults, default types of slots, dims dictated from above (flows), values that follow others;
// then required fields, divisors and lower bounds. Ranges and types were checked on reading.
// Functions of their arguments alone; thread-safe.
#pragma once

#include <memory>

#include "cpp/config/errors.h"
#include "cpp/config/tree.h"

namespace tessera {

struct ResolveOptions {
  // Off after a syntax error: what is missing may have stood behind it.
  bool require = true;
};

// Changes `root` in place. What `errors` holds already is taken into account: a field that was
// given wrongly is not missing as well.
void ResolveTree(const SchemaRegistry& registry, ConfigNode& root, const ResolveOptions& options,
                 ConfigErrors& errors);

}  // namespace tessera
