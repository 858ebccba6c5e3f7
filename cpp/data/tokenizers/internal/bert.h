// What BERT's tokenizer asks of characters, with the answers of the public tokenizers library: its
// categories are those of Unicode 8, so that later characters are none of these. Pure functions;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tessera {

bool IsBertPunctuation(uint32_t code);   // each is a word of its own
bool IsBertRemoved(uint32_t code);       // by clean_text: controls, what has no form, U+FFFD
bool IsBertAccent(uint32_t code);        // marks that take no room
bool IsBertIdeograph(uint32_t code);     // each gets blanks around it

}  // namespace tessera
