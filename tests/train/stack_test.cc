// Method: steps run on a thread whose stack is filled first; what is overwritten was used. Hosts
// call from threads of their own, of which some languages and libraries give 256 KB or less.
#include <pthread.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "tests/train/train_kit.h"

namespace tessera {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kMostBytes = 1 << 20;  // what they put between variables is theirs
#else
constexpr size_t kMostBytes = 128 << 10;
#endif
constexpr size_t kStackBytes = 16 << 20;
constexpr unsigned char kUntouched = 0xa5;

void* RunSteps(void* trainer) {
  const absl::Status status = static_cast<Trainer*>(trainer)->Run(0, {}, nullptr);
  EXPECT_TRUE(status.ok()) << status;
  return nullptr;
}

// Bytes of a thread's stack that all steps of a run take.
size_t StackOfSteps(Trainer& trainer) {
  std::vector<unsigned char> room(kStackBytes + 4096, kUntouched);
  unsigned char* const stack =
      room.data() + (4096 - reinterpret_cast<uintptr_t>(room.data()) % 4096) % 4096;
  pthread_attr_t attributes;
  pthread_t thread;
  EXPECT_EQ(pthread_attr_init(&attributes), 0);
  EXPECT_EQ(pthread_attr_setstack(&attributes, stack, kStackBytes), 0);
  EXPECT_EQ(pthread_create(&thread, &attributes, RunSteps, &trainer), 0);
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
  EXPECT_EQ(pthread_attr_destroy(&attributes), 0);
  const unsigned char* const end = stack + kStackBytes;
  const auto used = [](unsigned char byte) { return byte != kUntouched; };
  return static_cast<size_t>(end - std::find_if<const unsigned char*>(stack, end, used));
}

TEST(StackTest, AStepLeavesTheStackToTheHost) {
  for (const char* feed_forward :
       {R"({"type": "FeedForward", "hidden_dim": 96, "activation": "silu", "gated": true})",
        R"({"type": "MixtureOfExperts", "num_experts": 4, "balance": [],
            "expert": {"type": "FeedForward", "hidden_dim": 96, "gated": true}})"}) {
    for (const char* dtype : {"fp32", "bf16"}) {
      SCOPED_TRACE(absl::StrCat(dtype, " ", feed_forward));
      RunFolder folder;
      TestEnvironment environment;
      auto trainer = MakeTrainer(
          SmallConfig(folder.WriteText(400), {{"model.model_dim", "128"},
                                              {"model.decoder.layer.feed_forward", feed_forward},
                                              {"trainer.steps", "2"},
                                              {"trainer.sequence_length", "150"},
                                              {"trainer.eval_every", "2"},
                                              {"runtime.dtype", dtype}}),
          environment, {.out_dir = folder.path("out")});
      ASSERT_NE(trainer, nullptr);
      const size_t used = StackOfSteps(*trainer);
      EXPECT_GT(used, 1000u);
      EXPECT_LT(used, kMostBytes);
      RecordProperty("stack_bytes", static_cast<int>(used));
    }
  }
}

}  // namespace
}  // namespace tessera
