// Method: checkpoints of every shape of content are saved and read back bit for bit, in whole and
// in boxes; what a folder of several checkpoints holds is checked after saves, deletions and
// accidents.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "cpp/ckpt/safetensors.h"
#include "tests/ckpt/ckpt_testing.h"

namespace tessera {
namespace {

SaveOptions SmallChunks(int64_t chunk_bytes = 256) {
  SaveOptions options;
  options.chunk_bytes = chunk_bytes;
  return options;
}

std::vector<std::string> NamesIn(const std::string& folder) {
  return PosixFileStore().List(folder).value();
}

TEST(CheckpointTest, EverythingComesBack) {
  const TestFolder folder;
  const auto saved = SaveStep(folder / "run/checkpoints", 40);
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(saved->path, folder / "run/checkpoints/step_40");
  EXPECT_TRUE(saved->notes.empty());
  const auto reader = CheckpointReader::Open(saved->path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(Difference(**reader, TensorsOfStep(40)), "");
  EXPECT_OK((*reader)->VerifyAll());
  const CheckpointInfo expected = InfoOfStep(40);
  const CheckpointInfo& info = (*reader)->info();
  EXPECT_EQ(info.step, 40);
  EXPECT_EQ(info.optimizer, expected.optimizer);
  EXPECT_EQ(info.data_state, expected.data_state);
  EXPECT_EQ(info.data, expected.data);
  EXPECT_EQ(info.rng_seed, expected.rng_seed);
  EXPECT_EQ(info.rng_step, expected.rng_step);
  EXPECT_EQ(info.config, expected.config);
  EXPECT_EQ(info.config_json, expected.config_json);
  EXPECT_EQ(info.numerics_fingerprint, expected.numerics_fingerprint);
  EXPECT_EQ(info.library_version, expected.library_version);
}

TEST(CheckpointTest, EveryDTypeScalarEmptyAndOddNameComesBack) {
  std::vector<OwnedTensor> tensors;
  for (DType dtype : kAllDTypes) {
    tensors.push_back(MakeTensor(TensorKind::kParameter, absl::StrCat("p/", Name(dtype)), "",
                                 dtype, {7, 3}, 1));
    tensors.push_back(MakeTensor(TensorKind::kState, absl::StrCat("scalar/", Name(dtype)), "",
                                 dtype, {}, 2));
  }
  tensors.push_back(MakeTensor(TensorKind::kParameter, "empty", "", DType::kF32, {3, 0, 2}, 3));
  tensors.push_back(MakeTensor(TensorKind::kSlot, "empty", "m", DType::kF32, {0}, 3));
  tensors.push_back(MakeTensor(TensorKind::kParameter, "a:b@[0:1] \"\\\n \u65e5", "", DType::kU8,
                               {65}, 4));
  tensors.push_back(MakeTensor(TensorKind::kSlot, "a:b", "c", DType::kU8, {2}, 5));
  tensors.push_back(MakeTensor(TensorKind::kSlot, "a", "b", DType::kU8, {2}, 6));
  for (int64_t chunk_bytes : {64, 100, 4096, 8 << 20}) {
    const TestFolder folder;
    const auto saved =
        SaveCheckpoint(folder.path(), RequestOf(1, tensors), SmallChunks(chunk_bytes));
    ASSERT_TRUE(saved.ok()) << saved.status();
    const auto reader = CheckpointReader::Open(saved->path);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_EQ(Difference(**reader, tensors), "") << chunk_bytes;
    EXPECT_OK((*reader)->VerifyAll());
  }
}

TEST(CheckpointTest, ACheckpointWithoutTensorsIsOne) {
  const TestFolder folder;
  const auto saved = SaveCheckpoint(folder.path(), RequestOf(0, {}));
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(FindLatestComplete(folder.path())->step, 0);
}

TEST(CheckpointTest, ParametersAreAFileThatOtherToolsRead) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder.path(), 3).ok());
  const auto file = SafetensorsReader::Open(folder / "step_3/parameters.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->entries().size(), 2u);
  const OwnedTensor expected = TensorsOfStep(3)[3];
  ASSERT_EQ(expected.path, "decoder/layers/0/ffn/up/weight");
  const auto got = (*file)->Read(expected.path);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(std::string(got->data_as<char>(), got->bytes()), expected.bytes);
}

TEST(CheckpointTest, FilesDependOnContentNotOnOrder) {
  const TestFolder folder;
  std::vector<OwnedTensor> tensors = TensorsOfStep(5);
  ASSERT_TRUE(SaveCheckpoint(folder / "a", RequestOf(5, tensors)).ok());
  std::reverse(tensors.begin(), tensors.end());
  ASSERT_TRUE(SaveCheckpoint(folder / "b", RequestOf(5, tensors)).ok());
  for (const char* name : {"parameters", "optimizer", "state"}) {
    const std::string file = absl::StrCat("step_5/", name, ".safetensors");
    EXPECT_EQ(ReadFileForTest(folder / ("a/" + file)), ReadFileForTest(folder / ("b/" + file)));
  }
}

TEST(CheckpointTest, LargeSavesAreSplitIntoFiles) {
  const TestFolder folder;
  std::vector<OwnedTensor> tensors;
  for (int i = 0; i < 10; ++i) {
    tensors.push_back(MakeTensor(TensorKind::kParameter, absl::StrCat("p", i), "", DType::kF32,
                                 {i == 4 ? 900 : 50}, 1));
  }
  SaveOptions options = SmallChunks();
  options.max_file_bytes = 500;
  const auto saved = SaveCheckpoint(folder.path(), RequestOf(1, tensors), options);
  ASSERT_TRUE(saved.ok()) << saved.status();
  const auto reader = CheckpointReader::Open(saved->path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->manifest().files.size(), 6u);
  EXPECT_EQ((*reader)->manifest().files[1].name, "parameters-00001.safetensors");
  EXPECT_EQ(Difference(**reader, tensors), "");
  EXPECT_OK((*reader)->VerifyAll());
}

// Every saved split of a 3-D tensor against every wanted box, compared element by element.
TEST(CheckpointTest, AnyBoxIsReadFromAnySplit) {
  const std::vector<int64_t> dims = {5, 4, 6};
  std::vector<int32_t> whole(5 * 4 * 6);
  for (size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<int32_t>(i);
  TestRandom random(11);
  for (const std::vector<int64_t>& parts :
       {std::vector<int64_t>{1, 1, 1}, {3, 1, 1}, {1, 2, 1}, {1, 1, 3}, {2, 3, 2}, {5, 4, 6}}) {
    const TestFolder folder;
    SaveRequest request;
    request.info.step = 1;
    std::vector<std::vector<int32_t>> boxes;
    boxes.reserve(120);
    const auto cut = [&](size_t dim, int64_t part) { return dims[dim] * part / parts[dim]; };
    for (int64_t a = 0; a < parts[0]; ++a) {
      for (int64_t b = 0; b < parts[1]; ++b) {
        for (int64_t c = 0; c < parts[2]; ++c) {
          TensorToSave box;
          box.path = "w";
          box.dtype = DType::kI32;
          box.dims = dims;
          box.box_offset = {cut(0, a), cut(1, b), cut(2, c)};
          box.box_size = {cut(0, a + 1) - cut(0, a), cut(1, b + 1) - cut(1, b),
                          cut(2, c + 1) - cut(2, c)};
          std::vector<int32_t>& data = boxes.emplace_back();
          for (int64_t i = 0; i < box.box_size[0]; ++i) {
            for (int64_t j = 0; j < box.box_size[1]; ++j) {
              for (int64_t k = 0; k < box.box_size[2]; ++k) {
                data.push_back(static_cast<int32_t>(((box.box_offset[0] + i) * 4 +
                                                     box.box_offset[1] + j) * 6 +
                                                    box.box_offset[2] + k));
              }
            }
          }
          box.data = data.data();
          request.tensors.push_back(box);
        }
      }
    }
    const auto saved = SaveCheckpoint(folder.path(), request, SmallChunks(64));
    ASSERT_TRUE(saved.ok()) << saved.status();
    const auto reader = CheckpointReader::Open(saved->path);
    ASSERT_TRUE(reader.ok()) << reader.status();
    ASSERT_OK((*reader)->VerifyAll());
    for (int trial = 0; trial < 200; ++trial) {
      std::vector<int64_t> offset(3), size(3);
      for (size_t d = 0; d < 3; ++d) {
        offset[d] = static_cast<int64_t>(random.Below(static_cast<uint64_t>(dims[d])));
        const auto choices = static_cast<uint64_t>(dims[d] - offset[d] + 1);
        size[d] = static_cast<int64_t>(random.Below(choices));
      }
      std::vector<int32_t> got(static_cast<size_t>(size[0] * size[1] * size[2]), -1);
      ASSERT_OK((*reader)->ReadBox(TensorKind::kParameter, "w", "", offset, size, got.data(),
                                   got.size() * 4));
      size_t at = 0;
      for (int64_t i = 0; i < size[0]; ++i) {
        for (int64_t j = 0; j < size[1]; ++j) {
          for (int64_t k = 0; k < size[2]; ++k) {
            ASSERT_EQ(got[at++],
                      ((offset[0] + i) * 4 + offset[1] + j) * 6 + offset[2] + k);
          }
        }
      }
    }
  }
}

TEST(CheckpointTest, BoxesThatDoNotFitAreRefused) {
  const TestFolder folder;
  const auto saved = SaveStep(folder.path(), 1);
  ASSERT_TRUE(saved.ok());
  const auto reader = CheckpointReader::Open(saved->path);
  char out[64];
  const auto read = [&](std::vector<int64_t> offset, std::vector<int64_t> size, size_t bytes) {
    return (*reader)->ReadBox(TensorKind::kState, "router/bias", "", offset, size, out, bytes);
  };
  EXPECT_OK(read({0, 0}, {5, 3}, 30));
  EXPECT_TRUE(absl::IsInvalidArgument(read({0, 0}, {5, 3}, 29)));
  EXPECT_TRUE(absl::IsInvalidArgument(read({1, 0}, {5, 3}, 30)));
  EXPECT_TRUE(absl::IsInvalidArgument(read({-1, 0}, {5, 3}, 30)));
  EXPECT_TRUE(absl::IsInvalidArgument(read({0}, {5}, 10)));
  EXPECT_TRUE(absl::IsInvalidArgument(read({INT64_MAX, 0}, {INT64_MAX, 3}, 10)));
  EXPECT_TRUE(absl::IsNotFound((*reader)->Read(TensorKind::kParameter, "nobody").status()));
  EXPECT_EQ((*reader)->Find(TensorKind::kParameter, "router/bias"), nullptr);
}

TEST(CheckpointTest, RequestsThatMakeNoSenseAreRefusedAndLeaveNothing) {
  const TestFolder folder;
  const std::vector<OwnedTensor> tensors = TensorsOfStep(1);
  const auto error = [&](auto change) {
    SaveRequest request = RequestOf(1, tensors);
    change(request);
    return SaveCheckpoint(folder.path(), request).status();
  };
  EXPECT_TRUE(absl::IsInvalidArgument(error([](SaveRequest& r) { r.info.step = -1; })));
  EXPECT_TRUE(absl::IsInvalidArgument(
      error([](SaveRequest& r) { r.tensors.push_back(r.tensors[0]); })));
  EXPECT_TRUE(absl::IsInvalidArgument(error([](SaveRequest& r) { r.tensors[0].path = ""; })));
  EXPECT_TRUE(absl::IsInvalidArgument(error([](SaveRequest& r) { r.tensors[0].path = "\xff"; })));
  EXPECT_TRUE(absl::IsInvalidArgument(error([](SaveRequest& r) { r.tensors[1].slot = ""; })));
  EXPECT_TRUE(absl::IsInvalidArgument(error([](SaveRequest& r) { r.tensors[1].slot = "a:b"; })));
  EXPECT_TRUE(absl::IsInvalidArgument(error([](SaveRequest& r) { r.tensors[0].data = nullptr; })));
  EXPECT_TRUE(absl::IsInvalidArgument(error([](SaveRequest& r) { r.tensors[0].dims = {-1}; })));
  EXPECT_TRUE(absl::IsInvalidArgument(
      error([](SaveRequest& r) { r.tensors[0].dims = {INT64_MAX, INT64_MAX}; })));
  const absl::Status half = error([](SaveRequest& r) {
    r.tensors[0].box_offset = {0};
    r.tensors[0].box_size = {20};
  });
  EXPECT_TRUE(absl::IsInvalidArgument(half));
  EXPECT_NE(half.message().find("cover 80 of 132 bytes"), std::string_view::npos) << half;
  EXPECT_TRUE(NamesIn(folder.path()).empty());
}

TEST(CheckpointTest, AnExistingCheckpointIsNeverReplaced) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder.path(), 7).ok());
  const std::string before = ReadFileForTest(folder / "step_7/parameters.safetensors");
  EXPECT_TRUE(absl::IsAlreadyExists(SaveCheckpoint(folder.path(), RequestOf(7, {})).status()));
  EXPECT_EQ(ReadFileForTest(folder / "step_7/parameters.safetensors"), before);
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"step_7"});
  EXPECT_TRUE(absl::IsAlreadyExists(
      SaveCheckpointAs(folder / "step_7", RequestOf(7, {})).status()));
}

