// Java's raw layer: io.tessera.Raw, package-private, with a function for each of tessera.h.
//
// A status is thrown as TesseraException (native/errors.h), texts are UTF-8 in byte[], results are
// written to arrays of one, handles are numbers that free nothing; NativeHandle.java owns them.
// Callbacks (native/callbacks.h) arrive at static methods of Callbacks.java.
%module Raw

%pragma(java) moduleclassmodifiers="final class"
%pragma(java) jniclassclassmodifiers="final class"
%pragma(java) jniclassimports=%{ import java.nio.ByteBuffer; %}
%pragma(java) moduleimports=%{ import java.nio.ByteBuffer; %}
%pragma(java) jniclasscode=%{
  static { NativeLibrary.load(); }
%}

%{
#include "capi/include/tessera.h"
#include "native/environment.h"
#include "native/errors.h"
#include "native/arrays.h"
#include "native/callbacks.h"
#include "native/store.h"
#include "native/dlpack.h"
%}

// Texts out are freed where they become byte[]; nothing else returns what this frees.
%ignore tsr_text_free;
// What callbacks are given and what descriptors hold, as structs; here they are arrays.
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
// Numbers, in the Java enums.
%ignore tsr_code;
%ignore tsr_dtype;
%ignore TSR_VERSION_MAJOR;
%ignore TSR_VERSION_MINOR;
%ignore TSR_VERSION_PATCH;

// A kind of argument that Java sees as `java`, and JNI as `jni`.
%define TESSERA_TYPE(jni_name, java_name, ...)
%typemap(jni) __VA_ARGS__ #jni_name
%typemap(jtype) __VA_ARGS__ #java_name
%typemap(jstype) __VA_ARGS__ #java_name
%typemap(javain) __VA_ARGS__ "$javainput"
%enddef
%define TESSERA_OUT(...)
%typemap(javaout, throws="TesseraException") __VA_ARGS__ { return $jnicall; }
%enddef

// ---- Plain values --------------------------------------------------------------------------------

TESSERA_TYPE(jint, int, tsr_code)
TESSERA_TYPE(jint, int, tsr_dtype)
%typemap(in) tsr_code, tsr_dtype { $1 = ($1_ltype)$input; }
%typemap(out) tsr_code, tsr_dtype { $result = (jint)$1; }
%typemap(javaout) tsr_code, tsr_dtype { return $jnicall; }
TESSERA_TYPE(jint, int, uint32_t)
%typemap(out) uint32_t { $result = (jint)$1; }
%typemap(javaout) uint32_t { return $jnicall; }
TESSERA_TYPE(jlong, long, size_t)
%typemap(out) size_t { $result = (jlong)$1; }
%typemap(javaout) size_t { return $jnicall; }

// Handles.
TESSERA_TYPE(jlong, long, SWIGTYPE*)
%typemap(in) SWIGTYPE* { $1 = ($1_ltype)(intptr_t)$input; }
%typemap(out) SWIGTYPE* { $result = (jlong)(intptr_t)$1; }
%typemap(javaout) SWIGTYPE* { return $jnicall; }
TESSERA_TYPE(jlong, long, void* dl_managed_tensor)
%typemap(in) void* dl_managed_tensor { $1 = (void*)(intptr_t)$input; }

// ---- In ------------------------------------------------------------------------------------------

TESSERA_TYPE(jbyteArray, byte[], (const char* TEXT, size_t LENGTH))
%typemap(in) (const char* TEXT, size_t LENGTH) (TesseraBytes bytes) {
  if (!TesseraBytesIn(jenv, $input, &bytes)) return $null;
  $1 = (char*)bytes.data;
  $2 = bytes.length;
}
%typemap(freearg) (const char* TEXT, size_t LENGTH) {
  TesseraBytesFree(jenv, &bytes$argnum);
}
TESSERA_TYPE(jbyteArray, byte[], (const void* BYTES, size_t LENGTH))
%typemap(in) (const void* BYTES, size_t LENGTH) = (const char* TEXT, size_t LENGTH);
%typemap(freearg) (const void* BYTES, size_t LENGTH) = (const char* TEXT, size_t LENGTH);

