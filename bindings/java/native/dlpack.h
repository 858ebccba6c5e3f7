/* The deleter of DLPack's DLManagedTensor (dlpack.h, version 0.x), by its layout. */
#ifndef TESSERA_JAVA_DLPACK_H_
#define TESSERA_JAVA_DLPACK_H_

#include <stdint.h>

typedef struct TesseraManaged {
  void* data;
  int32_t device_type, device_id, ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
  void* manager_ctx;
  void (*deleter)(struct TesseraManaged*);
} TesseraManaged;

static void TesseraDlpackDelete(void* managed) {
  TesseraManaged* tensor = (TesseraManaged*)managed;
  if (tensor != NULL && tensor->deleter != NULL) tensor->deleter(tensor);
}

#endif /* TESSERA_JAVA_DLPACK_H_ */
