// ProgramGrower: random main functions over the whole op table, with data for their inputs.
//
// It knows no op by name: lines of the case tables (tests/ops/*.cases) say which attributes and
// domains an op takes, its signature says what its operands share. Leading dims that a signature
// leaves open become [B,T], operands are taken from what the program has computed so far, brought
// into shape by reductions, broadcasts and products with fresh parameters. Every node is evaluated
// as it is added, so that numbers stay bounded. The same seed gives the same program.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "cpp/ir/graph.h"
#include "cpp/tensor/tensor.h"
#include "tests/ops/op_use.h"

namespace tessera {

class RandomNumbers {
 public:
  explicit RandomNumbers(uint64_t seed) : seed_(seed) {}
  // In [0, limit).
  int64_t Below(int64_t limit) {
    return static_cast<int64_t>(PhiloxU64(seed_, 21, next_++) % static_cast<uint64_t>(limit));
  }
  bool OneIn(int64_t n) { return Below(n) == 0; }
  double Unit() { return philox::UnitDouble(PhiloxU64(seed_, 22, next_++)); }

 private:
  uint64_t seed_;
  uint64_t next_ = 0;
};

struct GrownProgram {
  std::shared_ptr<Function> main;
  // By input name; one per input of main.
  std::map<std::string, Tensor> data;
  std::map<std::string, int> op_uses;
};

struct GrowOptions {
  DType dtype = DType::kF64;
  int nodes = 8;          // from the tables, in the layer and again in main
  int layer_calls = 3;    // of one layer function with one parameter shared by all calls; may be 0
  SymbolSizes sizes = {{"B", 2}, {"T", 3}};
  std::set<std::string> without;   // ops that are not wanted
};

absl::StatusOr<GrownProgram> GrowProgram(uint64_t seed, const GrowOptions& options);

}  // namespace tessera
