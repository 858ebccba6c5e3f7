/* Tensors through the C interface, and DLPack in and out. */
#include "tests/capi/check.h"

/* The layout of DLPack 1, which is frozen; written out so that the test holds the library to it. */
typedef struct {
  int32_t device_type, device_id;
} Device;
typedef struct {
  uint8_t code, bits;
  uint16_t lanes;
} DataType;
typedef struct {
  void* data;
  Device device;
  int32_t ndim;
  DataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
} Plain;
typedef struct Managed {
  Plain tensor;
  void* manager;
  void (*deleter)(struct Managed* self);
} Managed;

enum { kCpu = 1, kCuda = 2, kInt = 0, kUInt = 1, kFloat = 2, kBfloat = 4, kComplex = 5, kBool = 6 };

static void CountEnd(Managed* self) { ++*(int*)self->manager; }

static Managed Lend(void* data, int64_t* shape, int ndim, int code, int bits, int* ends) {
  Managed managed;
  memset(&managed, 0, sizeof(managed));
  managed.tensor.data = data;
  managed.tensor.device.device_type = kCpu;
  managed.tensor.ndim = ndim;
  managed.tensor.dtype.code = (uint8_t)code;
  managed.tensor.dtype.bits = (uint8_t)bits;
  managed.tensor.dtype.lanes = 1;
  managed.tensor.shape = shape;
  managed.manager = ends;
  managed.deleter = CountEnd;
  return managed;
}

static void TestNew(void) {
  const int64_t dims[3] = {2, 3, 4};
  tsr_tensor* tensor = NULL;
  float* data;
  int i;
  OK(tsr_tensor_new(TSR_F32, dims, 3, &tensor));
  EXPECT(tsr_tensor_dtype(tensor) == TSR_F32);
  EXPECT(tsr_tensor_rank(tensor) == 3);
  EXPECT(tsr_tensor_dim(tensor, 0) == 2 && tsr_tensor_dim(tensor, 2) == 4);
  EXPECT(tsr_tensor_dim(tensor, 3) == -1 && tsr_tensor_dim(tensor, -1) == -1);
  EXPECT(tsr_tensor_bytes(tensor) == 2 * 3 * 4 * sizeof(float));
  data = (float*)tsr_tensor_data(tensor);
  for (i = 0; i < 24; ++i) EXPECT(data[i] == 0);
  tsr_tensor_free(tensor);

  OK(tsr_tensor_new(TSR_BF16, NULL, 0, &tensor)); /* a scalar */
  EXPECT(tsr_tensor_rank(tensor) == 0 && tsr_tensor_bytes(tensor) == 2);
  tsr_tensor_free(tensor);
  {
    const int64_t none[2] = {0, 5};
    OK(tsr_tensor_new(TSR_I64, none, 2, &tensor));
    EXPECT(tsr_tensor_bytes(tensor) == 0 && tsr_tensor_dim(tensor, 1) == 5);
    tsr_tensor_free(tensor);
  }
}

static void TestWrongNew(void) {
  const int64_t dims[2] = {2, 3};
  const int64_t negative[2] = {2, -3};
  const int64_t huge[3] = {INT64_C(1) << 40, INT64_C(1) << 40, 2};
  const int64_t large[2] = {INT64_C(1) << 31, INT64_C(1) << 30};
  tsr_tensor* tensor = NULL;
  FAILS(tsr_tensor_new((tsr_dtype)0, dims, 2, &tensor), TSR_INVALID_ARGUMENT, "dtype: expected");
  FAILS(tsr_tensor_new((tsr_dtype)12, dims, 2, &tensor), TSR_INVALID_ARGUMENT, "got 12");
  FAILS(tsr_tensor_new((tsr_dtype)-1, dims, 2, &tensor), TSR_INVALID_ARGUMENT, "dtype: expected");
  FAILS(tsr_tensor_new(TSR_F32, NULL, 2, &tensor), TSR_INVALID_ARGUMENT, "dims: expected 2 items");
  FAILS(tsr_tensor_new(TSR_F32, dims, -1, &tensor), TSR_INVALID_ARGUMENT, "rank: expected 0 to 8");
  FAILS(tsr_tensor_new(TSR_F32, dims, 9, &tensor), TSR_INVALID_ARGUMENT, "got 9");
  FAILS(tsr_tensor_new(TSR_F32, negative, 2, &tensor), TSR_INVALID_ARGUMENT, "at least 0");
  FAILS(tsr_tensor_new(TSR_F32, huge, 3, &tensor), TSR_INVALID_ARGUMENT, "");
  FAILS(tsr_tensor_new(TSR_F64, large, 2, &tensor), TSR_RESOURCE_EXHAUSTED, "too large");
  FAILS(tsr_tensor_new(TSR_F32, dims, 2, NULL), TSR_INVALID_ARGUMENT, "out_tensor");
  EXPECT(tensor == NULL);
  EXPECT(tsr_tensor_dtype(NULL) == 0);
  EXPECT(tsr_tensor_rank(NULL) == -1);
  EXPECT(tsr_tensor_dim(NULL, 0) == -1);
  EXPECT(tsr_tensor_bytes(NULL) == 0);
  EXPECT(tsr_tensor_data(NULL) == NULL);
  tsr_tensor_free(NULL);
}

