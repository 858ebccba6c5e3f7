#include "cpp/generate/initial_values.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "cpp/base/hash.h"

namespace tessera {
namespace {

constexpr uint64_t kInitialValues = 1;  // purpose of the key
constexpr int64_t kTaskElements = 1 << 14;  // even: pairs are not cut

struct Filling {
  const Initializer* init;
  philox::Words4 key;
  Tensor* tensor;
};

void Put(const Filling& filling, int64_t i, double value) {
  filling.tensor->Put(i, filling.init->mean + filling.init->stddev * value);
}

// Normal by Box-Muller in fp64: element 2i takes the cosine, element 2i + 1 the sine of pair i.
void FillNormal(const Filling& filling, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i += 2) {
    const philox::Words4 words =
        philox::ElementBlock(filling.key, static_cast<uint64_t>(i) / 2);
    const double u1 =
        1.0 - philox::UnitDouble(uint64_t{words[1]} << 32 | words[0]);  // (0, 1]: a finite log
    const double u2 = philox::UnitDouble(uint64_t{words[3]} << 32 | words[2]);
    const double radius = std::sqrt(-2.0 * std::log(u1));
    const double angle = 2.0 * std::numbers::pi * u2;
    Put(filling, i, radius * std::cos(angle));
    if (i + 1 < end) Put(filling, i + 1, radius * std::sin(angle));
  }
}

void FillUniform(const Filling& filling, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const uint64_t word = philox::ElementWord64(filling.key, static_cast<uint64_t>(i));
    Put(filling, i, 2 * philox::UnitDouble(word) - 1);
  }
}

void FillConstant(const Filling& filling, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) filling.tensor->Put(i, filling.init->mean);
}

template <void (*fill)(const Filling&, int64_t, int64_t)>
absl::Status FillInTasks(Filling filling, ThreadPool* pool) {
  const int64_t count = filling.tensor->count();
  const auto run = [](void* context, int64_t task) {
    const auto& part = *static_cast<const Filling*>(context);
    const int64_t begin = task * kTaskElements;
    fill(part, begin, std::min(begin + kTaskElements, part.tensor->count()));
  };
  if (pool == nullptr) {
    fill(filling, 0, count);
    return absl::OkStatus();
  }
  if (pool->Run((count + kTaskElements - 1) / kTaskElements, run, &filling)) {
    return absl::OkStatus();
  }
  return absl::InternalError(absl::StrCat("initialiser: ", pool->last_error()));
}

}  // namespace

philox::Words4 RandomKey(uint64_t seed, uint64_t purpose, std::string_view path) {
  const uint64_t low = HashBytes(path, seed);
  const uint64_t high = HashBytes(path, MixBits(seed ^ MixBits(purpose)));
  return {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
          static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
}

absl::Status FillInitialValues(const Initializer& init, uint64_t seed, std::string_view path,
                               ThreadPool* pool, Tensor& tensor) {
  const Filling filling{&init, RandomKey(seed, kInitialValues, path), &tensor};
  if (init.kind == "normal") return FillInTasks<FillNormal>(filling, pool);
  if (init.kind == "uniform") return FillInTasks<FillUniform>(filling, pool);
  if (init.kind == "constant") {
    if (init.mean == 0) return absl::OkStatus();  // untouched pages stay free
    return FillInTasks<FillConstant>(filling, pool);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "initialiser: expected constant, normal or uniform, got '", init.kind, "'"));
}

}  // namespace tessera