TESSERA_TYPE(jlongArray, long[], (const int64_t* DIMS, int32_t RANK))
%typemap(in) (const int64_t* DIMS, int32_t RANK) (int64_t dims[TESSERA_MOST_DIMS]) {
  const jsize count = TesseraLongsIn(jenv, $input, dims, TESSERA_MOST_DIMS);
  if (count < 0) return $null;
  $1 = dims;
  $2 = (int32_t)count;
}
TESSERA_TYPE(jintArray, int[], (const tsr_value* VALUES, size_t COUNT))
%typemap(in) (const tsr_value* VALUES, size_t COUNT) (tsr_value values[TESSERA_MOST_VALUES]) {
  const jsize count = TesseraIntsIn(jenv, $input, values, TESSERA_MOST_VALUES);
  if (count < 0) return $null;
  $1 = values;
  $2 = (size_t)count;
}

// ---- Out -----------------------------------------------------------------------------------------

%typemap(jni) tsr_status* "void"
%typemap(jtype) tsr_status* "void"
%typemap(jstype) tsr_status* "void"
%typemap(out, throws="TesseraException") tsr_status* {
  if ($1 != NULL) TesseraThrow(jenv, $1);
}
%typemap(javaout) tsr_status* { $jnicall; }
// As an argument or a result of its own it is a handle.
TESSERA_TYPE(jlong, long, tsr_status* status)
%typemap(in) tsr_status* status { $1 = ($1_ltype)(intptr_t)$input; }
TESSERA_TYPE(jlong, long, const tsr_status* status)
%typemap(in) const tsr_status* status { $1 = ($1_ltype)(intptr_t)$input; }
%typemap(jni) tsr_status* tsr_status_new "jlong"
%typemap(jtype) tsr_status* tsr_status_new "long"
%typemap(jstype) tsr_status* tsr_status_new "long"
%typemap(out) tsr_status* tsr_status_new { $result = (jlong)(intptr_t)$1; }
%typemap(javaout) tsr_status* tsr_status_new { return $jnicall; }

TESSERA_TYPE(jbyteArray, byte[], const char*)
%typemap(out) const char* { $result = TesseraBytesOut(jenv, $1, strlen($1)); }
%typemap(javaout) const char* { return $jnicall; }

// Results go to arrays; nothing is written when an exception is thrown.
TESSERA_TYPE(jobjectArray, byte[][], (char** OUT_TEXT, size_t* OUT_LENGTH))
%typemap(in) (char** OUT_TEXT, size_t* OUT_LENGTH) (char* text = NULL, size_t length = 0) {
  $1 = &text;
  $2 = &length;
}
%typemap(argout) (char** OUT_TEXT, size_t* OUT_LENGTH) {
  if (result == NULL) TesseraTextOut(jenv, $input, text$argnum, length$argnum);
}
TESSERA_TYPE(jobjectArray, byte[][], (char** OUT_BYTES, size_t* OUT_LENGTH))
%typemap(in) (char** OUT_BYTES, size_t* OUT_LENGTH) = (char** OUT_TEXT, size_t* OUT_LENGTH);
%typemap(argout) (char** OUT_BYTES, size_t* OUT_LENGTH) = (char** OUT_TEXT, size_t* OUT_LENGTH);

