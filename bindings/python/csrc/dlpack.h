/* DLPack capsules. The structs are those of the DLPack standard (dmlc/dlpack, version 1.0), which
 * fixes their layout for good. */
#ifndef TESSERA_PYTHON_DLPACK_H_
#define TESSERA_PYTHON_DLPACK_H_

enum { TESSERA_DL_UINT = 1 };

typedef struct TesseraDlTensor {
  void* data;
  int32_t device_type, device_id;
  int32_t ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
} TesseraDlTensor;

typedef struct TesseraDlManaged {
  TesseraDlTensor tensor;
  void* manager_ctx;
  void (*deleter)(struct TesseraDlManaged* self);
} TesseraDlManaged;

static void TesseraDlpackEnd(PyObject* capsule) {
  TesseraDlManaged* managed;
  /* Whoever took the tensor has renamed the capsule. */
  if (!PyCapsule_IsValid(capsule, "dltensor")) return;
  managed = (TesseraDlManaged*)PyCapsule_GetPointer(capsule, "dltensor");
  if (managed != NULL && managed->deleter != NULL) managed->deleter(managed);
}

static PyObject* TesseraDlpackOut(void* managed) {
  PyObject* capsule = PyCapsule_New(managed, "dltensor", &TesseraDlpackEnd);
  if (capsule == NULL) ((TesseraDlManaged*)managed)->deleter((TesseraDlManaged*)managed);
  return capsule;
}

#endif /* TESSERA_PYTHON_DLPACK_H_ */
