// Philox4x32-10: a counter-based random generator, as plain inline functions.
//
// Block(key, counter) is a fixed bijection of 128-bit counters for every 64-bit key, so a random
// number belongs to a position (seed, step, path, element index) and not to a stream that somebody
// must carry along: sharding, thread count and order of evaluation cannot change it. Not for
// cryptography. Who makes keys of names and steps: HashBytes (hash.h). Pure functions: thread-safe.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
// One round maps (c0, c1, c2, c3) with round key (k0, k1) to
//   (hi(M1*c2) ^ c1 ^ k0,  lo(M1*c2),  hi(M0*c0) ^ c3 ^ k1,  lo(M0*c0))
// and the round key then grows by (W0, W1): the golden ratio and sqrt(3) - 1 as fractions of 2^32.
#pragma once

#include <array>
#include <cstdint>

namespace tessera::philox {

using Words4 = std::array<uint32_t, 4>;
using Words2 = std::array<uint32_t, 2>;

inline constexpr uint32_t kMultiplier0 = 0xD2511F53u;
inline constexpr uint32_t kMultiplier1 = 0xCD9E8D57u;
inline constexpr uint32_t kWeyl0 = 0x9E3779B9u;
inline constexpr uint32_t kWeyl1 = 0xBB67AE85u;
inline constexpr int kRounds = 10;

// The four words at `counter`.
constexpr Words4 Block(Words2 key, Words4 counter) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<uint32_t>(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

// The four words that serve elements 4 * block .. 4 * block + 3 of the stream named by four key
// words: two are the key, two the upper half of the counter.
constexpr Words4 ElementBlock(const Words4& key, uint64_t block) {
  return Block({key[0], key[1]}, {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                  key[2], key[3]});
}

// The word of one element, by its global index.
constexpr uint32_t ElementWord(const Words4& key, uint64_t element_index) {
  return ElementBlock(key, element_index / 4)[element_index % 4];
}

// 64 random bits of one element: words 0 and 1, or 2 and 3, of block element_index / 2.
constexpr uint64_t ElementWord64(const Words4& key, uint64_t element_index) {
  const Words4 words = ElementBlock(key, element_index / 2);
  const unsigned at = element_index % 2 == 0 ? 0 : 2;
  return uint64_t{words[at + 1]} << 32 | words[at];
}

// [0, 1) in steps of 2^-24: exact in fp32, and never 1.
constexpr float UnitFloat(uint32_t word) { return static_cast<float>(word >> 8) * 0x1.0p-24f; }

// [0, 1) in steps of 2^-53.
constexpr double UnitDouble(uint64_t word) {
  return static_cast<double>(word >> 11) * 0x1.0p-53;
}

// An unbiased-enough index in [0, count): the high half of a 64 x 64 bit product, whose bias is
// below count / 2^64. 0 when count is 0.
constexpr uint64_t Below(uint64_t word, uint64_t count) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((Wide{word} * count) >> 64);
}

}  // namespace tessera::philox

namespace tessera {

// 64 random bits at (high, low) of the stream `key`: words 0 and 1 of the block.
constexpr uint64_t PhiloxU64(uint64_t key, uint64_t high, uint64_t low) {
  const philox::Words4 words = philox::Block(
      {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)},
      {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(high),
       static_cast<uint32_t>(high >> 32)});
  return uint64_t{words[1]} << 32 | words[0];
}

}  // namespace tessera
