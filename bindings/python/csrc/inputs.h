/* The inputs of a program, {name: tensor}, and its results. */
#ifndef TESSERA_PYTHON_INPUTS_H_
#define TESSERA_PYTHON_INPUTS_H_

typedef struct TesseraInputs {
  const char** names;
  tsr_tensor** tensors;
  Py_ssize_t count;
  PyObject* items; /* keeps names and handles */
} TesseraInputs;

static void TesseraInputsFree(TesseraInputs* inputs) {
  PyMem_Free((void*)inputs->names);
  PyMem_Free(inputs->tensors);
  Py_XDECREF(inputs->items);
}

static int TesseraInputAt(TesseraInputs* inputs, Py_ssize_t index) {
  PyObject *name, *handle, *pair = PyList_GetItem(inputs->items, index);
  void* tensor = NULL;
  if (!PyArg_ParseTuple(pair, "UO", &name, &handle)) return 0;
  inputs->names[index] = PyUnicode_AsUTF8AndSize(name, NULL);
  if (inputs->names[index] == NULL) return 0;
  if (!SWIG_IsOK(SWIG_ConvertPtr(handle, &tensor, SWIGTYPE_p_tsr_tensor, 0))) {
    PyErr_Format(PyExc_TypeError, "input %R: expected a tensor's handle, got %R", name,
                 (PyObject*)Py_TYPE(handle));
    return 0;
  }
  inputs->tensors[index] = (tsr_tensor*)tensor;
  return 1;
}

/* `inputs` is zeroed; TesseraInputsFree ends it, also after an error. */
static int TesseraInputsIn(PyObject* dict, TesseraInputs* inputs) {
  Py_ssize_t i;
  inputs->items = PyMapping_Items(dict);
  if (inputs->items == NULL) return 0;
  inputs->count = PyList_Size(inputs->items);
  inputs->names = (const char**)PyMem_Calloc((size_t)inputs->count + 1, sizeof(char*));
  inputs->tensors = (tsr_tensor**)PyMem_Calloc((size_t)inputs->count + 1, sizeof(tsr_tensor*));
  if (inputs->names == NULL || inputs->tensors == NULL) {
    PyErr_NoMemory();
    return 0;
  }
  for (i = 0; i < inputs->count; ++i) {
    if (!TesseraInputAt(inputs, i)) return 0;
  }
  return 1;
}

/* A list of handles. */
static PyObject* TesseraTensorsOut(tsr_tensor** tensors, size_t count) {
  size_t i;
  PyObject* list = PyList_New((Py_ssize_t)count);
  for (i = 0; i < count; ++i) {
    PyObject* item =
        list == NULL ? NULL : SWIG_NewPointerObj(tensors[i], SWIGTYPE_p_tsr_tensor, 0);
    if (item == NULL) {
      tsr_tensor_free(tensors[i]);
      Py_CLEAR(list);
    } else if (PyList_SetItem(list, (Py_ssize_t)i, item) != 0) {
      Py_CLEAR(list);
    }
  }
  return list;
}

#endif /* TESSERA_PYTHON_INPUTS_H_ */
