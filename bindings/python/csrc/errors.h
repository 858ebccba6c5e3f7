/* A status as a Python exception. tessera/errors.py decides which: this calls its from_status. */
#ifndef TESSERA_PYTHON_ERRORS_H_
#define TESSERA_PYTHON_ERRORS_H_

#include <Python.h>

#include "capi/include/tessera.h"

/* Text of a status as str, whatever bytes it holds. */
static PyObject* TesseraStr(const char* text) {
  return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
}

static PyObject* TesseraErrors(const char* function) {
  PyObject* errors = PyImport_ImportModule("tessera.errors");
  PyObject* found = errors == NULL ? NULL : PyObject_GetAttrString(errors, function);
  Py_XDECREF(errors);
  return found;
}

/* Raises what the status tells and frees it. Returns 0 when there is nothing to raise. */
static int TesseraRaise(tsr_status* status) {
  PyObject *make, *error = NULL;
  if (status == NULL) return 0;
  make = TesseraErrors("from_status");
  if (make != NULL) {
    error = PyObject_CallFunction(
        make, "iNNNiiiN", (int)tsr_status_code(status), TesseraStr(tsr_status_message(status)),
        TesseraStr(tsr_status_path(status)), TesseraStr(tsr_status_file(status)),
        (int)tsr_status_line(status), (int)tsr_status_rank(status),
        (int)tsr_status_retryable(status), TesseraStr(tsr_status_payload(status)));
    Py_DECREF(make);
  }
  tsr_status_free(status);
  if (error != NULL) {
    PyErr_SetObject((PyObject*)Py_TYPE(error), error);
    Py_DECREF(error);
  }
  return 1;
}

/* The exception that is set, as a status for a callback to return. errors.py keeps the exception
 * and marks the text, so that from_status finds it again on whichever thread the status ends. */
static tsr_status* TesseraStatusFromException(void) {
  PyObject *type, *value, *traceback, *keep, *text = NULL;
  tsr_status* status;
  Py_ssize_t length = 0;
  const char* bytes = NULL;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (value != NULL && traceback != NULL) PyException_SetTraceback(value, traceback);
  keep = TesseraErrors("keep");
  if (keep != NULL && value != NULL) text = PyObject_CallFunctionObjArgs(keep, value, NULL);
  if (text != NULL) bytes = PyUnicode_AsUTF8AndSize(text, &length);
  if (bytes == NULL) {
    bytes = "a Python callback raised";
    length = (Py_ssize_t)strlen(bytes);
  }
  status = tsr_status_new(TSR_UNKNOWN, bytes, (size_t)length);
  PyErr_Clear();
  Py_XDECREF(keep);
  Py_XDECREF(text);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
  return status;
}

#endif /* TESSERA_PYTHON_ERRORS_H_ */
