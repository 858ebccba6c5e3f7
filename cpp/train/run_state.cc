#include "cpp/train/run_state.h"

#include <array>
#include <charconv>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// Texts one after another, each with its length in front: "5:hello3:abc".
constexpr std::string_view kDataHeading = "tessera data state 1\n";
constexpr std::string_view kRunHeading = "tessera run state 1\n";

void AppendText(std::string_view text, std::string& out) {
  absl::StrAppend(&out, text.size(), ":", text);
}

absl::StatusOr<std::string> TakeText(std::string_view& rest) {
  size_t length = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), length);
  const size_t digits = static_cast<size_t>(parsed.ptr - rest.data());
  if (parsed.ec != std::errc() || digits >= rest.size() || rest[digits] != ':' ||
      length > rest.size() - digits - 1) {
    return absl::DataLossError("data state: cut off or not written by a trainer");
  }
  std::string text(rest.substr(digits + 1, length));
  rest.remove_prefix(digits + 1 + length);
  return text;
}

absl::StatusOr<std::string_view> WithoutHeading(std::string_view bytes, std::string_view heading) {
  if (!absl::StartsWith(bytes, heading)) {
    return absl::DataLossError(
        "data state: expected that of a trainer; was the checkpoint written by something else?");
  }
  return bytes.substr(heading.size());
}

}  // namespace

CheckpointInfo ToCheckpointInfo(const RunState& state) {
  CheckpointInfo info;
  info.step = state.step;
  info.optimizer = {{"update_count", state.update_count}};
  info.data_state = kDataHeading;
  AppendText(state.loader_state, info.data_state);
  AppendText(state.packed_tokenizer, info.data_state);
  info.data = {{"position", state.data_position}, {"tokens", state.tokens}};
  info.rng_seed = state.seed;
  info.rng_step = state.step;
  info.config = state.config_bytes;
  info.numerics_fingerprint = state.numerics_fingerprint;
  return info;
}

absl::StatusOr<RunState> RunStateOf(const CheckpointInfo& info) {
  RunState state;
  state.step = info.step;
  state.update_count = info.optimizer.Int("update_count", info.step);
  state.tokens = info.data.Int("tokens");
  state.data_position = info.data.Int("position");
  state.seed = info.rng_seed;
  state.numerics_fingerprint = info.numerics_fingerprint;
  state.config_bytes = info.config;
  ASSIGN_OR_RETURN(std::string_view rest, WithoutHeading(info.data_state, kDataHeading));
  ASSIGN_OR_RETURN(state.loader_state, TakeText(rest));
  ASSIGN_OR_RETURN(state.packed_tokenizer, TakeText(rest));
  if (state.step < 0 || state.update_count < 0 || state.tokens < 0) {
    return absl::DataLossError("run state: a count is negative");
  }
  return state;
}

absl::StatusOr<std::string> PackedTokenizerOf(const CheckpointInfo& info) {
  if (info.data_state.empty()) return std::string();
  ASSIGN_OR_RETURN(RunState state, RunStateOf(info));
  return std::move(state.packed_tokenizer);
}

std::string EncodeRunState(const RunState& state) {
  std::string bytes(kRunHeading);
  for (int64_t number : {state.step, state.update_count, state.tokens,
                         static_cast<int64_t>(state.seed), state.data_position}) {
    AppendText(absl::StrCat(number), bytes);
  }
  for (const std::string* text : {&state.loader_state, &state.packed_tokenizer,
                                  &state.numerics_fingerprint, &state.config_bytes}) {
    AppendText(*text, bytes);
  }
  return bytes;
}

absl::StatusOr<RunState> DecodeRunState(std::string_view bytes) {
  ASSIGN_OR_RETURN(std::string_view rest, WithoutHeading(bytes, kRunHeading));
  std::array<int64_t, 5> numbers{};
  for (int64_t& number : numbers) {
    ASSIGN_OR_RETURN(const std::string text, TakeText(rest));
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) {
      return absl::DataLossError("run state: a number cannot be read");
    }
  }
  RunState state;
  state.step = numbers[0];
  state.update_count = numbers[1];
  state.tokens = numbers[2];
  state.seed = static_cast<uint64_t>(numbers[3]);
  state.data_position = numbers[4];
  for (std::string* text : {&state.loader_state, &state.packed_tokenizer,
                            &state.numerics_fingerprint, &state.config_bytes}) {
    ASSIGN_OR_RETURN(*text, TakeText(rest));
  }
  return state;
}

}  // namespace tessera