TEST(CheckpointTest, ADamagedOneOfTheSameStepIsMovedAsideAndKept) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder.path(), 7).ok());
  FlipBitForTest(folder / "step_7/parameters.safetensors", 300, 2);
  const auto saved = SaveStep(folder.path(), 7);
  ASSERT_TRUE(saved.ok()) << saved.status();
  ASSERT_EQ(saved->notes.size(), 1u);
  EXPECT_NE(saved->notes[0].find("was damaged and is now"), std::string::npos);
  EXPECT_EQ(DifferenceOfStep(saved->path, 7), "");
  EXPECT_EQ(NamesIn(folder.path()).size(), 2u);
}

TEST(CheckpointTest, SavesToAPathOfOnesOwn) {
  const TestFolder folder;
  const std::vector<OwnedTensor> tensors = TensorsOfStep(200);
  const auto saved = SaveCheckpointAs(folder / "out/best/", RequestOf(200, tensors));
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(saved->path, folder / "out/best");
  EXPECT_EQ(DifferenceOfStep(folder / "out/best", 200), "");
  EXPECT_EQ(NamesIn(folder / "out"), std::vector<std::string>{"best"});
}

TEST(CheckpointTest, KeepsTheNewestOnes) {
  const TestFolder folder;
  SaveOptions options;
  options.keep_last = 2;
  for (int64_t step : {1, 2, 9, 10, 11}) ASSERT_TRUE(SaveStep(folder.path(), step, options).ok());
  EXPECT_EQ(NamesIn(folder.path()), (std::vector<std::string>{"step_10", "step_11"}));
}

