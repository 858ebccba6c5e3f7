// y = independent uniform numbers in [low, high).
//
// An element follows from the key and its global index, offset * (elements per slice of the leading
// dim) + index in y, by Philox4x32-10: how y is split over ranks or threads cannot change it.
#include "cpp/ir/op_def.h"

namespace tessera {

OpDef RandomUniformOp() {
  return OpDef("random_uniform")
      .Doc("y = independent uniform numbers in [low, high)")
      .Signature("key[4], offset[] -> y[{shape...}]")
      .InputDTypes("key: u32, offset: i64")
      .Attr("shape", "", "dims of the result, such as \"B,T\"; empty: a scalar")
      .Attr("dtype", "f32", "of the result")
      .Attr("low", 0.0, "the least value")
      .Attr("high", 1.0, "what values stay below")
      .OutputDTypeAttr("dtype")
      .NoGradient();
}

}  // namespace tessera
