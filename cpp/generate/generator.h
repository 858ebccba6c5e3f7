// Generator: continues a text with a language model, one token at a time, over key/value caches.
//
// It holds two programs of the same decode function: one for the prompt (several tokens at once, in
// pieces of a fixed length), one for single tokens. Parameters are shared with whoever made the
// store. One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cpp/data/tokenizer.h"
#include "cpp/generate/environment.h"
#include "cpp/generate/sampler.h"
#include "cpp/ir/program.h"

namespace tessera {

struct GenerateOptions {
  int64_t max_tokens = 256;
  SamplingOptions sampling;
};

class Generator {
 public:
  // `decode` is the compiled decode program (arguments tokens, positions, start); `parameters`
  // holds its parameters. `max_positions`: 0, or how many positions the model has learned.
  static absl::StatusOr<std::unique_ptr<Generator>> Create(
      const Environment& environment, std::shared_ptr<const Program> decode,
      std::shared_ptr<SlotStore> parameters, std::shared_ptr<const Tokenizer> tokenizer,
      int64_t max_positions);

  // Receives the text that each token settles, "" while a character is not whole; returns false to
  // stop, which leaves the text as it is. Together the pieces are the text.
  using Sink = std::function<bool(std::string_view piece)>;

  // The continuation. INVALID_ARGUMENT: bad options, a prompt the tokenizer cannot encode, prompt
  // and max_tokens beyond the learned positions. An empty prompt starts from token 0.
  absl::StatusOr<std::string> Generate(std::string_view prompt, const GenerateOptions& options,
                                       const Sink& sink = {});

 private:
  Generator() = default;
  absl::Status Prepare(int64_t capacity);
  absl::Status Feed(Executor& executor, absl::Span<const int32_t> tokens, int64_t start,
                    std::vector<float>& last_logits);

  Environment environment_;
  std::shared_ptr<const Program> program_;
  std::shared_ptr<SlotStore> parameters_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  int64_t max_positions_ = 0;
  int64_t capacity_ = 0;   // S of the caches
  std::shared_ptr<SlotStore> store_;   // parameters, weights and caches of this capacity
  std::unique_ptr<Executor> prompt_, single_;
};

}  // namespace tessera
