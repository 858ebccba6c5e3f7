/* What the library calls: each arrives at a static method of Callbacks.java, which throws nothing.
 * Local references are given back at the end of each, since a thread of the library may never
 * return to Java. */
#ifndef TESSERA_JAVA_CALLBACKS_H_
#define TESSERA_JAVA_CALLBACKS_H_

#include "native/errors.h"

static const char kTesseraNoThread[] =
    "the JVM has no more memory or threads, or an operand has more than 2 GiB";

/* The environment with room for local references; NULL when there is none. */
static JNIEnv* TesseraEnter(void) {
  JNIEnv* env = TesseraEnvironment();
  if (env != NULL && (*env)->PushLocalFrame(env, 32) != 0) {
    (*env)->ExceptionClear(env);
    return NULL;
  }
  return env;
}

/* The status that a method of Callbacks returned. One that could not even be called (no memory for
 * its arguments) has thrown instead. */
static tsr_status* TesseraLeave(JNIEnv* env, jlong status) {
  if ((*env)->ExceptionCheck(env)) {
    (*env)->ExceptionClear(env);
    (*env)->PopLocalFrame(env, NULL);
    return tsr_status_new(TSR_RESOURCE_EXHAUSTED, kTesseraNoThread, sizeof(kTesseraNoThread) - 1);
  }
  (*env)->PopLocalFrame(env, NULL);
  return (tsr_status*)(intptr_t)status;
}

static tsr_status* TesseraNoEnvironment(void) {
  return tsr_status_new(TSR_RESOURCE_EXHAUSTED, kTesseraNoThread, sizeof(kTesseraNoThread) - 1);
}

static void TesseraDestroy(void* user) {
  JNIEnv* env = TesseraEnvironment();
  if (env != NULL) (*env)->DeleteGlobalRef(env, (jobject)user);
}

/* ---- Modules ---- */

/* Calls `method` with room for `*count` values, which it fills; array[0] is their number. */
static tsr_status* TesseraTrace(jmethodID method, void* user, tsr_scope* scope, const char* text,
                                size_t text_len, const tsr_value* values, size_t value_count,
                                tsr_value* outputs, size_t* count) {
  JNIEnv* env = TesseraEnter();
  jbyteArray json;
  jintArray in, out;
  jlong status = 0;
  jint written = 0;
  if (env == NULL) return TesseraNoEnvironment();
  json = TesseraBytesOut(env, text, text_len);
  in = json == NULL ? NULL : TesseraIntsOut(env, values, value_count);
  out = in == NULL ? NULL : (*env)->NewIntArray(env, (jsize)*count + 1);
  if (out != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, method, (jobject)user,
                                          (jlong)(intptr_t)scope, json, in, out);
    if (status == 0 && !(*env)->ExceptionCheck(env)) {
      (*env)->GetIntArrayRegion(env, out, 0, 1, &written);
      (*env)->GetIntArrayRegion(env, out, 1, written, (jint*)outputs);
      *count = (size_t)written;
    }
  }
  return TesseraLeave(env, status);
}

static tsr_status* TesseraBuild(void* user, tsr_scope* scope, const char* config,
                                size_t config_len, const tsr_value* inputs, size_t input_count,
                                tsr_value* outputs, size_t* inout_output_count) {
  return TesseraTrace(tessera_build, user, scope, config, config_len, inputs, input_count, outputs,
                      inout_output_count);
}

typedef struct TesseraModule {
  tsr_module_def def;
  char *schema, *type;
} TesseraModule;

static void TesseraModuleFree(TesseraModule* module) {
  free(module->schema);
  free(module->type);
}

static int TesseraModuleIn(JNIEnv* env, jobjectArray parts, TesseraModule* module) {
  jobject build = (*env)->GetObjectArrayElement(env, parts, 2);
  memset(module, 0, sizeof(*module));
  module->schema = TesseraTerminated(env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 0));
  module->type = TesseraTerminated(env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 1));
  if ((*env)->ExceptionCheck(env)) {
    TesseraModuleFree(module);
    return 0;
  }
  module->def.struct_size = sizeof(module->def);
  module->def.schema = module->schema;
  module->def.type = module->type;
  module->def.build = &TesseraBuild;
  module->def.user = (*env)->NewGlobalRef(env, build);
  module->def.destroy = &TesseraDestroy;
  return 1;
}

/* ---- Ops ---- */

