// RandomStream: the Philox words of the elements of a tensor, from the operands key and offset.
//
// The generator itself is base/philox.h. Thread-safe: reads operands only.
#pragma once

#include <cstdint>

#include "cpp/base/philox.h"
#include "kernels/cpu/internal/call.h"

namespace tessera::cpu {

// Words at or above this keep their element. Never 2^32, since a rate is below 1.
inline uint32_t DropoutThreshold(double rate) {
  return rate <= 0 ? 0 : static_cast<uint32_t>(rate * 4294967296.0);
}

class RandomStream {
 public:
  // Key and offset are the operands `first` and first + 1; `tensor` says how large a slice is.
  RandomStream(const tsr_kernel_call* call, int first, const tsr_operand& tensor) {
    const uint32_t* key = In<uint32_t>(call, first);
    key_ = {key[0], key[1], key[2], key[3]};
    const int64_t slice = tensor.rank == 0 ? 1 : CountDims(tensor, 1, tensor.rank);
    origin_ = static_cast<uint64_t>(*In<int64_t>(call, first + 1)) * static_cast<uint64_t>(slice);
  }

  static bool Fits(const tsr_kernel_call* call, int first, char* reason) {
    const tsr_operand& key = call->inputs[first];
    const tsr_operand& offset = call->inputs[first + 1];
    if (TypeOf(key) == DType::kU32 && Count(key) == 4 && TypeOf(offset) == DType::kI64 &&
        Count(offset) == 1) {
      return true;
    }
    Decline(reason, "needs u32 key[4] and i64 offset[]");
    return false;
  }

  // f(element, global index, words of its block, which of the words), in order.
  template <class F>
  void ForBlocks(Range range, const F& f) const {
    philox::Words4 words = {};
    for (int64_t i = range.begin; i < range.end; ++i) {
      const uint64_t index = origin_ + static_cast<uint64_t>(i);
      if (i == range.begin || index % 4 == 0) words = philox::ElementBlock(key_, index / 4);
      f(i, index, words, static_cast<unsigned>(index % 4));
    }
  }

  const philox::Words4& key() const { return key_; }
  uint64_t origin() const { return origin_; }

 private:
  philox::Words4 key_;
  uint64_t origin_ = 0;
};

}  // namespace tessera::cpu
