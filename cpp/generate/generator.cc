#include "cpp/generate/generator.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"
#include "cpp/data/continuation.h"

namespace tessera {
namespace {

// Tokens of the prompt that are read at once. The rest of the last piece is padding that the next
// token overwrites in the cache before anything can see it.
constexpr int64_t kPromptPiece = 32;
// Capacities are rounded up, so that similar requests share a plan.
constexpr int64_t kCapacityStep = 128;

absl::Status FillInt32(const Executor& executor, std::string_view name, int64_t count,
                       const std::function<int32_t(int64_t)>& value) {
  const int slot = executor.program().FindSlot(name, SlotKind::kInput);
  if (slot < 0) return absl::OkStatus();  // a model without positions does not read them
  ASSIGN_OR_RETURN(Tensor tensor, executor.SlotTensor(slot));
  RET_CHECK_EQ(tensor.count(), count);
  for (int64_t i = 0; i < count; ++i) tensor.data_as<int32_t>()[i] = value(i);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Generator>> Generator::Create(
    const Environment& environment, std::shared_ptr<const Program> decode,
    std::shared_ptr<SlotStore> parameters, std::shared_ptr<const Tokenizer> tokenizer,
    int64_t max_positions) {
  if (tokenizer == nullptr) {
    return absl::FailedPreconditionError(
        "generate: the model has no tokenizer (it was trained on token files)");
  }
  RET_CHECK(!decode->result_slots.empty()) << "decode program has no logits";
  auto generator = std::unique_ptr<Generator>(new Generator());
  generator->environment_ = environment;
  generator->program_ = std::move(decode);
  generator->parameters_ = std::move(parameters);
  generator->tokenizer_ = std::move(tokenizer);
  generator->max_positions_ = max_positions;
  return generator;
}

absl::Status Generator::Prepare(int64_t capacity) {
  capacity = (capacity + kPromptPiece + kCapacityStep - 1) / kCapacityStep * kCapacityStep;
  if (capacity <= capacity_) {
    // Parameters may have moved since; their weights in compute dtype follow.
    return single_->Run({ActionKind::kRefresh});
  }
  store_ = std::make_shared<SlotStore>();
  for (const ProgramParam& param : program_->params) {
    const Tensor tensor = parameters_->Find(SlotKind::kParam, param.path);
    RET_CHECK(tensor.defined()) << param.path << " is not loaded";
    RETURN_IF_ERROR(store_->Put(SlotKind::kParam, param.path, tensor));
  }
  ExecutorOptions options;
  options.isa = environment_.isa;
  options.memory_limit_bytes = environment_.memory_limit_bytes;
  options.sizes = {{"B", 1}, {"T", kPromptPiece}, {"S", capacity}};
  ASSIGN_OR_RETURN(prompt_, Executor::Create(program_, *environment_.kernels, environment_.pool,
                                             store_, options));
  options.sizes["T"] = 1;
  ASSIGN_OR_RETURN(single_, Executor::Create(program_, *environment_.kernels, environment_.pool,
                                             store_, options));
  capacity_ = capacity;
  return single_->Run({ActionKind::kRefresh});
}

absl::Status Generator::Feed(Executor& executor, absl::Span<const int32_t> tokens, int64_t start,
                             std::vector<float>& last_logits) {
  const int64_t room = &executor == single_.get() ? 1 : kPromptPiece;
  const int64_t count = static_cast<int64_t>(tokens.size());
  const int64_t last_position = max_positions_ > 0 ? max_positions_ - 1 : INT32_MAX;
  RETURN_IF_ERROR(FillInt32(executor, "tokens", room,
                            [&](int64_t i) { return i < count ? tokens[i] : 0; }));
  RETURN_IF_ERROR(FillInt32(executor, "positions", room, [&](int64_t i) {
    return static_cast<int32_t>(std::min(start + i, last_position));
  }));
  RETURN_IF_ERROR(FillInt32(executor, "start", 1,
                            [&](int64_t) { return static_cast<int32_t>(start); }));
  RETURN_IF_ERROR(executor.Run({ActionKind::kForward}));
  ASSIGN_OR_RETURN(const Tensor logits, executor.SlotTensor(program_->result_slots[0]));
  const int64_t vocab = logits.dims.back();
  last_logits.resize(static_cast<size_t>(vocab));
  for (int64_t i = 0; i < vocab; ++i) {
    last_logits[i] = static_cast<float>(logits.At((count - 1) * vocab + i));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Generator::Generate(std::string_view prompt,
                                                const GenerateOptions& options, const Sink& sink) {
  RETURN_IF_ERROR(CheckSamplingOptions(options.sampling));
  if (options.max_tokens < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_tokens: expected 0 or more, got ", options.max_tokens));
  }
  ASSIGN_OR_RETURN(std::vector<int32_t> tokens, tokenizer_->EncodeIds(prompt));
  Continuation continuation(*tokenizer_, tokens);
  if (tokens.empty()) tokens.push_back(0);
  const int64_t total = static_cast<int64_t>(tokens.size()) + options.max_tokens;
  if (max_positions_ > 0 && total > max_positions_) {
    return absl::InvalidArgumentError(
        absl::StrCat("generate: the prompt has ", tokens.size(), " tokens and max_tokens is ",
                     options.max_tokens, "; the model has learned ", max_positions_,
                     " positions in all"));
  }
  RETURN_IF_ERROR(Prepare(total));
  std::vector<float> logits;
  int64_t start = 0;
  for (; start < static_cast<int64_t>(tokens.size()); start += kPromptPiece) {
    const int64_t count = std::min<int64_t>(kPromptPiece, tokens.size() - start);
    RETURN_IF_ERROR(Feed(*prompt_, absl::MakeSpan(tokens).subspan(start, count), start, logits));
  }
  start = static_cast<int64_t>(tokens.size());
  Sampler sampler(options.sampling);
  std::string text;
  for (int64_t i = 0; i < options.max_tokens; ++i) {
    const int32_t token = sampler.Sample(logits, i);
    const bool is_last = i + 1 == options.max_tokens;
    std::string piece = continuation.Append(token);
    if (is_last) piece += continuation.Finish();
    text += piece;
    if (sink && !sink(piece)) break;
    if (is_last) break;
    RETURN_IF_ERROR(Feed(*single_, {&token, 1}, start + i, logits));
  }
  return text;
}

}  // namespace tessera
