// Python's raw layer: one extension module, tessera._raw, with a function for each of tessera.h.
//
// A status becomes an exception (csrc/errors.h), texts are str, bytes are bytes, lists are
// sequences, results are returned. Handles are opaque objects that free nothing; handle.py owns
// them. Every function releases the interpreter lock but those that only read or add a field;
// callbacks take it where they begin (csrc/callbacks.h). Built for the stable ABI of CPython 3.11.
%module(threads="1") _raw

%{
#include "capi/include/tessera.h"
#include "csrc/errors.h"
#include "csrc/lists.h"
#include "csrc/operands.h"
%}

%define TESSERA_CHEAP(function)
%nothread function;
%enddef
TESSERA_CHEAP(tsr_version)
TESSERA_CHEAP(tsr_status_new)
TESSERA_CHEAP(tsr_status_free)
TESSERA_CHEAP(tsr_status_code)
TESSERA_CHEAP(tsr_status_message)
TESSERA_CHEAP(tsr_status_path)
TESSERA_CHEAP(tsr_status_file)
TESSERA_CHEAP(tsr_status_line)
TESSERA_CHEAP(tsr_status_rank)
TESSERA_CHEAP(tsr_status_retryable)
TESSERA_CHEAP(tsr_status_payload)
TESSERA_CHEAP(tsr_tensor_dtype)
TESSERA_CHEAP(tsr_tensor_rank)
TESSERA_CHEAP(tsr_tensor_dim)
TESSERA_CHEAP(tsr_tensor_bytes)
TESSERA_CHEAP(tsr_tensor_data)
TESSERA_CHEAP(tsr_graph_type)
TESSERA_CHEAP(tsr_scope_param)
TESSERA_CHEAP(tsr_scope_add)
TESSERA_CHEAP(tsr_scope_ambient)
TESSERA_CHEAP(tsr_scope_loss)
TESSERA_CHEAP(tsr_scope_dim)
TESSERA_CHEAP(tsr_job_cancel)
TESSERA_CHEAP(tsr_job_progress)

// Texts out are freed where they become str; nothing else returns what this frees.
%ignore tsr_text_free;
// What callbacks are given and what descriptors hold, as structs; here they are tuples.
%ignore tsr_module_def;
%ignore tsr_op_def;
%ignore tsr_source_def;
%ignore tsr_optimizer_def;
%ignore tsr_schedule_def;
%ignore tsr_store_def;
%ignore tsr_plugin;
%ignore tsr_kernel_operand;
%ignore tsr_step_result;
%ignore tsr_progress;

// ---- In ----------------------------------------------------------------------------------------

// str as UTF-8, or bytes; None is no text. The object keeps its bytes until the call is over.
%typemap(in) (const char* TEXT, size_t LENGTH) {
  if (!TesseraTextIn($input, (const char**)&$1, &$2)) SWIG_fail;
}
%typemap(in) (const void* BYTES, size_t LENGTH) (Py_buffer view, int has_view = 0) {
  if (PyObject_GetBuffer($input, &view, PyBUF_SIMPLE) != 0) SWIG_fail;
  has_view = 1;
  $1 = view.buf;
  $2 = (size_t)view.len;
}
%typemap(freearg) (const void* BYTES, size_t LENGTH) {
  if (has_view$argnum) PyBuffer_Release(&view$argnum);
}
%typemap(in) (const int64_t* DIMS, int32_t RANK) (int64_t dims[TESSERA_MOST_DIMS]) {
  Py_ssize_t count = TesseraIntsIn($input, dims, TESSERA_MOST_DIMS);
  if (count < 0) SWIG_fail;
  $1 = dims;
  $2 = (int32_t)count;
}
%typemap(in) (const tsr_value* VALUES, size_t COUNT) (tsr_value values[TESSERA_MOST_VALUES]) {
  Py_ssize_t count = TesseraValuesIn($input, values, TESSERA_MOST_VALUES);
  if (count < 0) SWIG_fail;
  $1 = values;
  $2 = (size_t)count;
}

// ---- Out ---------------------------------------------------------------------------------------

