/* Arrays of Java to and from what the library takes. A function that says false has thrown. */
#ifndef TESSERA_JAVA_ARRAYS_H_
#define TESSERA_JAVA_ARRAYS_H_

#include "native/environment.h"

#define TESSERA_MOST_DIMS 64    /* more than any tensor may have, so that the library says so */
#define TESSERA_MOST_VALUES 1024

static int TesseraRefuse(JNIEnv* env, const char* text) {
  jclass type = (*env)->FindClass(env, "java/lang/IllegalArgumentException");
  if (type != NULL) (*env)->ThrowNew(env, type, text);
  return 0;
}

static int TesseraNoMemory(JNIEnv* env) {
  jclass type = (*env)->FindClass(env, "java/lang/OutOfMemoryError");
  if (type != NULL) (*env)->ThrowNew(env, type, "native memory");
  return 0;
}

/* ---- Texts and bytes ---- */

typedef struct TesseraBytes {
  jbyteArray array;
  jbyte* data;
  size_t length;
} TesseraBytes;

/* A null array is no text. The bytes are a copy or pinned until TesseraBytesFree; nothing else
 * waits for that, as it would with critical arrays. */
static int TesseraBytesIn(JNIEnv* env, jbyteArray array, TesseraBytes* bytes) {
  memset(bytes, 0, sizeof(*bytes));
  if (array == NULL) return 1;
  bytes->array = array;
  bytes->data = (*env)->GetByteArrayElements(env, array, NULL);
  bytes->length = (size_t)(*env)->GetArrayLength(env, array);
  return bytes->data != NULL ? 1 : TesseraNoMemory(env);
}

static void TesseraBytesFree(JNIEnv* env, TesseraBytes* bytes) {
  if (bytes->data != NULL) {
    (*env)->ReleaseByteArrayElements(env, bytes->array, bytes->data, JNI_ABORT);
  }
}

static jbyteArray TesseraBytesOut(JNIEnv* env, const char* data, size_t length) {
  jbyteArray array;
  if (length > INT32_MAX) {
    TesseraRefuse(env, "expected at most 2 GiB of text from the library, got more");
    return NULL;
  }
  array = (*env)->NewByteArray(env, (jsize)length);
  if (array != NULL) {
    (*env)->SetByteArrayRegion(env, array, 0, (jsize)length, (const jbyte*)data);
  }
  return array;
}

/* Writes text of the library to array[0] and frees it. */
static void TesseraTextOut(JNIEnv* env, jobjectArray array, char* text, size_t length) {
  jbyteArray bytes = TesseraBytesOut(env, text, length);
  tsr_text_free(text);
  if (bytes != NULL) (*env)->SetObjectArrayElement(env, array, 0, bytes);
}

/* A copy with a 0 at its end, to be freed; NULL for null. */
static char* TesseraTerminated(JNIEnv* env, jbyteArray array) {
  jsize length;
  char* copy;
  if (array == NULL) return NULL;
  length = (*env)->GetArrayLength(env, array);
  copy = (char*)malloc((size_t)length + 1);
  if (copy == NULL) {
    TesseraNoMemory(env);
    return NULL;
  }
  (*env)->GetByteArrayRegion(env, array, 0, length, (jbyte*)copy);
  copy[length] = 0;
  return copy;
}

/* ---- Numbers ---- */

static jsize TesseraCountIn(JNIEnv* env, jarray array, jsize most) {
  jsize count;
  if (array == NULL) return 0;
  count = (*env)->GetArrayLength(env, array);
  if (count > most) {
    TesseraRefuse(env, "expected fewer elements than this array has");
    return -1;
  }
  return count;
}

static jsize TesseraLongsIn(JNIEnv* env, jlongArray array, int64_t* out, jsize most) {
  const jsize count = TesseraCountIn(env, array, most);
  if (count > 0) (*env)->GetLongArrayRegion(env, array, 0, count, (jlong*)out);
  return count;
}

static jsize TesseraIntsIn(JNIEnv* env, jintArray array, int32_t* out, jsize most) {
  const jsize count = TesseraCountIn(env, array, most);
  if (count > 0) (*env)->GetIntArrayRegion(env, array, 0, count, (jint*)out);
  return count;
}

static jintArray TesseraIntsOut(JNIEnv* env, const int32_t* values, size_t count) {
  jintArray array = (*env)->NewIntArray(env, (jsize)count);
  if (array != NULL) (*env)->SetIntArrayRegion(env, array, 0, (jsize)count, (const jint*)values);
  return array;
}

