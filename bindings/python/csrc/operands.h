/* Element types as the buffer protocol names them, and memory as memoryviews. */
#ifndef TESSERA_PYTHON_OPERANDS_H_
#define TESSERA_PYTHON_OPERANDS_H_

#include <Python.h>

#include "capi/include/tessera.h"

/* The format of the struct module; NULL for bf16, which it lacks. */
static char* TesseraFormat(tsr_dtype dtype) {
  switch (dtype) {
    case TSR_F64: return "d";
    case TSR_F32: return "f";
    case TSR_F16: return "e";
    case TSR_I64: return "q";
    case TSR_I32: return "i";
    case TSR_I8: return "b";
    case TSR_U32: return "I";
    case TSR_U16: return "H";
    case TSR_U8: return "B";
    case TSR_BOOL: return "?";
    default: return NULL;
  }
}

static Py_ssize_t TesseraItemBytes(tsr_dtype dtype) {
  switch (dtype) {
    case TSR_F64: case TSR_I64: return 8;
    case TSR_F32: case TSR_I32: case TSR_U32: return 4;
    case TSR_BF16: case TSR_F16: case TSR_U16: return 2;
    default: return 1;
  }
}

/* Fills the fields of a row-major view. `dims` and `strides` have room for `rank`. bf16 is given as
 * its bits, "H". */
static void TesseraFillView(Py_buffer* view, void* data, tsr_dtype dtype, int32_t rank,
                            Py_ssize_t* dims, Py_ssize_t* strides) {
  int32_t i;
  memset(view, 0, sizeof(*view));
  view->buf = data;
  view->itemsize = TesseraItemBytes(dtype);
  view->format = dtype == TSR_BF16 ? "H" : TesseraFormat(dtype);
  view->ndim = rank;
  view->shape = dims;
  view->strides = strides;
  view->len = view->itemsize;
  for (i = rank - 1; i >= 0; --i) {
    strides[i] = view->len;
    view->len *= dims[i];
  }
}

#endif /* TESSERA_PYTHON_OPERANDS_H_ */
