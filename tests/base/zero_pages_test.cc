// Large buffers: zeros, on their boundary, wholly writable, and refused where there is no memory.
#include "cpp/tensor/zero_pages.h"

#include <cstdint>
#include <cstring>

#include "cpp/tensor/tensor.h"
#include "gtest/gtest.h"

namespace tessera {
namespace {

TEST(ZeroPagesTest, AreZeroAlignedAndWritableToTheLastByte) {
  for (const size_t bytes : {size_t{1}, size_t{2} << 20, (size_t{4} << 20) + 1}) {
    char* data = static_cast<char*>(MapZeroPages(bytes));
    if (data == nullptr) GTEST_SKIP() << "no large pages on this system";
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % (size_t{2} << 20), 0u);
    EXPECT_EQ(data[0], 0);
    EXPECT_EQ(data[bytes - 1], 0);
    std::memset(data, 1, bytes);
    UnmapZeroPages(data, bytes);
  }
}

TEST(ZeroPagesTest, WhatDoesNotFitIsNull) {
  EXPECT_EQ(MapZeroPages(SIZE_MAX), nullptr);
  EXPECT_EQ(MapZeroPages(SIZE_MAX / 4), nullptr);
}

TEST(ZeroPagesTest, BuffersOfAnySizeAreZeroAndAligned) {
  for (const size_t bytes : {size_t{0}, size_t{100}, kLargeBytes - 1, kLargeBytes + 1}) {
    const auto buffer = Buffer::Allocate(bytes);
    ASSERT_TRUE(buffer.ok()) << buffer.status();
    EXPECT_EQ((*buffer)->bytes(), bytes);
    const char* data = static_cast<const char*>((*buffer)->data());
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
    if (bytes == 0) continue;
    EXPECT_EQ(data[0] | data[bytes - 1], 0);
  }
  EXPECT_EQ(Buffer::Allocate(SIZE_MAX).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tessera
