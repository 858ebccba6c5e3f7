/* Callbacks of tessera.h that call Python objects. Each takes the interpreter lock where it begins:
 * the library calls on threads of its own too. `user` is a callable, or a pair of them, that
 * TesseraDestroy lets go of. */
#ifndef TESSERA_PYTHON_CALLBACKS_H_
#define TESSERA_PYTHON_CALLBACKS_H_

/* Runs on whichever thread lets go last. After the interpreter's end the object is left alone. */
static void TesseraDestroy(void* user) {
  PyGILState_STATE state;
  if (!Py_IsInitialized()) return;
  state = PyGILState_Ensure();
  Py_XDECREF((PyObject*)user);
  PyGILState_Release(state);
}

static int TesseraCallable(PyObject* object) {
  if (PyCallable_Check(object)) return 1;
  PyErr_Format(PyExc_TypeError, "expected a callable, got %R", (PyObject*)Py_TYPE(object));
  return 0;
}

static tsr_status* TesseraBuild(void* user, tsr_scope* scope, const char* config, size_t config_len,
                                const tsr_value* inputs, size_t input_count, tsr_value* outputs,
                                size_t* inout_output_count) {
  const PyGILState_STATE state = PyGILState_Ensure();
  tsr_status* status = NULL;
  Py_ssize_t count = -1;
  PyObject* results = PyObject_CallFunction(
      (PyObject*)user, "Ns#N", SWIG_NewPointerObj(scope, SWIGTYPE_p_tsr_scope, 0), config,
      (Py_ssize_t)config_len, TesseraValuesOut(inputs, input_count));
  if (results != NULL) {
    count = TesseraValuesIn(results, outputs, (Py_ssize_t)*inout_output_count);
  }
  if (count < 0) {
    status = TesseraStatusFromException();
  } else {
    *inout_output_count = (size_t)count;
  }
  Py_XDECREF(results);
  PyGILState_Release(state);
  return status;
}

static PyObject* TesseraOperandsOut(const tsr_kernel_operand* operands, size_t count) {
  size_t i;
  PyObject* list = PyList_New((Py_ssize_t)count);
  for (i = 0; list != NULL && i < count; ++i) {
    PyObject* item = TesseraMakeOperand(&operands[i]);
    if (item == NULL || PyList_SetItem(list, (Py_ssize_t)i, item) != 0) Py_CLEAR(list);
  }
  return list;
}

static tsr_status* TesseraOpRun(void* user, const char* attrs, size_t attrs_len,
                                const tsr_kernel_operand* inputs, size_t input_count,
                                const tsr_kernel_operand* outputs, size_t output_count) {
  const PyGILState_STATE state = PyGILState_Ensure();
  tsr_status* status = NULL;
  PyObject* result = PyObject_CallFunction(
      PyTuple_GetItem((PyObject*)user, 0), "s#NN", attrs, (Py_ssize_t)attrs_len,
      TesseraOperandsOut(inputs, input_count), TesseraOperandsOut(outputs, output_count));
  if (result == NULL) status = TesseraStatusFromException();
  Py_XDECREF(result);
  PyGILState_Release(state);
  return status;
}

static tsr_status* TesseraOpGradient(void* user, tsr_scope* scope, const char* attrs,
                                     size_t attrs_len, const tsr_value* values, size_t value_count,
                                     tsr_value* gradients, size_t input_count) {
  const PyGILState_STATE state = PyGILState_Ensure();
  tsr_status* status = NULL;
  Py_ssize_t count = -1;
  PyObject* results = PyObject_CallFunction(
      PyTuple_GetItem((PyObject*)user, 1), "Ns#Nn",
      SWIG_NewPointerObj(scope, SWIGTYPE_p_tsr_scope, 0), attrs, (Py_ssize_t)attrs_len,
      TesseraValuesOut(values, value_count), (Py_ssize_t)input_count);
  if (results != NULL) count = TesseraValuesIn(results, gradients, (Py_ssize_t)input_count);
  if (count >= 0 && count != (Py_ssize_t)input_count) {
    PyErr_Format(PyExc_ValueError, "expected %zd gradients, got %zd", (Py_ssize_t)input_count,
                 count);
    count = -1;
  }
  if (count < 0) status = TesseraStatusFromException();
  Py_XDECREF(results);
  PyGILState_Release(state);
  return status;
}

static int TesseraModuleIn(PyObject* tuple, tsr_module_def* def) {
  PyObject* build = NULL;
  memset(def, 0, sizeof(*def));
  def->struct_size = sizeof(*def);
  if (!PyArg_ParseTuple(tuple, "ssO", &def->type, &def->schema, &build)) return 0;
  if (!TesseraCallable(build)) return 0;
  def->build = &TesseraBuild;
  def->user = Py_NewRef(build);
  def->destroy = &TesseraDestroy;
  return 1;
}

