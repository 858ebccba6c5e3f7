/* Callbacks of tessera_store.h: `user` is a tuple of five callables, in the order of the struct.
 * Bytes are copied in both directions, so that nobody holds memory of the other side. */
#ifndef TESSERA_PYTHON_STORE_H_
#define TESSERA_PYTHON_STORE_H_

enum { TESSERA_WRITE, TESSERA_READ, TESSERA_LIST, TESSERA_RENAME, TESSERA_REMOVE };

static PyObject* TesseraOf(void* user, int callback) {
  return PyTuple_GetItem((PyObject*)user, callback);
}

/* Ends a callback whose result says nothing. */
static tsr_status* TesseraDone(PyObject* result, PyGILState_STATE state) {
  tsr_status* status = result == NULL ? TesseraStatusFromException() : NULL;
  Py_XDECREF(result);
  PyGILState_Release(state);
  return status;
}

static tsr_status* TesseraStoreWrite(void* user, const char* name, size_t name_len, int64_t offset,
                                     const void* bytes, size_t len, int32_t last) {
  const PyGILState_STATE state = PyGILState_Ensure();
  return TesseraDone(
      PyObject_CallFunction(TesseraOf(user, TESSERA_WRITE), "s#Ly#O", name, (Py_ssize_t)name_len,
                            (long long)offset, len == 0 ? "" : (const char*)bytes,
                            (Py_ssize_t)len, last ? Py_True : Py_False),
      state);
}

static tsr_status* TesseraStoreRead(void* user, const char* name, size_t name_len, int64_t offset,
                                    void* buffer, size_t len, size_t* out_len) {
  const PyGILState_STATE state = PyGILState_Ensure();
  Py_buffer view;
  PyObject* result =
      PyObject_CallFunction(TesseraOf(user, TESSERA_READ), "s#Ln", name, (Py_ssize_t)name_len,
                            (long long)offset, (Py_ssize_t)len);
  if (result != NULL && PyObject_GetBuffer(result, &view, PyBUF_SIMPLE) == 0) {
    *out_len = (size_t)view.len;
    memcpy(buffer, view.buf, *out_len < len ? *out_len : len);
    PyBuffer_Release(&view);
  } else {
    Py_CLEAR(result);
  }
  return TesseraDone(result, state);
}

static tsr_status* TesseraStoreList(void* user, const char* prefix, size_t prefix_len,
                                    tsr_listing* listing) {
  const PyGILState_STATE state = PyGILState_Ensure();
  return TesseraDone(
      PyObject_CallFunction(TesseraOf(user, TESSERA_LIST), "s#N", prefix, (Py_ssize_t)prefix_len,
                            SWIG_NewPointerObj(listing, SWIGTYPE_p_tsr_listing, 0)),
      state);
}

static tsr_status* TesseraStoreRename(void* user, const char* from, size_t from_len,
                                      const char* to, size_t to_len) {
  const PyGILState_STATE state = PyGILState_Ensure();
  return TesseraDone(PyObject_CallFunction(TesseraOf(user, TESSERA_RENAME), "s#s#", from,
                                           (Py_ssize_t)from_len, to, (Py_ssize_t)to_len),
                     state);
}

static tsr_status* TesseraStoreRemove(void* user, const char* name, size_t name_len) {
  const PyGILState_STATE state = PyGILState_Ensure();
  return TesseraDone(PyObject_CallFunction(TesseraOf(user, TESSERA_REMOVE), "s#", name,
                                           (Py_ssize_t)name_len),
                     state);
}

static int TesseraStoreIn(PyObject* tuple, tsr_store_def* def) {
  PyObject* calls[5];
  int i, is_shared = 0;
  memset(def, 0, sizeof(*def));
  def->struct_size = sizeof(*def);
  if (!PyArg_ParseTuple(tuple, "spOOOOO", &def->name, &is_shared, &calls[TESSERA_WRITE],
                        &calls[TESSERA_READ], &calls[TESSERA_LIST], &calls[TESSERA_RENAME],
                        &calls[TESSERA_REMOVE])) {
    return 0;
  }
  for (i = 0; i < 5; ++i) {
    if (!TesseraCallable(calls[i])) return 0;
  }
  def->is_shared = is_shared;
  def->write = &TesseraStoreWrite;
  def->read = &TesseraStoreRead;
  def->list = &TesseraStoreList;
  def->rename = &TesseraStoreRename;
  def->remove = &TesseraStoreRemove;
  def->user = PyTuple_Pack(5, calls[0], calls[1], calls[2], calls[3], calls[4]);
  def->destroy = &TesseraDestroy;
  return def->user != NULL;
}

#endif /* TESSERA_PYTHON_STORE_H_ */