TEST(CheckpointTest, DeletionSparesTheDamagedTheNewestAndTheJustSaved) {
  const TestFolder folder;
  for (int64_t step : {10, 20, 30, 40}) ASSERT_TRUE(SaveStep(folder.path(), step).ok());
  ASSERT_OK(PosixFileStore().RemoveAll(folder / "step_30/manifest.tsm"));
  SaveOptions options;
  options.keep_last = 1;
  // A run that went back to an older step.
  const auto saved = SaveStep(folder.path(), 15, options);
  ASSERT_TRUE(saved.ok()) << saved.status();
  EXPECT_EQ(NamesIn(folder.path()), (std::vector<std::string>{"step_15", "step_30", "step_40"}));
  EXPECT_TRUE(absl::IsInvalidArgument(DeleteOldCheckpoints(folder.path(), 0).status()));
  const auto deleted = DeleteOldCheckpoints(folder.path(), 1);
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(*deleted, std::vector<std::string>{folder / "step_15"});
}

TEST(CheckpointTest, OtherFilesInTheFolderAreLeftAlone) {
  const TestFolder folder;
  for (const char* name : {"step_", "step_01", "step_-1", "step_1x", ".tmp-step_1-1234567",
                           ".tmp-mine-12345678", ".deleting-x", "step_99999999999999999999"}) {
    ASSERT_OK(PosixFileStore().CreateFolder(folder / name));
  }
  WriteFileForTest(folder / "step_5", "a file, not a folder");
  SaveOptions options;
  options.keep_last = 1;
  for (int64_t step : {1, 2}) ASSERT_TRUE(SaveStep(folder.path(), step, options).ok());
  EXPECT_EQ(NamesIn(folder.path()).size(), 10u);
  const auto list = ListCheckpoints(folder.path());
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->complete.size(), 1u);
  EXPECT_TRUE(list->damaged.empty());
  EXPECT_TRUE(list->unfinished.empty());
}