/* Operands as buffers, their dims one after the other, each with its rank first, and dtypes. */
static int TesseraOperands(JNIEnv* env, const tsr_kernel_operand* operands, size_t count,
                           jobjectArray* buffers, jlongArray* dims, jintArray* dtypes) {
  static const int kBytes[] = {0, 8, 4, 2, 2, 8, 4, 1, 4, 2, 1, 1}; /* by tsr_dtype */
  jclass buffer = (*env)->FindClass(env, "java/nio/ByteBuffer");
  jsize at = 0, total = 0;
  size_t i;
  for (i = 0; i < count; ++i) total += 1 + operands[i].rank;
  *buffers = buffer == NULL ? NULL : (*env)->NewObjectArray(env, (jsize)count, buffer, NULL);
  *dims = *buffers == NULL ? NULL : (*env)->NewLongArray(env, total);
  *dtypes = *dims == NULL ? NULL : (*env)->NewIntArray(env, (jsize)count);
  if (*dtypes == NULL) return 0;
  for (i = 0; i < count; ++i) {
    const jlong rank = operands[i].rank;
    const jint dtype = (jint)operands[i].dtype;
    size_t bytes = dtype > 0 && dtype < 12 ? (size_t)kBytes[dtype] : 0;
    jobject data;
    jlong axis;
    for (axis = 0; axis < rank; ++axis) bytes *= (size_t)operands[i].dims[axis];
    data = TesseraBufferOut(env, operands[i].data, bytes);
    if (data == NULL) return 0;
    (*env)->SetObjectArrayElement(env, *buffers, (jsize)i, data);
    (*env)->DeleteLocalRef(env, data);
    (*env)->SetLongArrayRegion(env, *dims, at, 1, &rank);
    (*env)->SetLongArrayRegion(env, *dims, at + 1, (jsize)rank, (const jlong*)operands[i].dims);
    (*env)->SetIntArrayRegion(env, *dtypes, (jsize)i, 1, &dtype);
    at += 1 + (jsize)rank;
  }
  return 1;
}

static tsr_status* TesseraRun(void* user, const char* attrs, size_t attrs_len,
                              const tsr_kernel_operand* inputs, size_t input_count,
                              const tsr_kernel_operand* outputs, size_t output_count) {
  JNIEnv* env = TesseraEnter();
  jobjectArray in, out;
  jlongArray in_dims, out_dims;
  jintArray in_dtypes, out_dtypes;
  jbyteArray json;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  json = TesseraBytesOut(env, attrs, attrs_len);
  if (json != NULL && TesseraOperands(env, inputs, input_count, &in, &in_dims, &in_dtypes) &&
      TesseraOperands(env, outputs, output_count, &out, &out_dims, &out_dtypes)) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_run, (jobject)user, json,
                                          in, in_dims, in_dtypes, out, out_dims, out_dtypes);
  }
  return TesseraLeave(env, status);
}

static tsr_status* TesseraGradient(void* user, tsr_scope* scope, const char* attrs,
                                   size_t attrs_len, const tsr_value* values, size_t value_count,
                                   tsr_value* gradients, size_t input_count) {
  size_t count = input_count;
  return TesseraTrace(tessera_gradient, user, scope, attrs, attrs_len, values, value_count,
                      gradients, &count);
}

typedef struct TesseraOp {
  tsr_op_def def;
  char *name, *signature, *doc;
} TesseraOp;

static void TesseraOpFree(TesseraOp* op) {
  free(op->name);
  free(op->signature);
  free(op->doc);
}

static int TesseraOpIn(JNIEnv* env, jobjectArray parts, TesseraOp* op) {
  jobject kernel = (*env)->GetObjectArrayElement(env, parts, 3);
  jintArray numbers = (jintArray)(*env)->GetObjectArrayElement(env, parts, 4);
  jint version_gradient[2] = {0, 0};
  memset(op, 0, sizeof(*op));
  op->name = TesseraTerminated(env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 0));
  op->signature = TesseraTerminated(env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 1));
  op->doc = TesseraTerminated(env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 2));
  (*env)->GetIntArrayRegion(env, numbers, 0, 2, version_gradient);
  if ((*env)->ExceptionCheck(env)) {
    TesseraOpFree(op);
    return 0;
  }
  op->def.struct_size = sizeof(op->def);
  op->def.version = (uint32_t)version_gradient[0];
  op->def.name = op->name;
  op->def.signature = op->signature;
  op->def.doc = op->doc;
  op->def.run = &TesseraRun;
  op->def.gradient = version_gradient[1] != 0 ? &TesseraGradient : NULL;
  op->def.user = (*env)->NewGlobalRef(env, kernel);
  op->def.destroy = &TesseraDestroy;
  return 1;
}

/* ---- Sources, optimizers and schedules ---- */

static tsr_status* TesseraRead(void* user, tsr_corpus* corpus, const char* name, size_t name_len) {
  JNIEnv* env = TesseraEnter();
  jbyteArray text;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  text = TesseraBytesOut(env, name, name_len);
  if (text != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_read, (jobject)user,
                                          (jlong)(intptr_t)corpus, text);
  }
  return TesseraLeave(env, status);
}