static void TesseraLongOut(JNIEnv* env, jlongArray array, jlong value) {
  (*env)->SetLongArrayRegion(env, array, 0, 1, &value);
}

/* array[0] is the number of values, which follow. */
static void TesseraValuesOut(JNIEnv* env, jintArray array, const int32_t* values, size_t count) {
  const jint number = (jint)count;
  (*env)->SetIntArrayRegion(env, array, 0, 1, &number);
  (*env)->SetIntArrayRegion(env, array, 1, number, (const jint*)values);
}

static jlong TesseraBits(double number) {
  jlong bits;
  memcpy(&bits, &number, sizeof(bits));
  return bits;
}

/* The ten fields of a step at array[at...], in the order of the header. */
static void TesseraStepOut(JNIEnv* env, jlongArray array, jsize at, const tsr_step_result* step) {
  const jlong fields[] = {step->skipped,
                          step->step,
                          TesseraBits(step->loss),
                          TesseraBits(step->grad_norm),
                          TesseraBits(step->learning_rate),
                          step->tokens,
                          TesseraBits(step->tokens_per_s),
                          TesseraBits(step->step_s),
                          TesseraBits(step->eval_loss)};
  (*env)->SetLongArrayRegion(env, array, at, sizeof(fields) / sizeof(fields[0]), fields);
}

static void TesseraProgressOut(JNIEnv* env, jlongArray array, const tsr_progress* progress) {
  const jlong fields[] = {progress->done, progress->step, progress->total_steps};
  (*env)->SetLongArrayRegion(env, array, 0, 3, fields);
  TesseraStepOut(env, array, 3, &progress->last);
}

/* ---- Tensors ---- */

/* A direct buffer; an empty one where there is no data. */
static jobject TesseraBufferOut(JNIEnv* env, void* data, size_t bytes) {
  static char nothing;
  if (bytes > INT32_MAX) {
    TesseraRefuse(env, "expected at most 2 GiB for a buffer, got a larger tensor");
    return NULL;
  }
  return (*env)->NewDirectByteBuffer(env, bytes == 0 ? &nothing : data, (jlong)bytes);
}

typedef struct TesseraInputs {
  char** names;
  tsr_tensor** tensors;
  size_t count;
} TesseraInputs;

static void TesseraInputsFree(TesseraInputs* inputs) {
  size_t i;
  for (i = 0; inputs->names != NULL && i < inputs->count; ++i) free(inputs->names[i]);
  free(inputs->names);
  free(inputs->tensors);
}

/* {byte[][] names, long[] tensors}, of one length. */
static int TesseraInputsIn(JNIEnv* env, jobjectArray pair, TesseraInputs* inputs) {
  jobjectArray names = (jobjectArray)(*env)->GetObjectArrayElement(env, pair, 0);
  jlongArray tensors = (jlongArray)(*env)->GetObjectArrayElement(env, pair, 1);
  const jsize count = (*env)->GetArrayLength(env, names);
  jsize i;
  inputs->count = (size_t)count;
  inputs->names = (char**)calloc((size_t)count + 1, sizeof(char*));
  inputs->tensors = (tsr_tensor**)calloc((size_t)count + 1, sizeof(tsr_tensor*));
  if (inputs->names == NULL || inputs->tensors == NULL) {
    TesseraInputsFree(inputs);
    return TesseraNoMemory(env);
  }
  for (i = 0; i < count; ++i) {
    jlong handle = 0;
    jbyteArray name = (jbyteArray)(*env)->GetObjectArrayElement(env, names, i);
    (*env)->GetLongArrayRegion(env, tensors, i, 1, &handle);
    inputs->tensors[i] = (tsr_tensor*)(intptr_t)handle;
    inputs->names[i] = TesseraTerminated(env, name);
    (*env)->DeleteLocalRef(env, name);
  }
  if ((*env)->ExceptionCheck(env)) {
    TesseraInputsFree(inputs);
    return 0;
  }
  return 1;
}

static size_t TesseraRoom(JNIEnv* env, jlongArray array, jsize most) {
  const jsize room = (*env)->GetArrayLength(env, array);
  return (size_t)(room < most ? room : most);
}

static void TesseraTensorsOut(JNIEnv* env, jlongArray array, tsr_tensor* const* tensors,
                              size_t count) {
  size_t i;
  for (i = 0; i < count; ++i) {
    const jlong handle = (jlong)(intptr_t)tensors[i];
    (*env)->SetLongArrayRegion(env, array, (jsize)i, 1, &handle);
  }
}

#endif /* TESSERA_JAVA_ARRAYS_H_ */
