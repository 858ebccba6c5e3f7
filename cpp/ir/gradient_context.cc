#include "cpp/ir/gradient_context.h"

namespace tessera {

ValueId GradientContext::cotangent(size_t i) {
  if (cotangents_[i] == kNoValue && graph_.ok()) {
    const ValueType type = output_type(i);
    cotangents_[i] = graph_.Constant(0, type.dtype, type.dims);
  }
  return cotangents_[i];
}

}  // namespace tessera
