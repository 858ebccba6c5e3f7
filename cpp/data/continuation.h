// Continuation: the text of ids that come one by one after a prompt.
//
// Text of a token depends on its neighbours: a blank before a word stays or falls by what stands
// before it, a character may be several tokens. So ids are decoded with some before them, and only
// what later ids cannot change is given out (Tokenizer::Settled). All pieces together are the text
// of the prompt's ids and the new ones without that of the prompt's. One thread at a time.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "cpp/data/tokenizer.h"

namespace tessera {

class Continuation {
 public:
  // The tokenizer outlives this. Bytes at the end of a prompt are whole characters: they do not
  // join with what follows.
  Continuation(const Tokenizer& tokenizer, absl::Span<const int32_t> prompt);

  // Takes the next id and returns the text that is settled by it.
  std::string Append(int32_t id);
  // The rest, as it is when no more ids come.
  std::string Finish();

 private:
  std::string TakeUntil(size_t settled);

  const Tokenizer& tokenizer_;
  std::vector<int32_t> ids_;  // those given out that the next ones need before them, and the rest
  size_t given_ = 0;          // how many of ids_ are given out
};

}  // namespace tessera