%typemap(out) tsr_status* {
  if (TesseraRaise($1)) SWIG_fail;
  $result = Py_NewRef(Py_None);
}
%typemap(out) tsr_status* tsr_status_new {
  $result = SWIG_NewPointerObj($1, SWIGTYPE_p_tsr_status, 0);
}
%typemap(out) const char* {
  $result = PyUnicode_DecodeUTF8($1, (Py_ssize_t)strlen($1), "surrogateescape");
}
%typemap(out) void* tsr_tensor_data { $result = PyLong_FromVoidPtr($1); }
%typemap(out) uint32_t tsr_version { $result = PyLong_FromUnsignedLong($1); }

%typemap(in, numinputs=0) (char** OUT_TEXT, size_t* OUT_LENGTH) (char* text = NULL, size_t length) {
  $1 = &text;
  $2 = &length;
}
%typemap(argout) (char** OUT_TEXT, size_t* OUT_LENGTH) {
  $result = TesseraAppend($result, TesseraTextOut(text$argnum, length$argnum));
}
%typemap(in, numinputs=0) (char** OUT_BYTES, size_t* OUT_LENGTH)
    (char* text = NULL, size_t length) {
  $1 = &text;
  $2 = &length;
}
%typemap(argout) (char** OUT_BYTES, size_t* OUT_LENGTH) {
  $result = TesseraAppend($result, TesseraBytesOut(text$argnum, length$argnum));
}
%typemap(in, numinputs=0) double* OUT_NUMBER (double number) { $1 = &number; }
%typemap(argout) double* OUT_NUMBER {
  $result = TesseraAppend($result, PyFloat_FromDouble(*$1));
}
%typemap(in, numinputs=0) int32_t* OUT_VALUE (int32_t value) { $1 = &value; }
%typemap(argout) int32_t* OUT_VALUE {
  $result = TesseraAppend($result, PyLong_FromLong(*$1));
}
%typemap(in, numinputs=0) SWIGTYPE** OUT_HANDLE ($*1_ltype handle = NULL) { $1 = &handle; }
%typemap(argout) SWIGTYPE** OUT_HANDLE {
  $result = TesseraAppend($result, SWIG_NewPointerObj(*$1, $*1_descriptor, 0));
}
%typemap(in, numinputs=0) (tsr_value* OUT_VALUES, size_t* COUNT)
    (tsr_value values[TESSERA_MOST_VALUES], size_t count = TESSERA_MOST_VALUES) {
  $1 = values;
  $2 = &count;
}
%typemap(argout) (tsr_value* OUT_VALUES, size_t* COUNT) {
  $result = TesseraAppend($result, TesseraValuesOut(values$argnum, count$argnum));
}
%typemap(in, numinputs=0) tsr_step_result* out_result (tsr_step_result result) {
  memset(&result, 0, sizeof(result));
  result.struct_size = sizeof(result);
  $1 = &result;
}
%typemap(argout) tsr_step_result* out_result {
  $result = TesseraAppend($result, TesseraStepOut($1));
}
%typemap(in, numinputs=0) tsr_progress* out_progress (tsr_progress progress) {
  memset(&progress, 0, sizeof(progress));
  progress.struct_size = sizeof(progress);
  progress.last.struct_size = sizeof(progress.last);
  $1 = &progress;
}
%typemap(argout) tsr_progress* out_progress {
  $result = TesseraAppend(
      $result, Py_BuildValue("(iLLN)", $1->done, (long long)$1->step, (long long)$1->total_steps,
                             TesseraStepOut(&$1->last)));
}

// ---- Programs: {name: tensor} in, a list of tensors out ------------------------------------------

%typemap(in) (const char* const* input_names, tsr_tensor* const* inputs, size_t input_count)
    (TesseraInputs given) {
  if (!TesseraInputsIn($input, &given)) SWIG_fail;
  $1 = ($1_ltype)given.names;
  $2 = given.tensors;
  $3 = (size_t)given.count;
}
%typemap(freearg) (const char* const* input_names, tsr_tensor* const* inputs, size_t input_count) {
  TesseraInputsFree(&given$argnum);
}
%typemap(arginit) (const char* const* input_names, tsr_tensor* const* inputs, size_t input_count) {
  memset(&given$argnum, 0, sizeof(given$argnum));
}
// The room for results, as a number; None where results are not wanted.
%typemap(in) (tsr_tensor** outputs, size_t* inout_count) (size_t count = 0) {
  if ($input == Py_None) {
    $1 = NULL;
    $2 = NULL;
  } else {
    count = PyLong_AsSize_t($input);
    if (PyErr_Occurred()) SWIG_fail;
    $1 = ($1_ltype)PyMem_Calloc(count ? count : 1, sizeof(*$1));
    if ($1 == NULL) {
      PyErr_NoMemory();
      SWIG_fail;
    }
    $2 = &count;
  }
}
%typemap(argout) (tsr_tensor** outputs, size_t* inout_count) {
  $result = TesseraAppend($result, $1 == NULL ? PyList_New(0) : TesseraTensorsOut($1, *$2));
}
%typemap(freearg) (tsr_tensor** outputs, size_t* inout_count) { PyMem_Free($1); }

