// The cache with the rows of x written at index start and on, for each batch row; rows beyond the
// cache's end are dropped. The result is the cache's own memory.
#include "cpp/ir/op_def.h"

namespace tessera {

OpDef CacheAppendOp() {
  return OpDef("cache_append")
      .Doc("the cache with x written at `start`, in place")
      .Signature("cache[B, S!, G, D], x[B, T!, G, D], start[B] -> new_cache[B, S, G, D]")
      .InputDTypes("cache: float, x: =cache, start: i32")
      .InPlace({{0, 0}})
      .MustAlias()
      .NoGradient();
}

}  // namespace tessera