static int TesseraOpIn(PyObject* tuple, tsr_op_def* def) {
  PyObject *run = NULL, *gradient = NULL;
  unsigned int version = 0;
  memset(def, 0, sizeof(*def));
  def->struct_size = sizeof(*def);
  if (!PyArg_ParseTuple(tuple, "sIssOO", &def->name, &version, &def->signature, &def->doc, &run,
                        &gradient)) {
    return 0;
  }
  if (!TesseraCallable(run)) return 0;
  if (gradient != Py_None && !TesseraCallable(gradient)) return 0;
  def->version = version;
  def->run = &TesseraOpRun;
  def->gradient = gradient == Py_None ? NULL : &TesseraOpGradient;
  def->user = PyTuple_Pack(2, run, gradient);
  def->destroy = &TesseraDestroy;
  return def->user != NULL;
}

static tsr_status* TesseraRead(void* user, tsr_corpus* corpus, const char* name, size_t name_len) {
  const PyGILState_STATE state = PyGILState_Ensure();
  tsr_status* status = NULL;
  PyObject* result = PyObject_CallFunction((PyObject*)user, "Ns#",
                                           SWIG_NewPointerObj(corpus, SWIGTYPE_p_tsr_corpus, 0),
                                           name, (Py_ssize_t)name_len);
  if (result == NULL) status = TesseraStatusFromException();
  Py_XDECREF(result);
  PyGILState_Release(state);
  return status;
}

static int TesseraSourceIn(PyObject* tuple, tsr_source_def* def) {
  PyObject* read = NULL;
  memset(def, 0, sizeof(*def));
  def->struct_size = sizeof(*def);
  if (!PyArg_ParseTuple(tuple, "sO", &def->name, &read) || !TesseraCallable(read)) return 0;
  def->read = &TesseraRead;
  def->user = Py_NewRef(read);
  def->destroy = &TesseraDestroy;
  return 1;
}

/* The update of a parameter: the arguments of a module's build, and as many results. */
static int TesseraOptimizerIn(PyObject* tuple, tsr_optimizer_def* def) {
  PyObject* build = NULL;
  memset(def, 0, sizeof(*def));
  def->struct_size = sizeof(*def);
  if (!PyArg_ParseTuple(tuple, "sssO", &def->type, &def->schema, &def->slots, &build)) return 0;
  if (!TesseraCallable(build)) return 0;
  def->build = &TesseraBuild;
  def->user = Py_NewRef(build);
  def->destroy = &TesseraDestroy;
  return 1;
}

static tsr_status* TesseraFactor(void* user, const char* config, size_t config_len, int64_t step,
                                 int64_t total_steps, double* out_factor) {
  const PyGILState_STATE state = PyGILState_Ensure();
  tsr_status* status = NULL;
  PyObject* result =
      PyObject_CallFunction((PyObject*)user, "s#LL", config, (Py_ssize_t)config_len,
                            (long long)step, (long long)total_steps);
  if (result != NULL) *out_factor = PyFloat_AsDouble(result);
  if (PyErr_Occurred()) status = TesseraStatusFromException();
  Py_XDECREF(result);
  PyGILState_Release(state);
  return status;
}

static int TesseraScheduleIn(PyObject* tuple, tsr_schedule_def* def) {
  PyObject* factor = NULL;
  memset(def, 0, sizeof(*def));
  def->struct_size = sizeof(*def);
  if (!PyArg_ParseTuple(tuple, "ssO", &def->type, &def->schema, &factor)) return 0;
  if (!TesseraCallable(factor)) return 0;
  def->factor = &TesseraFactor;
  def->user = Py_NewRef(factor);
  def->destroy = &TesseraDestroy;
  return 1;
}

static void TesseraJobEnd(void* user) {
  const PyGILState_STATE state = PyGILState_Ensure();
  PyObject* result = PyObject_CallFunction((PyObject*)user, NULL);
  if (result == NULL) PyErr_WriteUnraisable((PyObject*)user);
  Py_XDECREF(result);
  PyGILState_Release(state);
}

static void TesseraSink(void* user, const char* record, size_t record_len) {
  const PyGILState_STATE state = PyGILState_Ensure();
  PyObject* result = PyObject_CallFunction((PyObject*)user, "s#", record, (Py_ssize_t)record_len);
  if (result == NULL) PyErr_WriteUnraisable((PyObject*)user);
  Py_XDECREF(result);
  PyGILState_Release(state);
}

static int32_t TesseraPiece(void* user, const char* text, size_t text_len) {
  const PyGILState_STATE state = PyGILState_Ensure();
  PyObject* result = PyObject_CallFunction((PyObject*)user, "y#", text, (Py_ssize_t)text_len);
  int stops = result == NULL ? -1 : PyObject_IsTrue(result);
  if (stops < 0) PyErr_WriteUnraisable((PyObject*)user);
  Py_XDECREF(result);
  PyGILState_Release(state);
  return stops != 0;
}

#endif /* TESSERA_PYTHON_CALLBACKS_H_ */