static void TestDtypesThere(int code, int bits, tsr_dtype dtype) {
  int64_t data[4] = {1, 2, 3, 4};
  int64_t shape[1] = {4};
  int ends = 0;
  Managed managed = Lend(data, shape, 1, code, bits, &ends);
  void* back = NULL;
  tsr_tensor* tensor = NULL;
  OK(tsr_tensor_from_dlpack(&managed, &tensor));
  EXPECT(tsr_tensor_dtype(tensor) == dtype);
  EXPECT(tsr_tensor_data(tensor) == data);
  OK(tsr_tensor_to_dlpack(tensor, &back));
  EXPECT(((Managed*)back)->tensor.dtype.code == code);
  EXPECT(((Managed*)back)->tensor.dtype.bits == bits);
  EXPECT(((Managed*)back)->tensor.dtype.lanes == 1);
  tsr_tensor_free(tensor);
  EXPECT(ends == 0); /* the lent one still uses it */
  ((Managed*)back)->deleter((Managed*)back);
  EXPECT(ends == 1);
}

static void TestIn(void) {
  float data[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  int64_t shape[3] = {2, 1, 3};
  int64_t strides[3] = {3, 999, 1}; /* of a dim of one: any */
  int ends = 0;
  Managed managed = Lend(data, shape, 3, kFloat, 32, &ends);
  tsr_tensor* tensor = NULL;
  managed.tensor.strides = strides;
  managed.tensor.byte_offset = 4 * sizeof(float);
  OK(tsr_tensor_from_dlpack(&managed, &tensor));
  EXPECT(tsr_tensor_data(tensor) == data + 4);
  EXPECT(tsr_tensor_rank(tensor) == 3 && tsr_tensor_dim(tensor, 2) == 3);
  EXPECT(tsr_tensor_bytes(tensor) == 6 * sizeof(float));
  EXPECT(ends == 0);
  tsr_tensor_free(tensor);
  EXPECT(ends == 1);

  managed = Lend(data, NULL, 0, kFloat, 32, &ends); /* a scalar without a shape */
  OK(tsr_tensor_from_dlpack(&managed, &tensor));
  tsr_tensor_free(tensor);
  EXPECT(ends == 2);

  shape[1] = 0; /* nothing, without data */
  managed = Lend(NULL, shape, 3, kFloat, 32, &ends);
  OK(tsr_tensor_from_dlpack(&managed, &tensor));
  EXPECT(tsr_tensor_bytes(tensor) == 0);
  tsr_tensor_free(tensor);
  EXPECT(ends == 3);

  managed = Lend(data, shape, 3, kFloat, 32, &ends);
  managed.deleter = NULL; /* memory that needs no end */
  OK(tsr_tensor_from_dlpack(&managed, &tensor));
  tsr_tensor_free(tensor);
  EXPECT(ends == 3);
}

static void TestWrongIn(void) {
  _Alignas(8) char data[64] = {0};
  int64_t shape[9] = {2, 3, 1, 1, 1, 1, 1, 1, 1};
  int64_t columns[2] = {1, 2};
  int ends = 0;
  Managed good = Lend(data, shape, 2, kFloat, 32, &ends), bad;
  tsr_tensor* tensor = NULL;
  FAILS(tsr_tensor_from_dlpack(NULL, &tensor), TSR_INVALID_ARGUMENT, "dl_managed_tensor");
  FAILS(tsr_tensor_from_dlpack(&good, NULL), TSR_INVALID_ARGUMENT, "out_tensor");
  bad = good;
  bad.tensor.device.device_type = kCuda;
  bad.tensor.device.device_id = 3;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_UNIMPLEMENTED, "got device 2:3");
  bad = good;
  bad.tensor.dtype.code = kComplex;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_UNIMPLEMENTED, "DLPack code 5 with 32 bits");
  bad = good;
  bad.tensor.dtype.bits = 8;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_UNIMPLEMENTED, "8 bits");
  bad = good;
  bad.tensor.dtype.lanes = 4;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_UNIMPLEMENTED, "4 lanes");
  bad = good;
  bad.tensor.strides = columns;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_UNIMPLEMENTED, "got [1,2]; copy it first");
  bad = good;
  bad.tensor.byte_offset = 2;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_UNIMPLEMENTED, "aligned to 4 bytes");
  bad = good;
  bad.tensor.ndim = 9;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_INVALID_ARGUMENT, "rank: expected 0 to 8");
  bad.tensor.ndim = -2;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_INVALID_ARGUMENT, "got -2");
  bad = good;
  bad.tensor.shape = NULL;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_INVALID_ARGUMENT, "shape");
  bad = good;
  bad.tensor.data = NULL;
  FAILS(tsr_tensor_from_dlpack(&bad, &tensor), TSR_INVALID_ARGUMENT, "data");
  shape[0] = -2;
  FAILS(tsr_tensor_from_dlpack(&good, &tensor), TSR_INVALID_ARGUMENT, "at least 0");
  shape[0] = INT64_C(1) << 62;
  FAILS(tsr_tensor_from_dlpack(&good, &tensor), TSR_INVALID_ARGUMENT, "");
  shape[0] = INT64_C(1) << 60;
  FAILS(tsr_tensor_from_dlpack(&good, &tensor), TSR_INVALID_ARGUMENT, "");
  EXPECT(tensor == NULL);
  EXPECT(ends == 0); /* what is refused stays the caller's */
}

