/* _raw.TensorBase: what tessera.Tensor is made of. It owns a tensor and has the buffer protocol,
 * which a class written in Python cannot have before 3.12.
 *
 * A view holds the memory itself, as a DLPack tensor does: closing the tensor first is safe. */
#ifndef TESSERA_PYTHON_TENSOR_BASE_H_
#define TESSERA_PYTHON_TENSOR_BASE_H_

typedef struct TesseraTensorBase {
  PyObject_HEAD
  tsr_tensor* tensor; /* NULL when closed */
} TesseraTensorBase;

static void TesseraBaseClose(TesseraTensorBase* self) {
  tsr_tensor* tensor = self->tensor;
  self->tensor = NULL;
  if (tensor == NULL) return;
  Py_BEGIN_ALLOW_THREADS
  tsr_tensor_free(tensor);
  Py_END_ALLOW_THREADS
}

static int TesseraBaseInit(PyObject* object, PyObject* args, PyObject* kwargs) {
  TesseraTensorBase* self = (TesseraTensorBase*)object;
  PyObject* handle = NULL;
  void* tensor = NULL;
  (void)kwargs;
  if (!PyArg_ParseTuple(args, "O", &handle)) return -1;
  if (!SWIG_IsOK(SWIG_ConvertPtr(handle, &tensor, SWIGTYPE_p_tsr_tensor, 0)) || tensor == NULL) {
    PyErr_Format(PyExc_TypeError, "expected a tensor's handle, got %R; Tensor.zeros, Tensor.of and "
                 "Tensor.from_dlpack make tensors", (PyObject*)Py_TYPE(handle));
    return -1;
  }
  TesseraBaseClose(self);
  self->tensor = (tsr_tensor*)tensor;
  return 0;
}

static void TesseraBaseDealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  PyObject *error, *value, *traceback;
  freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  PyErr_Fetch(&error, &value, &traceback);
  TesseraBaseClose((TesseraTensorBase*)object);
  PyErr_Restore(error, value, traceback);
  release(object);
  Py_DECREF(type);
}

static PyObject* TesseraBaseHandle(PyObject* object, void* closure) {
  TesseraTensorBase* self = (TesseraTensorBase*)object;
  (void)closure;
  if (self->tensor == NULL) {
    PyErr_SetString(PyExc_ValueError, "the tensor is closed");
    return NULL;
  }
  return SWIG_NewPointerObj(self->tensor, SWIGTYPE_p_tsr_tensor, 0);
}

static PyObject* TesseraBaseCloseMethod(PyObject* object, PyObject* nothing) {
  (void)nothing;
  TesseraBaseClose((TesseraTensorBase*)object);
  return Py_NewRef(Py_None);
}

/* A handle of a tensor over the same memory whose elements are unsigned integers of the same size:
 * what the bits of bf16 are. */
static PyObject* TesseraBaseBits(PyObject* object, PyObject* nothing) {
  TesseraTensorBase* self = (TesseraTensorBase*)object;
  TesseraDlManaged* managed = NULL;
  tsr_tensor* bits = NULL;
  tsr_status* status;
  (void)nothing;
  if (self->tensor == NULL) {
    PyErr_SetString(PyExc_ValueError, "the tensor is closed");
    return NULL;
  }
  if (TesseraRaise(tsr_tensor_to_dlpack(self->tensor, (void**)&managed))) return NULL;
  managed->tensor.code = TESSERA_DL_UINT;
  status = tsr_tensor_from_dlpack(managed, &bits);
  if (status != NULL) managed->deleter(managed);
  if (TesseraRaise(status)) return NULL;
  return SWIG_NewPointerObj(bits, SWIGTYPE_p_tsr_tensor, 0);
}

/* What a view keeps until it is released. */
typedef struct TesseraView {
  TesseraDlManaged* memory;
  Py_ssize_t dims[TESSERA_MOST_DIMS], strides[TESSERA_MOST_DIMS];
} TesseraView;

static int TesseraBaseGetBuffer(PyObject* object, Py_buffer* view, int flags) {
  static char nothing[8];
  TesseraTensorBase* self = (TesseraTensorBase*)object;
  TesseraView* kept;
  void* managed = NULL;
  int32_t i, rank;
  tsr_dtype dtype;
  view->obj = NULL;
  if (self->tensor == NULL) {
    PyErr_SetString(PyExc_BufferError, "the tensor is closed");
    return -1;
  }
  dtype = tsr_tensor_dtype(self->tensor);
  if (TesseraFormat(dtype) == NULL && (flags & PyBUF_FORMAT) == PyBUF_FORMAT) {
    PyErr_SetString(PyExc_BufferError, "bf16 has no format in the buffer protocol: use "
                    "Tensor.bits() for the bits, Tensor.to(\"fp32\"), or DLPack");
    return -1;
  }
  kept = (TesseraView*)PyMem_Calloc(1, sizeof(TesseraView));
  if (kept == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  if (TesseraRaise(tsr_tensor_to_dlpack(self->tensor, &managed))) {
    PyMem_Free(kept);
    return -1;
  }
  kept->memory = (TesseraDlManaged*)managed;
  rank = kept->memory->tensor.ndim;
  for (i = 0; i < rank; ++i) kept->dims[i] = (Py_ssize_t)kept->memory->tensor.shape[i];
  TesseraFillView(view, kept->memory->tensor.data, dtype, rank, kept->dims, kept->strides);
  if (view->buf == NULL) view->buf = nothing;
  if ((flags & PyBUF_FORMAT) != PyBUF_FORMAT) view->format = NULL;
  if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES) view->strides = NULL;
  if ((flags & PyBUF_ND) != PyBUF_ND) view->shape = NULL;
  view->internal = kept;
  view->obj = Py_NewRef(object);
  return 0;
}

static void TesseraBaseReleaseBuffer(PyObject* object, Py_buffer* view) {
  TesseraView* kept = (TesseraView*)view->internal;
  (void)object;
  kept->memory->deleter(kept->memory);
  PyMem_Free(kept);
}

static PyGetSetDef tessera_base_fields[] = {
    {"handle", &TesseraBaseHandle, NULL, "The raw layer's handle.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef tessera_base_methods[] = {
    {"close", &TesseraBaseCloseMethod, METH_NOARGS,
     "Lets go of the memory; views and DLPack tensors of it stay valid. Again: nothing happens."},
    {"_bits", &TesseraBaseBits, METH_NOARGS, "A handle of the same memory as unsigned integers."},
    {NULL, NULL, 0, NULL}};
static PyType_Slot tessera_base_slots[] = {
    {Py_tp_doc, (void*)"A tensor's handle, with the buffer protocol."},
    {Py_tp_init, (void*)&TesseraBaseInit},
    {Py_tp_dealloc, (void*)&TesseraBaseDealloc},
    {Py_tp_getset, tessera_base_fields},
    {Py_tp_methods, tessera_base_methods},
    {Py_bf_getbuffer, (void*)&TesseraBaseGetBuffer},
    {Py_bf_releasebuffer, (void*)&TesseraBaseReleaseBuffer},
    {0, NULL}};
static PyType_Spec tessera_base_spec = {"tessera._raw.TensorBase", sizeof(TesseraTensorBase), 0,
                                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                        tessera_base_slots};

static int TesseraAddTensorBase(PyObject* module) {
  PyObject* type = PyType_FromSpec(&tessera_base_spec);
  const int failed = type == NULL || PyModule_AddObjectRef(module, "TensorBase", type) != 0;
  Py_XDECREF(type);
  return failed;
}

#endif /* TESSERA_PYTHON_TENSOR_BASE_H_ */