typedef struct TesseraSource {
  tsr_source_def def;
  char* name;
} TesseraSource;

static int TesseraSourceIn(JNIEnv* env, jobjectArray parts, TesseraSource* source) {
  jobject read = (*env)->GetObjectArrayElement(env, parts, 1);
  memset(source, 0, sizeof(*source));
  source->name = TesseraTerminated(env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 0));
  if (source->name == NULL) return 0;
  source->def.struct_size = sizeof(source->def);
  source->def.name = source->name;
  source->def.read = &TesseraRead;
  source->def.user = (*env)->NewGlobalRef(env, read);
  source->def.destroy = &TesseraDestroy;
  return 1;
}

static tsr_status* TesseraUpdate(void* user, tsr_scope* scope, const char* settings,
                                 size_t settings_len, const tsr_value* values, size_t value_count,
                                 tsr_value* outputs, size_t* inout_output_count) {
  return TesseraTrace(tessera_update, user, scope, settings, settings_len, values, value_count,
                      outputs, inout_output_count);
}

typedef struct TesseraOptimizer {
  tsr_optimizer_def def;
  TesseraModule texts;
  char* slots;
} TesseraOptimizer;

static void TesseraOptimizerFree(TesseraOptimizer* optimizer) {
  TesseraModuleFree(&optimizer->texts);
  free(optimizer->slots);
}

static int TesseraOptimizerIn(JNIEnv* env, jobjectArray parts, TesseraOptimizer* optimizer) {
  memset(optimizer, 0, sizeof(*optimizer));
  optimizer->slots = TesseraTerminated(
      env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 3));
  if (optimizer->slots == NULL || !TesseraModuleIn(env, parts, &optimizer->texts)) {
    free(optimizer->slots);
    return 0;
  }
  optimizer->def.struct_size = sizeof(optimizer->def);
  optimizer->def.schema = optimizer->texts.schema;
  optimizer->def.type = optimizer->texts.type;
  optimizer->def.slots = optimizer->slots;
  optimizer->def.build = &TesseraUpdate;
  optimizer->def.user = optimizer->texts.def.user;
  optimizer->def.destroy = &TesseraDestroy;
  return 1;
}

static tsr_status* TesseraFactor(void* user, const char* config, size_t config_len, int64_t step,
                                 int64_t total_steps, double* out_factor) {
  JNIEnv* env = TesseraEnter();
  jbyteArray json;
  jdoubleArray out;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  json = TesseraBytesOut(env, config, config_len);
  out = json == NULL ? NULL : (*env)->NewDoubleArray(env, 1);
  if (out != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_factor, (jobject)user,
                                          json, (jlong)step, (jlong)total_steps, out);
    if (!(*env)->ExceptionCheck(env)) {
      (*env)->GetDoubleArrayRegion(env, out, 0, 1, out_factor);
    }
  }
  return TesseraLeave(env, status);
}

/* Of the texts and the object that a module has too. */
static tsr_schedule_def TesseraScheduleOf(const TesseraModule* module) {
  tsr_schedule_def def;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.schema = module->schema;
  def.type = module->type;
  def.factor = &TesseraFactor;
  def.user = module->def.user;
  def.destroy = &TesseraDestroy;
  return def;
}

/* ---- Ends of jobs, sinks and pieces ---- */

static void TesseraEnd(void* user) {
  JNIEnv* env = TesseraEnter();
  if (env == NULL) return;
  (*env)->CallStaticVoidMethod(env, tessera_callbacks, tessera_end, (jobject)user);
  tsr_status_free(TesseraLeave(env, 0));
}


static void TesseraSink(void* user, const char* record, size_t record_len) {
  JNIEnv* env = TesseraEnter();
  jbyteArray json;
  if (env == NULL) return;
  json = TesseraBytesOut(env, record, record_len);
  if (json != NULL) {
    (*env)->CallStaticVoidMethod(env, tessera_callbacks, tessera_sink, (jobject)user, json);
  }
  tsr_status_free(TesseraLeave(env, 0));
}

/* On the thread that generates, which is Java's. */
static int32_t TesseraPiece(void* user, const char* text, size_t text_len) {
  JNIEnv* env = TesseraEnter();
  jbyteArray bytes;
  jint stop = 1;
  if (env == NULL) return 1;
  bytes = TesseraBytesOut(env, text, text_len);
  if (bytes != NULL) {
    stop = (*env)->CallStaticIntMethod(env, tessera_callbacks, tessera_piece, (jobject)user, bytes);
  }
  tsr_status_free(TesseraLeave(env, 0));
  return stop;
}

#endif /* TESSERA_JAVA_CALLBACKS_H_ */
