/* _raw.OperandBase: one operand of a custom kernel, whose memory is the library's and valid during
 * the call only. It counts who looks at the memory: a kernel that keeps an array is told. */
#ifndef TESSERA_PYTHON_OPERAND_BASE_H_
#define TESSERA_PYTHON_OPERAND_BASE_H_

typedef struct TesseraOperandBase {
  PyObject_HEAD
  void* data; /* NULL after the call */
  tsr_dtype dtype;
  int32_t rank;
  Py_ssize_t views;
  Py_ssize_t dims[TESSERA_MOST_DIMS], strides[TESSERA_MOST_DIMS];
} TesseraOperandBase;

static PyObject* tessera_operand_type = NULL;

static PyObject* TesseraMakeOperand(const tsr_kernel_operand* operand) {
  static char nothing[8];
  TesseraOperandBase* self;
  int32_t i;
  if (operand->rank < 0 || operand->rank > TESSERA_MOST_DIMS) {
    PyErr_Format(PyExc_ValueError, "an operand of rank %d", (int)operand->rank);
    return NULL;
  }
  self = (TesseraOperandBase*)PyType_GenericAlloc((PyTypeObject*)tessera_operand_type, 0);
  if (self == NULL) return NULL;
  self->data = operand->data == NULL ? nothing : operand->data;
  self->dtype = operand->dtype;
  self->rank = operand->rank;
  for (i = 0; i < operand->rank; ++i) self->dims[i] = (Py_ssize_t)operand->dims[i];
  return (PyObject*)self;
}

static int TesseraOperandGetBuffer(PyObject* object, Py_buffer* view, int flags) {
  TesseraOperandBase* self = (TesseraOperandBase*)object;
  view->obj = NULL;
  if (self->data == NULL) {
    PyErr_SetString(PyExc_BufferError, "the kernel's call is over, and with it its operands");
    return -1;
  }
  TesseraFillView(view, self->data, self->dtype, self->rank, self->dims, self->strides);
  if ((flags & PyBUF_FORMAT) != PyBUF_FORMAT) view->format = NULL;
  if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES) view->strides = NULL;
  if ((flags & PyBUF_ND) != PyBUF_ND) view->shape = NULL;
  ++self->views;
  view->obj = Py_NewRef(object);
  return 0;
}

static void TesseraOperandReleaseBuffer(PyObject* object, Py_buffer* view) {
  (void)view;
  --((TesseraOperandBase*)object)->views;
}

static PyObject* TesseraOperandDType(PyObject* object, void* closure) {
  (void)closure;
  return PyLong_FromLong(((TesseraOperandBase*)object)->dtype);
}

/* Ends the operand; the number of views that are still there. */
static PyObject* TesseraOperandEnd(PyObject* object, PyObject* nothing) {
  TesseraOperandBase* self = (TesseraOperandBase*)object;
  (void)nothing;
  self->data = NULL;
  return PyLong_FromSsize_t(self->views);
}

static void TesseraOperandDealloc(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

static PyGetSetDef tessera_operand_fields[] = {
    {"dtype", &TesseraOperandDType, NULL, "Number of the element type.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef tessera_operand_methods[] = {
    {"end", &TesseraOperandEnd, METH_NOARGS, "Ends it; how many views are still there."},
    {NULL, NULL, 0, NULL}};
static PyType_Slot tessera_operand_slots[] = {
    {Py_tp_doc, (void*)"An operand of a kernel, with the buffer protocol. bf16 is given as bits."},
    {Py_tp_dealloc, (void*)&TesseraOperandDealloc},
    {Py_tp_getset, tessera_operand_fields},
    {Py_tp_methods, tessera_operand_methods},
    {Py_bf_getbuffer, (void*)&TesseraOperandGetBuffer},
    {Py_bf_releasebuffer, (void*)&TesseraOperandReleaseBuffer},
    {0, NULL}};
static PyType_Spec tessera_operand_spec = {
    "tessera._raw.OperandBase", sizeof(TesseraOperandBase), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, tessera_operand_slots};

static int TesseraAddOperandBase(PyObject* module) {
  tessera_operand_type = PyType_FromSpec(&tessera_operand_spec);
  return tessera_operand_type == NULL ||
         PyModule_AddObjectRef(module, "OperandBase", tessera_operand_type) != 0;
}

#endif /* TESSERA_PYTHON_OPERAND_BASE_H_ */