TEST(CheckpointTest, SearchPassesOverTheDamagedAndTellsWhy) {
  const TestFolder folder;
  for (int64_t step : {1, 2, 3, 4, 10}) ASSERT_TRUE(SaveStep(folder.path(), step).ok());
  FlipBitForTest(folder / "step_10/optimizer.safetensors", 700, 0);
  ASSERT_OK(PosixFileStore().RemoveAll(folder / "step_4/state.safetensors"));
  ASSERT_OK(PosixFileStore().RemoveAll(folder / "step_3/manifest.tsm"));
  std::vector<DamagedCheckpoint> damaged;
  const auto latest = FindLatestComplete(folder.path(), VerifyDepth::kData, &damaged);
  ASSERT_TRUE(latest.ok()) << latest.status();
  EXPECT_EQ(latest->step, 2);
  ASSERT_EQ(damaged.size(), 3u);
  EXPECT_EQ(damaged[0].path, folder / "step_10");
  EXPECT_NE(damaged[0].reason.find("optimizer.safetensors: chunk 0, "), std::string::npos)
      << damaged[0].reason;
  EXPECT_NE(damaged[0].reason.find("expected crc32c "), std::string::npos);
  EXPECT_NE(damaged[2].reason.find("has no manifest.tsm"), std::string::npos);
  EXPECT_EQ(NamesIn(folder.path()).size(), 5u) << "something was deleted";
  // A search that does not read the data cannot see the flipped bit.
  EXPECT_EQ(FindLatestComplete(folder.path(), VerifyDepth::kFiles)->step, 10);
}

