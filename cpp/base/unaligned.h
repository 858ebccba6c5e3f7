// Reading numbers from bytes that a stranger laid out.
//
// The FlatBuffers verifier proves that a vector lies inside its buffer and that its length is
// aligned; elements wider than the length may still stand at any multiple of four. Reading such a
// vector in place is undefined, copying it is not.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

namespace tessera {

// Number `index` of those that start at `bytes`, wherever that is.
template <typename T>
T ReadUnaligned(const void* bytes, size_t index = 0) {
  T number;
  std::memcpy(&number, static_cast<const char*>(bytes) + index * sizeof(T), sizeof(T));
  return number;
}

// `count` of them.
template <typename T>
std::vector<T> CopyUnaligned(const void* bytes, size_t count) {
  std::vector<T> numbers(count);
  if (count > 0) std::memcpy(numbers.data(), bytes, count * sizeof(T));
  return numbers;
}

}  // namespace tessera
