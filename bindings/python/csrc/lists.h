/* Texts, lists and records between Python and C. Functions that return int return 0 with an
 * exception set; those that return Py_ssize_t return -1 then. */
#ifndef TESSERA_PYTHON_LISTS_H_
#define TESSERA_PYTHON_LISTS_H_

#include <Python.h>

#include "capi/include/tessera.h"

enum { TESSERA_MOST_DIMS = 64, TESSERA_MOST_VALUES = 256 };

/* None, str or bytes; the pointer lives as long as the object. */
static int TesseraTextIn(PyObject* object, const char** text, size_t* length) {
  Py_ssize_t size = 0;
  char* bytes = NULL;
  if (object == Py_None) {
    *text = NULL;
  } else if (PyBytes_Check(object)) {
    if (PyBytes_AsStringAndSize(object, &bytes, &size) != 0) return 0;
    *text = bytes;
  } else if (PyUnicode_Check(object)) {
    *text = PyUnicode_AsUTF8AndSize(object, &size);
    if (*text == NULL) return 0;
  } else {
    PyErr_Format(PyExc_TypeError, "expected str, bytes or None, got %R",
                 (PyObject*)Py_TYPE(object));
    return 0;
  }
  *length = (size_t)size;
  return 1;
}

static PyObject* TesseraTextOut(char* text, size_t length) {
  PyObject* made = PyUnicode_DecodeUTF8(text, (Py_ssize_t)length, "surrogateescape");
  tsr_text_free(text);
  return made;
}

static PyObject* TesseraBytesOut(char* text, size_t length) {
  PyObject* made = PyBytes_FromStringAndSize(text, (Py_ssize_t)length);
  tsr_text_free(text);
  return made;
}

/* Item `index` of a sequence as an integer. */
static int TesseraIntAt(PyObject* list, Py_ssize_t index, int64_t* value) {
  PyObject* item = PySequence_GetItem(list, index);
  PyObject* number = item == NULL ? NULL : PyNumber_Index(item);
  Py_XDECREF(item);
  if (number == NULL) return 0;
  *value = PyLong_AsLongLong(number);
  Py_DECREF(number);
  return !PyErr_Occurred();
}

static Py_ssize_t TesseraCount(PyObject* list, Py_ssize_t room) {
  Py_ssize_t count = PySequence_Size(list);
  if (count > room) {
    PyErr_Format(PyExc_ValueError, "expected at most %zd items, got %zd", room, count);
    return -1;
  }
  return count;
}

static Py_ssize_t TesseraIntsIn(PyObject* list, int64_t* values, Py_ssize_t room) {
  Py_ssize_t i, count = TesseraCount(list, room);
  for (i = 0; i < count; ++i) {
    if (!TesseraIntAt(list, i, &values[i])) return -1;
  }
  return count;
}

static Py_ssize_t TesseraValuesIn(PyObject* list, tsr_value* values, Py_ssize_t room) {
  Py_ssize_t i, count = TesseraCount(list, room);
  for (i = 0; i < count; ++i) {
    int64_t value = 0;
    if (!TesseraIntAt(list, i, &value)) return -1;
    if (value < INT32_MIN || value > INT32_MAX) {
      PyErr_Format(PyExc_OverflowError, "expected a value of 32 bits, got %lld", (long long)value);
      return -1;
    }
    values[i] = (tsr_value)value;
  }
  return count;
}

static PyObject* TesseraValuesOut(const tsr_value* values, size_t count) {
  size_t i;
  PyObject* list = PyList_New((Py_ssize_t)count);
  for (i = 0; list != NULL && i < count; ++i) {
    PyObject* item = PyLong_FromLong(values[i]);
    if (item == NULL || PyList_SetItem(list, (Py_ssize_t)i, item) != 0) Py_CLEAR(list);
  }
  return list;
}

/* The fields of tessera.StepResult, in its order. */
static PyObject* TesseraStepOut(const tsr_step_result* step) {
  return Py_BuildValue("(LdddLddOd)", (long long)step->step, step->loss, step->grad_norm,
                       step->learning_rate, (long long)step->tokens, step->tokens_per_s,
                       step->step_s, step->skipped ? Py_True : Py_False, step->eval_loss);
}

/* Results of one call: None, the one, or a tuple of them. Takes both references. */
static PyObject* TesseraAppend(PyObject* results, PyObject* item) {
  PyObject* all;
  Py_ssize_t i, count;
  if (item == NULL || results == NULL || results == Py_None) {
    Py_XDECREF(results);
    return item;
  }
  count = PyTuple_Check(results) ? PyTuple_Size(results) : 1;
  all = PyTuple_New(count + 1);
  if (all != NULL) {
    for (i = 0; i < count; ++i) {
      PyObject* one = PyTuple_Check(results) ? PyTuple_GetItem(results, i) : results;
      PyTuple_SetItem(all, i, Py_NewRef(one));
    }
    PyTuple_SetItem(all, count, Py_NewRef(item));
  }
  Py_DECREF(results);
  Py_DECREF(item);
  return all;
}

#endif /* TESSERA_PYTHON_LISTS_H_ */