TEST(CheckpointTest, NoneAllDamagedAndTooNewAreDifferentAnswers) {
  const TestFolder folder;
  EXPECT_TRUE(absl::IsNotFound(FindLatestComplete(folder / "nowhere").status()));
  EXPECT_TRUE(absl::IsNotFound(FindLatestComplete(folder.path()).status()));
  ASSERT_TRUE(SaveStep(folder.path(), 1).ok());
  ASSERT_OK(PosixFileStore().RemoveAll(folder / "step_1/manifest.tsm"));
  EXPECT_TRUE(absl::IsDataLoss(FindLatestComplete(folder.path()).status()));
  Manifest manifest;
  manifest.format_version = kCheckpointFormatVersion + 1;
  manifest.info.step = 2;
  ASSERT_OK(PosixFileStore().CreateFolder(folder / "step_2"));
  WriteFileForTest(folder / "step_2/manifest.tsm", *EncodeManifest(manifest));
  const absl::Status newer = FindLatestComplete(folder.path()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(newer)) << newer;
  EXPECT_NE(newer.message().find("newer Tessera"), std::string_view::npos);
}

TEST(CheckpointTest, ARenamedCheckpointDoesNotPassForAnotherStep) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder.path(), 1).ok());
  ASSERT_OK(PosixFileStore().Rename(folder / "step_1", folder / "step_9"));
  EXPECT_TRUE(absl::IsDataLoss(FindLatestComplete(folder.path()).status()));
}

