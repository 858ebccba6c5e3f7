// What the fuzzers share: time, seeds that repeat, and mutations of texts and bytes.
//
// Every round has a seed of its own, which a failure prints; TESSERA_FUZZ_SEED=seed runs that round
// alone. TESSERA_FUZZ_SECONDS is the time per case (default 1.5; 0.3 with TESSERA_SHORT, 60 with
// TESSERA_LONG). Without the first or the last of them no case runs more than kUsualRounds, so that
// a fast machine does not fail by seeds that others never met. Header only; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "cpp/base/hash.h"
#include "gtest/gtest.h"

namespace tessera {

class FuzzRandom {
 public:
  explicit FuzzRandom(uint64_t seed) : random_(seed) {}
  uint64_t Bits() { return random_(); }
  // From 0; 0 when there is nothing to choose from.
  uint64_t Below(uint64_t limit) { return limit == 0 ? 0 : random_() % limit; }
  bool OneIn(uint64_t count) { return Below(count) == 0; }
  template <typename T>
  const T& Pick(const std::vector<T>& items) {
    return items[Below(items.size())];
  }
  // A number that breaks things: small, at a limit, a power of two or any.
  int64_t OddNumber() {
    static constexpr int64_t kOdd[] = {0, 1, -1, 2, 3, 7, 8, -2, 127, 1 << 16, INT32_MAX,
                                       INT32_MIN, int64_t{1} << 40, INT64_MAX, INT64_MIN,
                                       INT64_MAX - 1};
    if (OneIn(8)) return static_cast<int64_t>(Bits());
    return kOdd[Below(std::size(kOdd))];
  }

 private:
  std::mt19937_64 random_;
};

// One to four random changes: flipped bits, cut, doubled and replaced pieces, words put in.
inline std::string Mutated(FuzzRandom& random, std::string text,
                           const std::vector<std::string>& words) {
  const uint64_t count = 1 + random.Below(4);
  for (uint64_t i = 0; i < count; ++i) {
    const size_t at = random.Below(text.size() + 1);
    const size_t length = std::min<size_t>(random.Below(40), text.size() - at);
    switch (random.Below(6)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << random.Below(8)));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(random.Below(text.size() + 1), length));
        break;
      case 3:
        text.insert(at, random.Pick(words));
        break;
      case 4:
        text.replace(at, length, random.Pick(words));
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random.Below(256));
    }
  }
  return text;
}

inline double FuzzSeconds() {
  if (const char* seconds = std::getenv("TESSERA_FUZZ_SECONDS")) return std::atof(seconds);
  if (std::getenv("TESSERA_LONG") != nullptr) return 60;
  return std::getenv("TESSERA_SHORT") != nullptr ? 0.3 : 1.5;
}

inline constexpr uint64_t kUsualRounds = 4000;

inline uint64_t MostFuzzRounds() {
  const bool looks_further = std::getenv("TESSERA_FUZZ_SECONDS") != nullptr ||
                             std::getenv("TESSERA_LONG") != nullptr;
  return looks_further ? UINT64_MAX : kUsualRounds;
}

// Runs `round`, which returns "" or what is wrong, until the time or the rounds are up.
template <typename Round>
void FuzzRounds(Round round) {
  const auto run = [&round](uint64_t seed) {
    FuzzRandom random(seed);
    const std::string wrong = round(random);
    ASSERT_EQ(wrong, "") << "replay with TESSERA_FUZZ_SEED=" << seed;
  };
  if (const char* seed = std::getenv("TESSERA_FUZZ_SEED")) {
    run(std::strtoull(seed, nullptr, 10));
    return;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(FuzzSeconds());
  uint64_t rounds = 0;
  do {
    run(MixBits(rounds++));
    if (testing::Test::HasFatalFailure()) return;
  } while (rounds < MostFuzzRounds() && std::chrono::steady_clock::now() < end);
  testing::Test::RecordProperty("rounds", static_cast<int>(rounds));
}

}  // namespace tessera
