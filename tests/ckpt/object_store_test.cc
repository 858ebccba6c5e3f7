// Method: checkpoints are saved to objects in memory and compared, byte by byte, with what they
// must hold and with what the same save writes to a folder. Then every operation of the store
// fails in turn, once alone and once with all after it, as in fault_test.cc.
#include "cpp/ckpt/object_store.h"

#include <gtest/gtest.h>

#include "cpp/ckpt/inspect.h"
#include "cpp/ckpt/store_table.h"
#include "tests/ckpt/ckpt_testing.h"
#include "tests/ckpt/memory_objects.h"

namespace tessera {
namespace {

constexpr int64_t kRows = 6;
constexpr char kRun[] = "bucket://runs/a";

SaveOptions Options(FileStore& store, int keep_last = 0) {
  SaveOptions options;
  options.store = &store;
  options.chunk_bytes = 512;
  options.keep_last = keep_last;
  return options;
}

std::string OnlyDataFile(const Bucket& bucket, std::string_view step) {
  for (const auto& [name, object] : bucket.objects) {
    if (absl::StrContains(name, step) && absl::EndsWith(name, ".safetensors")) return name;
  }
  return "";
}

TEST(ObjectStoreTest, HoldsTheBytesThatAFolderHolds) {
  const TestFolder folder(TestFolder::kMemory);
  Bucket bucket;
  const auto store = NewBucketStore(bucket);
  SaveOptions options = Options(*store);
  ASSERT_OK(SaveStep(kRun, 7, options).status());
  options.store = nullptr;
  ASSERT_OK(SaveStep(folder.path(), 7, options).status());
  EXPECT_TRUE(bucket.open.empty());
  EXPECT_EQ(DifferenceOfStep("bucket://runs/a/step_7", 7, 40, store.get()), "");
  int64_t compared = 0;
  for (const auto& [name, object] : bucket.objects) {
    ASSERT_TRUE(absl::StartsWith(name, "runs/a/step_7/")) << name;
    if (!absl::EndsWith(name, ".safetensors")) continue;  // the manifest holds the time
    EXPECT_TRUE(object == ReadFileForTest(folder / name.substr(7))) << name;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST(ObjectStoreTest, KeepsTheNewestAndRefusesToReplace) {
  Bucket bucket;
  const auto store = NewBucketStore(bucket);
  for (int64_t step : {1, 2, 3}) ASSERT_OK(SaveStep(kRun, step, Options(*store, 2)).status());
  const auto list = ListCheckpoints(kRun, VerifyDepth::kData, store.get());
  ASSERT_OK(list.status());
  ASSERT_EQ(list->complete.size(), 2u);
  EXPECT_EQ(list->complete[0].path, "bucket://runs/a/step_3");
  EXPECT_EQ(list->complete[1].path, "bucket://runs/a/step_2");
  EXPECT_TRUE(absl::IsAlreadyExists(SaveStep(kRun, 3, Options(*store)).status()));
  const auto resolved = ResolveCheckpoint("bucket://runs//a/", store.get());
  ASSERT_OK(resolved.status());
  EXPECT_EQ(DifferenceOfStep(*resolved, 3, 40, store.get()), "");
  const auto seen = InspectCheckpoint(kRun, true, store.get());
  ASSERT_OK(seen.status());
  EXPECT_TRUE(seen->is_complete) << seen->problem;
}

TEST(ObjectStoreTest, SavesUnderAnyName) {
  Bucket bucket;
  const auto store = NewBucketStore(bucket);
  const std::vector<OwnedTensor> tensors = TensorsOfStep(4);
  const SaveRequest request = RequestOf(4, tensors);
  const auto saved = SaveCheckpointAs("bucket://best/", request, Options(*store));
  ASSERT_OK(saved.status());
  EXPECT_EQ(saved->path, "bucket://best");
  EXPECT_EQ(DifferenceOfStep("bucket:/best", 4, 40, store.get()), "");
  EXPECT_TRUE(bucket.objects.contains("best/manifest.tsm"));
  EXPECT_EQ(DifferenceOfStep("bucket://best", 4, 40, store.get()), "");
  EXPECT_TRUE(absl::IsAlreadyExists(
      SaveCheckpointAs("bucket://best", request, Options(*store)).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(
      SaveCheckpointAs("bucket://", request, Options(*store)).status()));
}

TEST(ObjectStoreTest, DamageIsFoundAndOlderOnesAreTaken) {
  Bucket bucket;
  const auto store = NewBucketStore(bucket);
  for (int64_t step : {1, 2}) ASSERT_OK(SaveStep(kRun, step, Options(*store)).status());
  const std::string name = OnlyDataFile(bucket, "step_2");
  bucket.objects[name][bucket.objects[name].size() - 3] ^= 4;
  std::vector<DamagedCheckpoint> damaged;
  const auto found = FindLatestComplete(kRun, VerifyDepth::kData, &damaged, store.get());
  ASSERT_OK(found.status());
  EXPECT_EQ(found->step, 1);
  ASSERT_EQ(damaged.size(), 1u);
  EXPECT_TRUE(absl::StrContains(damaged[0].reason, absl::StrCat("bucket://", name, ": chunk ")))
      << damaged[0].reason;
  EXPECT_TRUE(absl::StrContains(damaged[0].reason, "expected crc32c")) << damaged[0].reason;
  bucket.objects[name].pop_back();
  EXPECT_TRUE(absl::IsDataLoss(
      CheckpointReader::Open("bucket://runs/a/step_2", store.get()).status()));
}

TEST(ObjectStoreTest, ReadsOfAnotherLengthAreErrors) {
  Bucket bucket;
  const auto store = NewBucketStore(bucket);
  ASSERT_OK(SaveStep(kRun, 1, Options(*store)).status());
  bucket.read_less = 1;
  absl::Status status = CheckpointReader::Open("bucket://runs/a/step_1", store.get()).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  bucket.read_less = -1;
  status = CheckpointReader::Open("bucket://runs/a/step_1", store.get()).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "expected at most")) << status;
}

TEST(ObjectStoreTest, LeftoversGoWhereNobodyElseWrites) {
  for (const bool is_exclusive : {true, false}) {
    Bucket bucket;
    const auto store = NewBucketStore(bucket, is_exclusive);
    bucket.objects["runs/a/.tmp-step_1-01234567/data"] = "left behind";
    const auto saved = SaveStep(kRun, 2, Options(*store));
    ASSERT_OK(saved.status());
    EXPECT_EQ(bucket.objects.contains("runs/a/.tmp-step_1-01234567/data"), !is_exclusive);
    EXPECT_EQ(saved->notes.size(), is_exclusive ? 1u : 0u);
  }
}

void SaveWithAFault(int64_t number, bool dies) {
  Bucket bucket;
  const auto store = NewBucketStore(bucket);
  for (int64_t step : {1, 2}) ASSERT_OK(SaveStep(kRun, step, Options(*store), kRows).status());
  bucket.operations = 0;
  bucket.fails_at = number;
  bucket.dies = dies;
  const absl::Status saved = SaveStep(kRun, 3, Options(*store, 2), kRows).status();
  const std::string what = absl::StrCat(number, " ", bucket.failed, " ", saved.ToString(), ": ");
  EXPECT_TRUE(saved.ok() || absl::StrContains(saved.message(), "now")) << what;
  bucket.fails_at = -1;
  std::vector<DamagedCheckpoint> damaged;
  const auto latest = FindLatestComplete(kRun, VerifyDepth::kData, &damaged, store.get());
  ASSERT_TRUE(latest.ok()) << what << latest.status();
  EXPECT_TRUE(damaged.empty()) << what << damaged[0].reason;
  EXPECT_EQ(latest->step, saved.ok() ? 3 : 2) << what;
  EXPECT_EQ(DifferenceOfStep(latest->path, latest->step, kRows, store.get()), "") << what;
  // The process that comes after: what is left is removed, what was open is its host's business.
  const auto fresh = NewBucketStore(bucket);
  ASSERT_OK(SaveStep(kRun, 4, Options(*fresh, 1), kRows).status());
  for (const auto& [name, object] : bucket.objects) {
    EXPECT_TRUE(absl::StartsWith(name, "runs/a/step_4/")) << what << name;
  }
  EXPECT_TRUE(dies || bucket.open.empty()) << what;
}

TEST(ObjectStoreTest, AFaultAtAnyOperationLeavesTheOlderCheckpoints) {
  Bucket bucket;
  const auto store = NewBucketStore(bucket);
  for (int64_t step : {1, 2}) ASSERT_OK(SaveStep(kRun, step, Options(*store), kRows).status());
  bucket.operations = 0;
  ASSERT_OK(SaveStep(kRun, 3, Options(*store, 2), kRows).status());
  const int64_t operations = bucket.operations;
  ASSERT_GT(operations, 20);
  for (int64_t number = 0; number < operations; ++number) {
    SaveWithAFault(number, false);
    SaveWithAFault(number, true);
    if (HasFatalFailure()) return;
  }
}

// Calls back into the store that calls it.
class Recursive : public MemoryObjects {
 public:
  explicit Recursive(Bucket& bucket) : MemoryObjects(bucket) {}
  absl::StatusOr<std::vector<StoredObject>> List(const std::string&) override {
    return store->List("bucket://").status();
  }
  FileStore* store = nullptr;
};

TEST(ObjectStoreTest, ACallFromInsideIsRefused) {
  Bucket bucket;
  auto objects = std::make_unique<Recursive>(bucket);
  Recursive* const recursive = objects.get();
  const auto store = NewObjectFileStore("bucket", std::move(objects), true);
  recursive->store = store.get();
  EXPECT_TRUE(absl::IsFailedPrecondition(store->List("bucket://a").status()));
}

TEST(StoreTableTest, PathsSayWhichStore) {
  StoreTable table;
  Bucket bucket;
  ASSERT_OK(table.Register("bucket", NewBucketStore(bucket)));
  EXPECT_TRUE(absl::IsAlreadyExists(table.Register("bucket", NewBucketStore(bucket))));
  for (const char* name : {"", "Bucket", "a-b", "1a", "a/b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(table.Register(name, NewBucketStore(bucket)))) << name;
  }
  const auto found = StoreOfPath(&table, "bucket://runs/a");
  ASSERT_OK(found.status());
  EXPECT_NE(*found, &PosixFileStore());
  EXPECT_EQ(*StoreOfPath(&table, "bucket:/runs/a"), *found);
  for (const char* path : {"", "out/checkpoints", "/a://b", "C://b", "://b", "buckets:/b"}) {
    const auto local = StoreOfPath(&table, path);
    ASSERT_OK(local.status());
    EXPECT_EQ(*local, &PosixFileStore()) << path;
  }
  const absl::Status unknown = StoreOfPath(&table, "buckets://runs/a").status();
  EXPECT_TRUE(absl::IsNotFound(unknown));
  EXPECT_EQ(unknown.message(),
            "buckets://runs/a: no checkpoint store 'buckets'; there are: bucket");
  EXPECT_TRUE(absl::IsNotFound(StoreOfPath(nullptr, "bucket://runs/a").status()));
}

}  // namespace
}  // namespace tessera
