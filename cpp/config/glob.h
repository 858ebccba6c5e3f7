// Patterns of config paths: `model.decoder.**.norm`.
//
// Parts are separated by dots. `*` within a part stands for any characters of it, a part `**` for
// any number of parts, none included. Indexes are characters of their part: `layers[2]`,
// `layers[*]`. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tessera {

bool MatchesConfigPath(std::string_view pattern, std::string_view path);

// How many parts of the pattern match the start of the path, counted up to its first `**`; for
// errors that say how far a pattern got.
size_t MatchedParts(std::string_view pattern, std::string_view path);

}  // namespace tessera
