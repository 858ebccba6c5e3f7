// TrainKit: small runs for the tests of the trainer: a config, a text, an environment of its own.
//
// The model is two layers of width 16 over characters, so a step takes about a millisecond. Every
// run lives in the folder of its test, which goes away with it. Header only.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpp/config/config.h"
#include "cpp/device/kernel_sink.h"
#include "cpp/nn/tracer.h"
#include "cpp/train/trainer.h"
#include "gtest/gtest.h"
#include "kernels/cpu/internal/cpu_features.h"

namespace tessera::cpu {
void RegisterAllCpuKernels(KernelSink& sink);
}

namespace tessera {

using Changes = std::vector<std::pair<std::string, std::string>>;  // config path, value

class RunFolder {
 public:
  RunFolder() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = absl::StrCat("train_", info->test_suite_name(), "_", info->name(), "_",
                                    ::getpid());
    for (char& c : name) c = c == '/' ? '_' : c;
    path_ = std::filesystem::path(testing::TempDir()) / name;
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~RunFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

  // 33 different characters; `repeats` lines of 44.
  std::string WriteText(int repeats = 40) const {
    std::ofstream file(path_ / "text.txt", std::ios::binary);
    for (int i = 0; i < repeats; ++i) file << "the quick brown fox jumps over 0123456789 -\n";
    return path("text.txt");
  }

 private:
  std::filesystem::path path_;
};

inline const KernelTable& AllKernels() {
  static const KernelTable* const table = [] {
    KernelSink sink;
    cpu::RegisterAllCpuKernels(sink);
    return new KernelTable(sink.defs());
  }();
  return *table;
}

// An environment with threads of its own. Tables are shared.
class TestEnvironment {
 public:
  explicit TestEnvironment(int threads = 1, Communicator* communicator = nullptr)
      : pool_(ThreadPoolOptions{.threads = threads}) {
    static const ModuleTable* const modules = new ModuleTable();
    environment_.ops = &OpTable::Builtin();
    environment_.modules = modules;
    environment_.kernels = &AllKernels();
    environment_.pool = &pool_;
    environment_.communicator = communicator;
    environment_.isa = cpu::DetectIsa();
    environment_.cpu = "a processor of the tests";
  }
  const Environment& get() const { return environment_; }

 private:
  ThreadPool pool_;
  Environment environment_;
};

inline Config SmallConfig(const std::string& text_file, const Changes& changes = {}) {
  constexpr char kJson[] = R"({
    "model": {"type": "LanguageModel", "vocab_size": 48, "model_dim": 16,
      "decoder": {"num_layers": 2, "position": "RotaryPosition",
        "layer": {"attention": {"num_heads": 2},
                  "feed_forward": {"hidden_dim": 24, "activation": "silu", "gated": true}}},
      "head": {"tied": true}},
    "data": {"train": "unset", "tokenizer": "CharTokenizer", "validation_fraction": 0.2},
    "trainer": {"steps": 8, "batch_size": 4, "sequence_length": 12},
    "optimizer": {"type": "AdamW", "learning_rate": 0.01},
    "schedule": {"type": "Cosine", "warmup_steps": 2, "min_lr_ratio": 0.1},
    "runtime": {"seed": 7}})";
  absl::StatusOr<Config> config = Config::FromJson(SchemaRegistry::Builtin(), kJson, "small.json");
  EXPECT_TRUE(config.ok()) << config.status();
  absl::Status status = config->Set("data.train", JsonQuoted(text_file));
  EXPECT_TRUE(status.ok()) << status;
  for (const auto& [path, value] : changes) {
    status = config->Set(path, value);
    EXPECT_TRUE(status.ok()) << path << ": " << status;
  }
  return *std::move(config);
}

// Null (and a failed test) when it cannot be made.
inline std::unique_ptr<Trainer> MakeTrainer(const Config& config,
                                            const TestEnvironment& environment,
                                            const TrainerOptions& options = {}) {
  absl::StatusOr<std::unique_ptr<Trainer>> trainer =
      Trainer::Create(config, environment.get(), options);
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  return trainer.ok() ? *std::move(trainer) : nullptr;
}

// The bytes of all parameters and optimizer slots, by kind and path.
inline std::map<std::string, std::string> TensorBytes(const Trainer& trainer) {
  std::map<std::string, std::string> bytes;
  for (const auto& [kind, name] : trainer.parameters()->List()) {
    if (kind != SlotKind::kParam && kind != SlotKind::kOptimizer) continue;
    const Tensor tensor = trainer.parameters()->Find(kind, name);
    bytes[absl::StrCat(static_cast<int>(kind), " ", name)] =
        std::string(static_cast<const char*>(tensor.data()), tensor.bytes());
  }
  return bytes;
}

inline std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The data files of a checkpoint, by name.
inline std::map<std::string, std::string> DataFiles(const std::string& checkpoint) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(checkpoint)) {
    if (entry.path().extension() == ".safetensors") {
      files[entry.path().filename().string()] = ReadText(entry.path().string());
    }
  }
  return files;
}

inline std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) break;
    begin = end + 1;
  }
  return lines;
}

// The number behind "name": in a record; NaN when there is none.
inline double FieldOf(const std::string& record, const std::string& name) {
  const std::string key = absl::StrCat("\"", name, "\":");
  const size_t at = record.find(key);
  if (at == std::string::npos) return std::numeric_limits<double>::quiet_NaN();
  const char* text = record.c_str() + at + key.size();
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  return end == text ? std::numeric_limits<double>::quiet_NaN() : value;
}

}  // namespace tessera
