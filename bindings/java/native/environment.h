/* The JVM on whatever thread a callback comes. A thread of the library is attached once, as a
 * daemon, and detached when it ends; classes and methods are looked up once, when the library is
 * loaded. */
#ifndef TESSERA_JAVA_ENVIRONMENT_H_
#define TESSERA_JAVA_ENVIRONMENT_H_

#include <jni.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static JavaVM* tessera_vm;
static pthread_key_t tessera_attached;
static jclass tessera_exception, tessera_callbacks, tessera_byte_array;
static jmethodID tessera_new_exception, tessera_build, tessera_run, tessera_gradient, tessera_sink,
    tessera_piece, tessera_read, tessera_update, tessera_factor, tessera_end, tessera_store_write,
    tessera_store_read, tessera_store_list, tessera_store_rename, tessera_store_remove;

static void TesseraDetach(void* unused) {
  (void)unused;
  (*tessera_vm)->DetachCurrentThread(tessera_vm);
}

/* NULL when the JVM takes no more threads. */
static JNIEnv* TesseraEnvironment(void) {
  JNIEnv* env = NULL;
  JavaVMAttachArgs args = {JNI_VERSION_1_8, NULL, NULL};
  if ((*tessera_vm)->GetEnv(tessera_vm, (void**)&env, JNI_VERSION_1_8) == JNI_OK) return env;
  args.name = (char*)"tessera";
  if ((*tessera_vm)->AttachCurrentThreadAsDaemon(tessera_vm, (void**)&env, &args) != JNI_OK) {
    return NULL;
  }
  pthread_setspecific(tessera_attached, env); /* not NULL, so the destructor runs */
  return env;
}

static jclass TesseraClass(JNIEnv* env, const char* name) {
  jclass local = (*env)->FindClass(env, name);
  jclass found = local == NULL ? NULL : (jclass)(*env)->NewGlobalRef(env, local);
  (*env)->DeleteLocalRef(env, local);
  return found;
}

static jmethodID TesseraStatic(JNIEnv* env, const char* name, const char* signature) {
  return (*env)->GetStaticMethodID(env, tessera_callbacks, name, signature);
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM* vm, void* reserved) {
  JNIEnv* env = NULL;
  (void)reserved;
  tessera_vm = vm;
  if ((*vm)->GetEnv(vm, (void**)&env, JNI_VERSION_1_8) != JNI_OK) return JNI_ERR;
  if (pthread_key_create(&tessera_attached, &TesseraDetach) != 0) return JNI_ERR;
  tessera_exception = TesseraClass(env, "io/tessera/TesseraException");
  tessera_callbacks = TesseraClass(env, "io/tessera/Callbacks");
  tessera_byte_array = TesseraClass(env, "[B");
  if (tessera_exception == NULL || tessera_callbacks == NULL || tessera_byte_array == NULL) {
    return JNI_ERR;
  }
  tessera_new_exception = (*env)->GetStaticMethodID(
      env, tessera_exception, "ofStatus",
      "(I[B[B[BIIZ[B)Lio/tessera/TesseraException;");
  tessera_build = TesseraStatic(env, "build", "(Ljava/lang/Object;J[B[I[I)J");
  tessera_run = TesseraStatic(
      env, "run",
      "(Ljava/lang/Object;[B[Ljava/nio/ByteBuffer;[J[I[Ljava/nio/ByteBuffer;[J[I)J");
  tessera_gradient = TesseraStatic(env, "gradient", "(Ljava/lang/Object;J[B[I[I)J");
  tessera_sink = TesseraStatic(env, "sink", "(Ljava/lang/Object;[B)V");
  tessera_read = TesseraStatic(env, "read", "(Ljava/lang/Object;J[B)J");
  tessera_update = TesseraStatic(env, "update", "(Ljava/lang/Object;J[B[I[I)J");
  tessera_factor = TesseraStatic(env, "factor", "(Ljava/lang/Object;[BJJ[D)J");
  tessera_store_write = TesseraStatic(env, "storeWrite", "(Ljava/lang/Object;[BJ[BZ)J");
  tessera_store_read = TesseraStatic(env, "storeRead", "(Ljava/lang/Object;[BJI[[B)J");
  tessera_store_list = TesseraStatic(env, "storeList", "(Ljava/lang/Object;[BJ)J");
  tessera_store_rename = TesseraStatic(env, "storeRename", "(Ljava/lang/Object;[B[B)J");
  tessera_store_remove = TesseraStatic(env, "storeRemove", "(Ljava/lang/Object;[B)J");
  tessera_end = TesseraStatic(env, "end", "(Ljava/lang/Object;)V");
  tessera_piece = TesseraStatic(env, "piece", "(Ljava/lang/Object;[B)I");
  /* A method that is missing has left its exception, which loading then throws. */
  return (*env)->ExceptionCheck(env) ? JNI_ERR : JNI_VERSION_1_8;
}

#endif /* TESSERA_JAVA_ENVIRONMENT_H_ */
