// Large buffers: zeros, on their boundary, wholly writable, and refused where there is no memory.
// Tensors that share them do not overlap.
#include "cpp/tensor/zero_pages.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "cpp/tensor/tensor.h"
#include "cpp/tensor/tensor_pages.h"
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

// Sizes of 0 bytes, of odd ends, below and above what shares a block, and more than a block holds.
TEST(TensorPagesTest, EachTensorHasZerosOfItsOwn) {
  TensorPages pages;
  std::vector<Tensor> tensors;
  const int64_t kMb = int64_t{1} << 20;
  for (const int64_t size : {int64_t{0}, int64_t{3}, kMb + 1, 7 * kMb + 3, 5 * kMb, kMb + 7,
                             8 * kMb, 9 * kMb, 7 * kMb, 7 * kMb, 7 * kMb, int64_t{70'001}}) {
    absl::StatusOr<Tensor> tensor = pages.Zeros(DType::kU8, {size});
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    ASSERT_EQ(tensor->count(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data()) % 64, 0u);
    tensors.push_back(*std::move(tensor));
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto* bytes = tensors[i].data_as<uint8_t>();
    EXPECT_TRUE(std::all_of(bytes, bytes + tensors[i].bytes(), [](uint8_t b) { return b == 0; }));
    std::memset(tensors[i].data(), static_cast<int>(i + 1), tensors[i].bytes());
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto* bytes = tensors[i].data_as<uint8_t>();
    EXPECT_TRUE(std::all_of(bytes, bytes + tensors[i].bytes(),
                            [&](uint8_t b) { return b == i + 1; })) << "tensor " << i;
  }
}

TEST(TensorPagesTest, ATensorOutlivesItsPages) {
  Tensor tensor;
  {
    TensorPages pages;
    tensor = *pages.Zeros(DType::kF32, {1 << 18});
  }
  std::memset(tensor.data(), 1, tensor.bytes());
  EXPECT_EQ(tensor.data_as<uint8_t>()[tensor.bytes() - 1], 1);
}

TEST(TensorPagesTest, BadDimsAndSizesAreRefusedAsByTensors) {
  TensorPages pages;
  EXPECT_EQ(pages.Zeros(DType::kF32, {-1}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(pages.Zeros(DType::kF32, {int64_t{1} << 32, int64_t{1} << 32}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(pages.Zeros(DType::kF64, {int64_t{1} << 60}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tessera
