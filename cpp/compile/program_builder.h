// ProgramBuilder: bookkeeping of slots, functions and calls while a Program is put together.
// Used by compiler.cc only. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cpp/ir/program.h"
#include "cpp/passes/unique_functions.h"

namespace tessera {

class ProgramBuilder {
 public:
  Program& program() { return *program_; }
  std::shared_ptr<Program> Release() { return std::move(program_); }

  int AddSlot(std::string name, SlotKind kind, ValueType type, bool per_micro_batch,
              int param = -1) {
    program_->slots.push_back({std::move(name), kind, std::move(type), per_micro_batch, param});
    return static_cast<int>(program_->slots.size()) - 1;
  }

  // Equal functions get the same index, so that each is planned once.
  int FunctionIndex(const FunctionRef& function) {
    const FunctionRef unique = unique_.Of(function);
    const auto [it, is_new] =
        function_index_.try_emplace(unique, static_cast<int>(program_->functions.size()));
    if (is_new) program_->functions.push_back(unique);
    return it->second;
  }

  int AddCall(const FunctionRef& function, std::string at, std::vector<int> inputs,
              std::vector<int> outputs) {
    program_->calls.push_back(
        {FunctionIndex(function), std::move(at), std::move(inputs), std::move(outputs)});
    return static_cast<int>(program_->calls.size()) - 1;
  }

  void Schedule(ActionKind kind, int call, int micro_batch = 0, int segment = -1) {
    program_->schedule.push_back({kind, call, micro_batch, segment, -1});
  }
  // The value in a slot becomes the sum of all ranks'.
  void ScheduleReduce(int slot, int micro_batch) {
    program_->schedule.push_back({ActionKind::kReduceSlot, -1, micro_batch, -1, slot});
  }

 private:
  std::shared_ptr<Program> program_ = std::make_shared<Program>();
  UniqueFunctions unique_;
  std::map<FunctionRef, int> function_index_;
};

}  // namespace tessera
