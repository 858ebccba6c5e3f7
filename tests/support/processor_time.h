// Limits of time that hold on a busy machine: the time that processors worked for this process
// instead of the time that went by, and the least of a few tries, because neighbours share caches.
#ifndef TESSERA_TESTS_SUPPORT_PROCESSOR_TIME_H_
#define TESSERA_TESTS_SUPPORT_PROCESSOR_TIME_H_

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <limits>

namespace tessera {

inline double ProcessorSeconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

// Sanitizers slow everything down, by factors that say nothing about the code.
inline bool IsSanitized() {
  const char* sanitizer = std::getenv("TESSERA_SANITIZE");
  return sanitizer != nullptr && *sanitizer != '\0';
}

// The least processor time of `work`, tried again (three times in all) only while it takes `limit`.
template <typename Work>
double LeastProcessorSeconds(double limit, const Work& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3 && least >= limit; ++i) {
    const double start = ProcessorSeconds();
    work();
    least = std::min(least, ProcessorSeconds() - start);
  }
  return least;
}

}  // namespace tessera

#endif  // TESSERA_TESTS_SUPPORT_PROCESSOR_TIME_H_