TEST(CheckpointTest, ResolvesWhatAUserMeans) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder / "run/checkpoints", 1).ok());
  ASSERT_TRUE(SaveStep(folder / "run/checkpoints", 2).ok());
  const std::string latest = folder / "run/checkpoints/step_2";
  EXPECT_EQ(ResolveCheckpoint(folder / "run").value(), latest);
  EXPECT_EQ(ResolveCheckpoint(folder / "run/checkpoints").value(), latest);
  EXPECT_EQ(ResolveCheckpoint(latest).value(), latest);
  EXPECT_TRUE(absl::IsNotFound(ResolveCheckpoint(folder.path()).status()));
  EXPECT_TRUE(absl::IsNotFound(ResolveCheckpoint(folder / "none").status()));
}

TEST(CheckpointTest, AnOpenReaderOutlivesTheDeletion) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder.path(), 1).ok());
  const auto reader = CheckpointReader::Open(folder / "step_1");
  ASSERT_TRUE(reader.ok());
  SaveOptions options;
  options.keep_last = 1;
  ASSERT_TRUE(SaveStep(folder.path(), 2, options).ok());
  ASSERT_EQ(NamesIn(folder.path()), std::vector<std::string>{"step_2"});
  EXPECT_EQ(Difference(**reader, TensorsOfStep(1)), "");
}

TEST(CheckpointTest, SeveralThreadsReadOneReader) {
  const TestFolder folder;
  ASSERT_TRUE(SaveStep(folder.path(), 1, SmallChunks()).ok());
  const auto reader = CheckpointReader::Open(folder / "step_1");
  ASSERT_TRUE(reader.ok());
  std::vector<std::string> differences(4, "not run");
  std::vector<std::thread> threads;
  for (std::string& difference : differences) {
    threads.emplace_back([&] { difference = Difference(**reader, TensorsOfStep(1)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& difference : differences) EXPECT_EQ(difference, "");
}

TEST(CheckpointTest, SeveralSaversShareAFolder) {
  const TestFolder folder;
  std::vector<std::thread> threads;
  std::vector<int> failures(4, 0);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t i = 0; i < 5; ++i) {
        if (!SaveStep(folder.path(), i * 4 + t, SmallChunks()).ok()) ++failures[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, std::vector<int>(4, 0));
  const auto list = ListCheckpoints(folder.path(), VerifyDepth::kData);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->complete.size(), 20u);
  EXPECT_TRUE(list->unfinished.empty());
}

TEST(CheckpointTest, LeftoversOfTheDeadAreRemovedAndOfTheLivingKept) {
  const TestFolder folder;
  ASSERT_OK(PosixFileStore().CreateFolder(folder / ".tmp-step_3-0123abcd"));
  WriteFileForTest(folder / ".tmp-step_3-0123abcd/parameters.safetensors", "half");
  ASSERT_OK(PosixFileStore().CreateFolder(folder / ".tmp-step_4-0123abcd"));
  ASSERT_OK(PosixFileStore().CreateFolder(folder / ".deleting-step_2-0123abcd"));
  const auto alive = PosixFileStore().TryLock(folder / ".tmp-step_4-0123abcd");
  ASSERT_TRUE(alive.ok() && *alive != nullptr);
  const auto saved = SaveStep(folder.path(), 5);
  ASSERT_TRUE(saved.ok()) << saved.status();
  ASSERT_EQ(saved->notes.size(), 1u);
  EXPECT_NE(saved->notes[0].find(".tmp-step_3-0123abcd, left behind"), std::string::npos);
  EXPECT_EQ(NamesIn(folder.path()), (std::vector<std::string>{".tmp-step_4-0123abcd", "step_5"}));
  const auto list = ListCheckpoints(folder.path());
  EXPECT_EQ(list->unfinished, std::vector<std::string>{folder / ".tmp-step_4-0123abcd"});
}

}  // namespace
}  // namespace tessera