static void TestOut(void) {
  const int64_t dims[3] = {2, 0, 3};
  const int64_t full[2] = {4, 5};
  void* lent = NULL;
  Managed *first, *second;
  tsr_tensor* tensor = NULL;
  tsr_tensor* again = NULL;
  OK(tsr_tensor_new(TSR_F64, full, 2, &tensor));
  OK(tsr_tensor_to_dlpack(tensor, &lent));
  first = (Managed*)lent;
  EXPECT(first->tensor.device.device_type == kCpu && first->tensor.ndim == 2);
  EXPECT(first->tensor.shape[0] == 4 && first->tensor.shape[1] == 5);
  EXPECT(first->tensor.strides[0] == 5 && first->tensor.strides[1] == 1);
  ((double*)first->tensor.data)[7] = 3.5;
  EXPECT(((double*)tsr_tensor_data(tensor))[7] == 3.5);
  /* Back in: a second tensor over the same memory, which outlives the first. */
  OK(tsr_tensor_from_dlpack(first, &again));
  tsr_tensor_free(tensor);
  EXPECT(((double*)tsr_tensor_data(again))[7] == 3.5);
  tsr_tensor_free(again);

  OK(tsr_tensor_new(TSR_U8, dims, 3, &tensor));
  OK(tsr_tensor_to_dlpack(tensor, &lent));
  second = (Managed*)lent;
  EXPECT(second->tensor.shape[1] == 0);
  second->deleter(second);
  FAILS(tsr_tensor_to_dlpack(tensor, NULL), TSR_INVALID_ARGUMENT, "out_dl_managed_tensor");
  FAILS(tsr_tensor_to_dlpack(NULL, &lent), TSR_INVALID_ARGUMENT,
        "tensor: expected a tensor, got NULL");
  tsr_tensor_free(tensor);
}

int main(void) {
  tsr_runtime* runtime = NewRuntime(); /* for checked mode */
  TestNew();
  TestWrongNew();
  TestDtypesThere(kFloat, 64, TSR_F64);
  TestDtypesThere(kFloat, 32, TSR_F32);
  TestDtypesThere(kBfloat, 16, TSR_BF16);
  TestDtypesThere(kFloat, 16, TSR_F16);
  TestDtypesThere(kInt, 64, TSR_I64);
  TestDtypesThere(kInt, 32, TSR_I32);
  TestDtypesThere(kInt, 8, TSR_I8);
  TestDtypesThere(kUInt, 32, TSR_U32);
  TestDtypesThere(kUInt, 16, TSR_U16);
  TestDtypesThere(kUInt, 8, TSR_U8);
  TestDtypesThere(kBool, 8, TSR_BOOL);
  TestIn();
  TestWrongIn();
  TestOut();
  tsr_runtime_free(runtime);
  return Result("tensor_test");
}
