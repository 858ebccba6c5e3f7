// Environment: what the process is told from outside, turned into options of a runtime.
//
// TESSERA_ISA, and RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT as torchrun and `tessera launch` set
// them. The library itself reads no environment. Reads only; thread-safe as getenv is.
#pragma once

#include <cstdint>
#include <string>

#include "cpp/cli/error.h"
#include "cpp/cli/handles.h"

namespace tessera::cli {

struct Environment {
  std::string isa;
  int64_t rank = 0;
  int64_t world_size = 1;
  std::string master_addr;
  int64_t master_port = 0;
};

// INVALID_ARGUMENT: a variable that is no number or out of range, or a rank without an address.
Error ReadEnvironment(Environment* out);

struct RuntimeWish {
  int64_t threads = 0;     // 0: all the process may use
  int64_t spin_us = 0;
  double timeout_s = 60;
  bool joins_ranks = false;  // meet the other processes of this run
  std::string hardware;      // JSON of a Hardware; empty: this machine
};

// A runtime for the environment.
Error NewRuntime(const Environment& environment, const RuntimeWish& wish, Runtime* out);

// A runtime that computes nothing: for catalogues and configs.
Error NewSmallRuntime(Runtime* out, const std::string& hardware = "");

}  // namespace tessera::cli
