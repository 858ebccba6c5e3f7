// Environment: what a runtime lends to whatever compiles and runs programs: tables, threads, the
// instruction set, the group of ranks. Borrowed pointers; the runtime outlives its users.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cpp/device/communicator.h"
#include "cpp/exec/executor.h"
#include "cpp/ir/op_table.h"
#include "cpp/nn/tracer.h"

namespace tessera {

class AddedSources;   // cpp/data/source.h
class Optimizer;      // cpp/optim
class Schedule;
class StoreTable;     // cpp/ckpt/store_table.h
template <typename Part>
class PartTable;      // cpp/config/part_table.h

struct Environment {
  const OpTable* ops = nullptr;
  const ModuleTable* modules = nullptr;
  const KernelTable* kernels = nullptr;
  // What the host has added; null: nothing.
  const PartTable<Optimizer>* optimizers = nullptr;
  const PartTable<Schedule>* schedules = nullptr;
  const AddedSources* sources = nullptr;
  const StoreTable* stores = nullptr;    // of checkpoints
  ThreadPool* pool = nullptr;
  Communicator* communicator = nullptr;  // null: one rank
  int isa = TSR_ISA_REFERENCE;           // already capped by what the machine has
  std::string cpu;                       // model of the processor; empty: not known
  int64_t memory_limit_bytes = 0;

  int rank() const { return communicator == nullptr ? 0 : communicator->rank(); }
  int world() const { return communicator == nullptr ? 1 : communicator->size(); }
};

}  // namespace tessera
