// The nearest valid name, for error texts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tessera {

// The name of `names` that `word` most likely meant (edit distance at most a third of its length,
// case ignored), or "".
std::string NearestName(std::string_view word, const std::vector<std::string>& names);

// " (did you mean 'X'?)", or "" when nothing is near.
std::string SuggestionText(std::string_view word, const std::vector<std::string>& names);

}  // namespace tessera
