// y = independent normal numbers, by Box and Muller in fp64.
//
// An element follows from the key and its global index, offset * (elements per slice of the leading
// dim) + index in y, by Philox4x32-10: how y is split over ranks or threads cannot change it.
#include "cpp/ir/op_def.h"

namespace tessera {

OpDef RandomNormalOp() {
  return OpDef("random_normal")
      .Doc("y = independent normal numbers")
      .Signature("key[4], offset[] -> y[{shape...}]")
      .InputDTypes("key: u32, offset: i64")
      .Attr("shape", "", "dims of the result, such as \"B,T\"; empty: a scalar")
      .Attr("dtype", "f32", "of the result")
      .Attr("mean", 0.0, "of the distribution")
      .Attr("stddev", 1.0, "of the distribution")
      .OutputDTypeAttr("dtype")
      .NoGradient();
}

}  // namespace tessera