TESSERA_TYPE(jdoubleArray, double[], double* OUT_NUMBER)
%typemap(in) double* OUT_NUMBER (double number = 0) { $1 = &number; }
%typemap(argout) double* OUT_NUMBER {
  if (result == NULL) (*jenv)->SetDoubleArrayRegion(jenv, $input, 0, 1, $1);
}
TESSERA_TYPE(jintArray, int[], int32_t* OUT_VALUE)
%typemap(in) int32_t* OUT_VALUE (int32_t value = -1) { $1 = &value; }
%typemap(argout) int32_t* OUT_VALUE {
  if (result == NULL) (*jenv)->SetIntArrayRegion(jenv, $input, 0, 1, (const jint*)$1);
}
TESSERA_TYPE(jlongArray, long[], SWIGTYPE** OUT_HANDLE)
%typemap(in) SWIGTYPE** OUT_HANDLE ($*1_ltype handle = NULL) { $1 = &handle; }
%typemap(argout) SWIGTYPE** OUT_HANDLE {
  if (result == NULL) TesseraLongOut(jenv, $input, (jlong)(intptr_t)*$1);
}
TESSERA_TYPE(jlongArray, long[], void** out_dl_managed_tensor)
%typemap(in) void** out_dl_managed_tensor (void* managed = NULL) { $1 = &managed; }
%typemap(argout) void** out_dl_managed_tensor {
  if (result == NULL) TesseraLongOut(jenv, $input, (jlong)(intptr_t)*$1);
}
// The first element becomes their number.
TESSERA_TYPE(jintArray, int[], (tsr_value* OUT_VALUES, size_t* COUNT))
%typemap(in) (tsr_value* OUT_VALUES, size_t* COUNT)
    (tsr_value values[TESSERA_MOST_VALUES], size_t count = TESSERA_MOST_VALUES) {
  $1 = values;
  $2 = &count;
}
%typemap(argout) (tsr_value* OUT_VALUES, size_t* COUNT) {
  if (result == NULL) TesseraValuesOut(jenv, $input, values$argnum, count$argnum);
}

// Structs of numbers, as long[]: integers, and the bits of doubles.
TESSERA_TYPE(jlongArray, long[], tsr_step_result* out_result)
%typemap(in) tsr_step_result* out_result (tsr_step_result step) {
  memset(&step, 0, sizeof(step));
  step.struct_size = sizeof(step);
  $1 = &step;
}
%typemap(argout) tsr_step_result* out_result {
  if (result == NULL) TesseraStepOut(jenv, $input, 0, $1);
}
TESSERA_TYPE(jlongArray, long[], tsr_progress* out_progress)
%typemap(in) tsr_progress* out_progress (tsr_progress progress) {
  memset(&progress, 0, sizeof(progress));
  progress.struct_size = sizeof(progress);
  progress.last.struct_size = sizeof(progress.last);
  $1 = &progress;
}
%typemap(argout) tsr_progress* out_progress {
  if (result == NULL) TesseraProgressOut(jenv, $input, $1);
}

// ---- Tensors and programs ------------------------------------------------------------------------

// The data as a direct buffer over the tensor's own memory. Tensor.java keeps that alive.
TESSERA_TYPE(jobject, ByteBuffer, void* tsr_tensor_data)
%typemap(out) void* tsr_tensor_data {
  $result = TesseraBufferOut(jenv, $1, tsr_tensor_bytes(arg1));
}
%typemap(javaout) void* tsr_tensor_data { return $jnicall; }

// {byte[][] names, each 0-terminated, long[] tensors}.
TESSERA_TYPE(jobjectArray, Object[],
             (const char* const* input_names, tsr_tensor* const* inputs, size_t input_count))
%typemap(in) (const char* const* input_names, tsr_tensor* const* inputs, size_t input_count)
    (TesseraInputs given) {
  if (!TesseraInputsIn(jenv, $input, &given)) return $null;
  $1 = (char**)given.names;
  $2 = given.tensors;
  $3 = given.count;
}
%typemap(freearg) (const char* const* input_names, tsr_tensor* const* inputs, size_t input_count) {
  TesseraInputsFree(&given$argnum);
}
// Room for the results; what is not used stays 0.
TESSERA_TYPE(jlongArray, long[], (tsr_tensor** outputs, size_t* inout_count))
%typemap(in) (tsr_tensor** outputs, size_t* inout_count)
    (tsr_tensor* tensors[TESSERA_MOST_VALUES], size_t count) {
  count = TesseraRoom(jenv, $input, TESSERA_MOST_VALUES);
  $1 = tensors;
  $2 = &count;
}
%typemap(argout) (tsr_tensor** outputs, size_t* inout_count) {
  if (result == NULL) TesseraTensorsOut(jenv, $input, tensors$argnum, count$argnum);
}

