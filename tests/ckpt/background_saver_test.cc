// Method: tensors are changed right after Save returns; what is on disk must be what they were.
// A store that waits or fails on demand shows the order of things and where errors come out.
#include "cpp/ckpt/background_saver.h"

#include <gtest/gtest.h>

#include "tests/ckpt/ckpt_testing.h"
#include "tests/ckpt/wrapped_store.h"

namespace tessera {
namespace {

// Lets nobody write until it is opened; then fails or not.
class GateStore : public WrappedStore {
 public:
  GateStore() : WrappedStore(PosixFileStore()) {}

  void Open(absl::Status outcome) {
    absl::MutexLock lock(&mutex_);
    outcome_ = std::move(outcome);
    is_open_ = true;
  }

 protected:
  absl::Status Before(std::string_view operation, const std::string& path) override {
    if (operation != "create") return absl::OkStatus();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&is_open_));
    return outcome_;
  }

 private:
  absl::Mutex mutex_;
  bool is_open_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status outcome_ ABSL_GUARDED_BY(mutex_);
};

TEST(BackgroundSaverTest, SavesWhatTheTensorsWere) {
  const TestFolder folder;
  BackgroundSaver saver(folder.path(), {});
  for (int64_t step = 1; step <= 5; ++step) {
    std::vector<OwnedTensor> tensors = TensorsOfStep(step);
    ASSERT_OK(saver.Save(RequestOf(step, tensors)));
    for (OwnedTensor& tensor : tensors) tensor.bytes.assign(tensor.bytes.size(), 'x');
  }
  const auto result = saver.Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->has_value());
  EXPECT_EQ((*result)->path, folder / "step_5");
  for (int64_t step = 1; step <= 5; ++step) {
    EXPECT_EQ(DifferenceOfStep(folder / absl::StrCat("step_", step), step), "");
  }
  EXPECT_FALSE(saver.Wait()->has_value()) << "the result came twice";
}

TEST(BackgroundSaverTest, ReturnsWhileTheWriteGoesOn) {
  const TestFolder folder;
  GateStore store;
  SaveOptions options;
  options.store = &store;
  BackgroundSaver saver(folder.path(), options);
  EXPECT_FALSE(saver.busy());
  ASSERT_OK(saver.Save(RequestOf(1, TensorsOfStep(1))));
  EXPECT_TRUE(saver.busy());
  EXPECT_TRUE(absl::IsNotFound(FindLatestComplete(folder.path()).status()));
  store.Open(absl::OkStatus());
  ASSERT_TRUE(saver.Wait().ok());
  EXPECT_FALSE(saver.busy());
  EXPECT_EQ(DifferenceOfStep(folder / "step_1", 1), "");
}

TEST(BackgroundSaverTest, AnErrorComesOutOnceOfTheNextCall) {
  const TestFolder folder;
  GateStore store;
  SaveOptions options;
  options.store = &store;
  BackgroundSaver saver(folder.path(), options);
  ASSERT_OK(saver.Save(RequestOf(1, TensorsOfStep(1))));
  store.Open(absl::ResourceExhaustedError("the disk is full"));
  const absl::Status next = saver.Save(RequestOf(2, TensorsOfStep(2)));
  EXPECT_TRUE(absl::IsResourceExhausted(next)) << next;
  EXPECT_NE(next.message().find("the disk is full"), std::string_view::npos) << next;
  store.Open(absl::OkStatus());
  ASSERT_OK(saver.Save(RequestOf(2, TensorsOfStep(2))));
  const auto result = saver.Wait();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(DifferenceOfStep(folder / "step_2", 2), "");
  EXPECT_EQ(PosixFileStore().List(folder.path())->size(), 1u) << "the failed save left something";
}

TEST(BackgroundSaverTest, RequestsThatCannotBeCopiedAreRefusedAtOnce) {
  const TestFolder folder;
  BackgroundSaver saver(folder.path(), {});
  SaveRequest request = RequestOf(1, {});
  request.tensors.push_back(ParameterToSave("w", Tensor()));
  request.tensors[0].dims = {2};
  EXPECT_TRUE(absl::IsInvalidArgument(saver.Save(request)));
  request.tensors[0].dims = {INT64_MAX, INT64_MAX};
  EXPECT_TRUE(absl::IsInvalidArgument(saver.Save(request)));
  EXPECT_FALSE(saver.busy());
}

}  // namespace
}  // namespace tessera
