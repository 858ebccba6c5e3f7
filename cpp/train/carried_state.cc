#include "cpp/train/carried_state.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "cpp/base/status_macros.h"

namespace tessera {
namespace {

// One for all: messages of a rank arrive in the order in which they are sent.
constexpr int kStateTag = 0;

int WorldOf(Communicator* communicator) {
  return communicator == nullptr ? 1 : communicator->size();
}

absl::StatusOr<WholeStates> Zeros(const TrainStep& step, int world) {
  WholeStates whole;
  for (const TrainStep::Carried& carried : step.carried()) {
    const Tensor& part = carried.parts[0];
    std::vector<int64_t> dims = part.dims;
    dims[0] *= static_cast<int64_t>(carried.parts.size()) * world;
    ASSIGN_OR_RETURN(Tensor rows, Tensor::Zeros(part.dtype, dims));
    whole.push_back({carried.path, std::move(rows)});
  }
  return whole;
}

// Calls `each(part, rank, its place in the whole)`; the place is null without a whole.
template <typename Each>
absl::Status ForEachPart(const TrainStep& step, const WholeStates& whole, int ranks,
                         const Each& each) {
  for (int rank = 0; rank < ranks; ++rank) {
    for (size_t s = 0; s < step.carried().size(); ++s) {
      size_t offset = whole.empty() ? 0 : whole[s].rows.bytes() / ranks * rank;
      for (const Tensor& part : step.carried()[s].parts) {
        char* place = whole.empty() ? nullptr : whole[s].rows.data_as<char>() + offset;
        RETURN_IF_ERROR(each(part, rank, place));
        offset += part.bytes();
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WholeStates> GatherState(const TrainStep& step, Communicator* communicator) {
  const int world = WorldOf(communicator);
  if (world > 1 && communicator->rank() > 0) {
    const auto send = [&](const Tensor& part, int, char*) {
      return communicator->Send(part.data(), static_cast<int64_t>(part.bytes()), 0, kStateTag);
    };
    RETURN_IF_ERROR(ForEachPart(step, {}, 1, send));
    return WholeStates{};
  }
  ASSIGN_OR_RETURN(WholeStates whole, Zeros(step, world));
  const auto take = [&](const Tensor& part, int rank, char* place) -> absl::Status {
    const auto bytes = static_cast<int64_t>(part.bytes());
    if (rank > 0) return communicator->Receive(place, bytes, rank, kStateTag);
    std::memcpy(place, part.data(), part.bytes());
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ForEachPart(step, whole, world, take));
  return whole;
}

absl::Status ScatterState(const WholeStates& whole, Communicator* communicator, TrainStep& step) {
  const int world = WorldOf(communicator);
  if (world > 1 && communicator->rank() > 0) {
    return ForEachPart(step, {}, 1, [&](const Tensor& part, int, char*) {
      return communicator->Receive(part.data(), static_cast<int64_t>(part.bytes()), 0, kStateTag);
    });
  }
  RET_CHECK_EQ(whole.size(), step.carried().size());
  const auto give = [&](const Tensor& part, int rank, char* place) -> absl::Status {
    const auto bytes = static_cast<int64_t>(part.bytes());
    if (rank > 0) return communicator->Send(place, bytes, rank, kStateTag);
    std::memcpy(part.data(), place, part.bytes());
    return absl::OkStatus();
  };
  return ForEachPart(step, whole, world, give);
}

absl::StatusOr<WholeStates> ReadState(const CheckpointReader& reader, const TrainStep& step,
                                      int world, std::string* note) {
  ASSIGN_OR_RETURN(WholeStates whole, Zeros(step, world));
  for (const WholeState& state : whole) {
    const TensorRecord* record = reader.Find(TensorKind::kState, state.path);
    if (record != nullptr && record->dims == state.rows.dims &&
        record->dtype == state.rows.dtype) {
      continue;
    }
    *note = absl::StrCat("state: it begins with zeros, as in a new run: ", state.path, " is ",
                         state.rows.TypeText(), " here, the checkpoint ", reader.path(),
                         record == nullptr ? " does not have it" : " has it in another shape");
    return whole;
  }
  for (const WholeState& state : whole) {
    const std::vector<int64_t> offset(state.rows.dims.size(), 0);
    RETURN_IF_ERROR(reader.ReadBox(TensorKind::kState, state.path, "", offset, state.rows.dims,
                                   state.rows.data(), state.rows.bytes()));
  }
  return whole;
}

}  // namespace tessera