// ---- DLPack: capsules ----------------------------------------------------------------------------

%typemap(in) void* dl_managed_tensor {
  $1 = PyCapsule_GetPointer($input, "dltensor");
  if ($1 == NULL) SWIG_fail;
}
// The tensor is taken: the capsule must not free it.
%typemap(argout) void* dl_managed_tensor { PyCapsule_SetName($input, "used_dltensor"); }
%typemap(in, numinputs=0) void** out_dl_managed_tensor (void* managed = NULL) { $1 = &managed; }
%typemap(argout) void** out_dl_managed_tensor {
  $result = TesseraAppend($result, TesseraDlpackOut(managed$argnum));
}

// ---- Callbacks -----------------------------------------------------------------------------------

// (type, schema, build); build(scope, config, inputs) returns values.
%typemap(in) const tsr_module_def* def (tsr_module_def def) {
  if (!TesseraModuleIn($input, &def)) SWIG_fail;
  $1 = &def;
}
// (name, version, signature, doc, run, gradient or None).
%typemap(in) const tsr_op_def* def (tsr_op_def def) {
  if (!TesseraOpIn($input, &def)) SWIG_fail;
  $1 = &def;
}
// (name, read); read(corpus, name).
%typemap(in) const tsr_source_def* def (tsr_source_def def) {
  if (!TesseraSourceIn($input, &def)) SWIG_fail;
  $1 = &def;
}
// (type, schema, slots, build); build(scope, settings, values) returns values.
%typemap(in) const tsr_optimizer_def* def (tsr_optimizer_def def) {
  if (!TesseraOptimizerIn($input, &def)) SWIG_fail;
  $1 = &def;
}
// (type, schema, factor); factor(config, step, total_steps) returns a float.
%typemap(in) const tsr_schedule_def* def (tsr_schedule_def def) {
  if (!TesseraScheduleIn($input, &def)) SWIG_fail;
  $1 = &def;
}
// (name, is_shared, write, read, list, rename, remove), as the methods of CheckpointStore but for
// list(prefix, listing).
%typemap(in) const tsr_store_def* def (tsr_store_def def) {
  if (!TesseraStoreIn($input, &def)) SWIG_fail;
  $1 = &def;
}
// callback(); it must not raise.
%typemap(in) (tsr_job_end callback, void* user, void (*destroy)(void* user)) {
  if (!TesseraCallable($input)) SWIG_fail;
  $1 = &TesseraJobEnd;
  $2 = Py_NewRef($input);
  $3 = &TesseraDestroy;
}
// sink(record); it must not raise.
%typemap(in) (tsr_metrics_sink sink, void* user, void (*destroy)(void* user)) {
  if (!TesseraCallable($input)) SWIG_fail;
  $1 = &TesseraSink;
  $2 = Py_NewRef($input);
  $3 = &TesseraDestroy;
}
// callback(piece) is true to stop; it must not raise. None: no callback.
%typemap(in) (tsr_generate_callback callback, void* user) {
  if ($input != Py_None && !TesseraCallable($input)) SWIG_fail;
  $1 = $input == Py_None ? NULL : &TesseraPiece;
  $2 = $input;
}

%wrapper %{
#include "csrc/operand_base.h"
#include "csrc/callbacks.h"
#include "csrc/store.h"
#include "csrc/dlpack.h"
#include "csrc/inputs.h"
#include "csrc/tensor_base.h"
%}
%init %{
  if (TesseraAddTensorBase(m) != 0 || TesseraAddOperandBase(m) != 0) return -1;
%}

%include "common.i"
