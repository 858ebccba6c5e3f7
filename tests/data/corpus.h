// Small files for the tests of the data layer. Not a test itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace tessera {

// A folder that goes away with it.
class TestFolder {
 public:
  TestFolder() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(testing::TempDir()) /
            (std::string("tessera_") + info->test_suite_name() + "_" + info->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path(const std::string& name = "") const { return (path_ / name).string(); }

  // Writes a file, with its folders, and returns its path.
  std::string Write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path(name);
  }

  template <typename Id>
  std::string WriteIds(const std::string& name, const std::vector<Id>& ids) const {
    return Write(name, std::string(reinterpret_cast<const char*>(ids.data()),
                                   ids.size() * sizeof(Id)));
  }

 private:
  std::filesystem::path path_;
};

// 0, 1, 2, ... as uint16, so that the id of a token is its place.
inline std::vector<uint16_t> Counting(int64_t count) {
  std::vector<uint16_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<uint16_t>(i));
  return ids;
}

}  // namespace tessera
