// Calls in which each allocation fails once: they end with RESOURCE_EXHAUSTED or without an error,
// leave nothing behind, and work again afterwards.
//
// Method: operator new of this program fails when a counter of the thread says so
// (support/allocations.h).
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <string>

#include "capi/src/internal/guard.h"
#include "tests/support/allocations.h"

namespace tessera::capi {
namespace {

// Does `call` with the first, second, ... allocation failing, until it gets through. A call that
// meets very many of them is tried at fewer places: the further, the fewer.
void FailEachAllocation(const std::function<tsr_status*()>& call, int64_t density = 40) {
  int64_t failures = 0;
  for (int64_t at = 0; at < 10'000'000; at += 1 + at / density) {
    FailAllocationAfter(at);
    tsr_status* status = call();
    const bool has_failed = StopFailing();
    const bool is_through = !has_failed;
    if (status != nullptr) {
      EXPECT_EQ(tsr_status_code(status), TSR_RESOURCE_EXHAUSTED)
          << "allocation " << at << ": " << tsr_status_message(status);
      EXPECT_TRUE(has_failed);
      tsr_status_free(status);
      ++failures;
    }
    if (is_through) {
      EXPECT_EQ(status, nullptr);
      EXPECT_GT(failures, 0) << "the call allocates nothing; this tests nothing";
      return;
    }
  }
  ADD_FAILURE() << "the call never got through";
}

constexpr char kConfig[] =
    R"({"model": {"vocab_size": 256, "model_dim": 16, "decoder": {"num_layers": 2, "layer":
        {"attention": {"num_heads": 2}, "feed_forward": {"hidden_dim": 32}}}},
        "data": {"train": "x.txt"},
        "trainer": {"steps": 3, "batch_size": 1, "sequence_length": 8}})";

class MemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(tsr_runtime_new("{\"checked\": true, \"threads\": 1}", 31, &runtime_), nullptr);
    ASSERT_EQ(tsr_config_parse(runtime_, kConfig, sizeof(kConfig) - 1, "x", 1, &config_), nullptr);
  }
  void TearDown() override {
    tsr_config_free(config_);
    tsr_runtime_free(runtime_);
  }
  // A call that writes text, which is freed.
  void FailText(const std::function<tsr_status*(char**, size_t*)>& call) {
    FailEachAllocation([&] {
      char* text = nullptr;
      size_t length = 0;
      tsr_status* status = call(&text, &length);
      EXPECT_EQ(status == nullptr, text != nullptr);
      tsr_text_free(text);
      return status;
    });
  }

  tsr_runtime* runtime_ = nullptr;
  tsr_config* config_ = nullptr;
};

TEST_F(MemoryTest, Runtime) {
  FailEachAllocation([] {
    tsr_runtime* runtime = nullptr;
    tsr_status* status = tsr_runtime_new("{\"threads\": 1}", 14, &runtime);
    EXPECT_EQ(status == nullptr, runtime != nullptr);
    tsr_runtime_free(runtime);
    return status;
  });
}

TEST_F(MemoryTest, Catalogue) {
  FailText([&](char** text, size_t* length) {
    return tsr_runtime_list(runtime_, "optimizers", 10, text, length);
  });
  FailText([&](char** text, size_t* length) {
    return tsr_runtime_describe_type(runtime_, "Attention", 9, text, length);
  });
  FailText([&](char** text, size_t* length) {
    return tsr_runtime_describe(runtime_, text, length);
  });
}

TEST_F(MemoryTest, Config) {
  FailEachAllocation([&] {
    tsr_config* config = nullptr;
    tsr_status* status =
        tsr_config_parse(runtime_, kConfig, sizeof(kConfig) - 1, "x", 1, &config);
    EXPECT_EQ(status == nullptr, config != nullptr);
    tsr_config_free(config);
    return status;
  });
  FailText([&](char** text, size_t* length) {
    return tsr_config_resolve(config_, 1, text, length);
  });
  FailText([&](char** text, size_t* length) { return tsr_config_to_json(config_, text, length); });
  FailText([&](char** text, size_t* length) { return tsr_config_to_bytes(config_, text, length); });
  FailEachAllocation([&] { return tsr_config_set(config_, "trainer.steps", 13, "9", 1); });
}

TEST_F(MemoryTest, Program) {
  FailEachAllocation([&] {
    tsr_program* program = nullptr;
    tsr_status* status = tsr_program_from_config(config_, "{\"gradients\": true}", 19, &program);
    EXPECT_EQ(status == nullptr, program != nullptr);
    tsr_program_free(program);
    return status;
  });
}

TEST_F(MemoryTest, Trainer) {
  char path[] = "/tmp/tessera_memory_XXXXXX";
  const int file = mkstemp(path);
  ASSERT_GE(file, 0);
  const std::string text(200, 'a');
  ASSERT_EQ(write(file, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  close(file);
  ASSERT_EQ(tsr_config_set(config_, "data.train", 10, path, sizeof(path) - 1), nullptr);
  FailEachAllocation([&] {
    tsr_trainer* trainer = nullptr;
    tsr_step_result result;
    result.struct_size = sizeof(result);
    tsr_status* status = tsr_trainer_new(config_, nullptr, 0, nullptr, 0, &trainer);
    EXPECT_EQ(status == nullptr, trainer != nullptr);
    if (status == nullptr) status = tsr_trainer_step(trainer, &result);
    tsr_trainer_free(trainer);
    return status;
  });
  unlink(path);
}

TEST_F(MemoryTest, Tensor) {
  FailEachAllocation([] {
    const int64_t dims[2] = {2, 3};
    tsr_tensor* tensor = nullptr;
    tsr_status* status = tsr_tensor_new(TSR_F32, dims, 2, &tensor);
    EXPECT_EQ(status == nullptr, tensor != nullptr);
    if (tensor != nullptr) {
      void* lent = nullptr;
      status = tsr_tensor_to_dlpack(tensor, &lent);
      if (status == nullptr) {
        tsr_tensor* again = nullptr;
        status = tsr_tensor_from_dlpack(lent, &again);
        if (status == nullptr) {
          tsr_tensor_free(again);
        } else {
          // Refused: still ours to end. Taking it once more with memory is the way to do that here.
          EXPECT_EQ(tsr_tensor_from_dlpack(lent, &again), nullptr);
          tsr_tensor_free(again);
        }
      }
    }
    tsr_tensor_free(tensor);
    return status;
  });
}

TEST_F(MemoryTest, Status) {
  // Whether there is memory or not, an error stays an error.
  for (int64_t at = 0; at < 8; ++at) {
    FailAllocationAfter(at);
    tsr_status* status = tsr_status_new(TSR_NOT_FOUND, "a message that is longer than a word", 36);
    StopFailing();
    ASSERT_NE(status, nullptr);
    EXPECT_TRUE(tsr_status_code(status) == TSR_NOT_FOUND ||
                tsr_status_code(status) == TSR_RESOURCE_EXHAUSTED);
    tsr_status_free(status);
  }
}

}  // namespace
}  // namespace tessera::capi