// ---- Callbacks -----------------------------------------------------------------------------------

// {byte[] schema, byte[] type, both 0-terminated, the object that builds}.
TESSERA_TYPE(jobjectArray, Object[], const tsr_module_def* def)
%typemap(in) const tsr_module_def* def (TesseraModule module) {
  if (!TesseraModuleIn(jenv, $input, &module)) return $null;
  $1 = &module.def;
}
%typemap(freearg) const tsr_module_def* def { TesseraModuleFree(&module$argnum); }
// {byte[] name, byte[] signature, byte[] doc, the op, Integer version, Boolean has_gradient}.
TESSERA_TYPE(jobjectArray, Object[], const tsr_op_def* def)
%typemap(in) const tsr_op_def* def (TesseraOp op) {
  if (!TesseraOpIn(jenv, $input, &op)) return $null;
  $1 = &op.def;
}
%typemap(freearg) const tsr_op_def* def { TesseraOpFree(&op$argnum); }
// {byte[] name, the source}.
TESSERA_TYPE(jobjectArray, Object[], const tsr_source_def* def)
%typemap(in) const tsr_source_def* def (TesseraSource source) {
  if (!TesseraSourceIn(jenv, $input, &source)) return $null;
  $1 = &source.def;
}
%typemap(freearg) const tsr_source_def* def { free(source$argnum.name); }
// {byte[] schema, byte[] type, the optimizer, byte[] slots}.
TESSERA_TYPE(jobjectArray, Object[], const tsr_optimizer_def* def)
%typemap(in) const tsr_optimizer_def* def (TesseraOptimizer optimizer) {
  if (!TesseraOptimizerIn(jenv, $input, &optimizer)) return $null;
  $1 = &optimizer.def;
}
%typemap(freearg) const tsr_optimizer_def* def { TesseraOptimizerFree(&optimizer$argnum); }
// {byte[] schema, byte[] type, the schedule}.
TESSERA_TYPE(jobjectArray, Object[], const tsr_schedule_def* def)
%typemap(in) const tsr_schedule_def* def (TesseraModule module, tsr_schedule_def schedule) {
  if (!TesseraModuleIn(jenv, $input, &module)) return $null;
  schedule = TesseraScheduleOf(&module);
  $1 = &schedule;
}
%typemap(freearg) const tsr_schedule_def* def { TesseraModuleFree(&module$argnum); }
// {byte[] name, the store, int[] {is shared}}.
TESSERA_TYPE(jobjectArray, Object[], const tsr_store_def* def)
%typemap(in) const tsr_store_def* def (TesseraStore store) {
  if (!TesseraStoreIn(jenv, $input, &store)) return $null;
  $1 = &store.def;
}
%typemap(freearg) const tsr_store_def* def { free(store$argnum.name); }
TESSERA_TYPE(jobject, Object, (tsr_job_end callback, void* user, void (*destroy)(void* user)))
%typemap(in) (tsr_job_end callback, void* user, void (*destroy)(void* user)) {
  $1 = &TesseraEnd;
  $2 = (*jenv)->NewGlobalRef(jenv, $input);
  $3 = &TesseraDestroy;
}
TESSERA_TYPE(jobject, Object, (tsr_metrics_sink sink, void* user, void (*destroy)(void* user)))
%typemap(in) (tsr_metrics_sink sink, void* user, void (*destroy)(void* user)) {
  $1 = &TesseraSink;
  $2 = (*jenv)->NewGlobalRef(jenv, $input);
  $3 = &TesseraDestroy;
}
TESSERA_TYPE(jobject, Object, (tsr_generate_callback callback, void* user))
%typemap(in) (tsr_generate_callback callback, void* user) {
  $1 = $input == NULL ? NULL : &TesseraPiece;
  $2 = $input;
}

// The deleter of a DLManagedTensor that tsr_tensor_to_dlpack gave.
%inline %{
static void dlpack_delete(void* dl_managed_tensor) { TesseraDlpackDelete(dl_managed_tensor); }
%}

%include "common.i"
