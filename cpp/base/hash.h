// Stable 64-bit hashes of bytes: the same on every machine and in every version.
//
// For structural keys, random keys by path, and file names of caches. Not cryptographic.
#pragma once

#include <cstdint>
#include <string_view>

namespace tessera {

// The final mixing step of splitmix64 (Steele, Lea, Flood 2014): a bijection of 64-bit words.
constexpr uint64_t MixBits(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// FNV-1a over the bytes, started from a mixed seed and mixed at the end.
constexpr uint64_t HashBytes(std::string_view bytes, uint64_t seed = 0) {
  uint64_t hash = 0xcbf29ce484222325u ^ MixBits(seed);
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return MixBits(hash ^ bytes.size());
}

}  // namespace tessera
