// RandomSuffix: eight hexadecimal digits for names of temporary files.
//
// Not for cryptography and not for training, whose random numbers are reproducible (base/rng.h).
// Two processes, and two calls in one, get different ones but for chance. Thread-safe.
#pragma once

#include <string>

namespace tessera {

std::string RandomSuffix();

}  // namespace tessera
