/* Callbacks of tessera_store.h: each arrives at a static method of Callbacks.java. Bytes are copied
 * in both directions, so that nobody holds memory of the other side. */
#ifndef TESSERA_JAVA_STORE_H_
#define TESSERA_JAVA_STORE_H_

#include "native/callbacks.h"

static tsr_status* TesseraStoreWrite(void* user, const char* name, size_t name_len, int64_t offset,
                                     const void* bytes, size_t len, int32_t last) {
  JNIEnv* env = TesseraEnter();
  jbyteArray text, data;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  text = TesseraBytesOut(env, name, name_len);
  data = text == NULL ? NULL : TesseraBytesOut(env, (const char*)bytes, len);
  if (data != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_store_write,
                                          (jobject)user, text, (jlong)offset, data,
                                          (jboolean)(last != 0));
  }
  return TesseraLeave(env, status);
}

static tsr_status* TesseraStoreRead(void* user, const char* name, size_t name_len, int64_t offset,
                                    void* buffer, size_t len, size_t* out_len) {
  JNIEnv* env = TesseraEnter();
  jbyteArray text, data;
  jobjectArray out;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  if (len > INT32_MAX) {
    TesseraRefuse(env, "expected a read of at most 2 GiB, got more");
    return TesseraLeave(env, 0);
  }
  text = TesseraBytesOut(env, name, name_len);
  out = text == NULL ? NULL : (*env)->NewObjectArray(env, 1, tessera_byte_array, NULL);
  if (out != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_store_read,
                                          (jobject)user, text, (jlong)offset, (jint)len, out);
    if (status == 0 && !(*env)->ExceptionCheck(env)) {
      data = (jbyteArray)(*env)->GetObjectArrayElement(env, out, 0);
      *out_len = (size_t)(*env)->GetArrayLength(env, data);
      (*env)->GetByteArrayRegion(env, data, 0, (jsize)(*out_len < len ? *out_len : len),
                                 (jbyte*)buffer);
    }
  }
  return TesseraLeave(env, status);
}

static tsr_status* TesseraStoreList(void* user, const char* prefix, size_t prefix_len,
                                    tsr_listing* listing) {
  JNIEnv* env = TesseraEnter();
  jbyteArray text;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  text = TesseraBytesOut(env, prefix, prefix_len);
  if (text != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_store_list,
                                          (jobject)user, text, (jlong)(intptr_t)listing);
  }
  return TesseraLeave(env, status);
}

static tsr_status* TesseraStoreRename(void* user, const char* from, size_t from_len,
                                      const char* to, size_t to_len) {
  JNIEnv* env = TesseraEnter();
  jbyteArray old_name, new_name;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  old_name = TesseraBytesOut(env, from, from_len);
  new_name = old_name == NULL ? NULL : TesseraBytesOut(env, to, to_len);
  if (new_name != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_store_rename,
                                          (jobject)user, old_name, new_name);
  }
  return TesseraLeave(env, status);
}

static tsr_status* TesseraStoreRemove(void* user, const char* name, size_t name_len) {
  JNIEnv* env = TesseraEnter();
  jbyteArray text;
  jlong status = 0;
  if (env == NULL) return TesseraNoEnvironment();
  text = TesseraBytesOut(env, name, name_len);
  if (text != NULL) {
    status = (*env)->CallStaticLongMethod(env, tessera_callbacks, tessera_store_remove,
                                          (jobject)user, text);
  }
  return TesseraLeave(env, status);
}

typedef struct TesseraStore {
  tsr_store_def def;
  char* name;
} TesseraStore;

static int TesseraStoreIn(JNIEnv* env, jobjectArray parts, TesseraStore* store) {
  jobject object = (*env)->GetObjectArrayElement(env, parts, 1);
  jintArray numbers = (jintArray)(*env)->GetObjectArrayElement(env, parts, 2);
  jint is_shared = 0;
  memset(store, 0, sizeof(*store));
  store->name = TesseraTerminated(env, (jbyteArray)(*env)->GetObjectArrayElement(env, parts, 0));
  if (store->name == NULL) return 0;
  (*env)->GetIntArrayRegion(env, numbers, 0, 1, &is_shared);
  store->def.struct_size = sizeof(store->def);
  store->def.is_shared = is_shared;
  store->def.name = store->name;
  store->def.write = &TesseraStoreWrite;
  store->def.read = &TesseraStoreRead;
  store->def.list = &TesseraStoreList;
  store->def.rename = &TesseraStoreRename;
  store->def.remove = &TesseraStoreRemove;
  store->def.user = (*env)->NewGlobalRef(env, object);
  store->def.destroy = &TesseraDestroy;
  return 1;
}

#endif /* TESSERA_JAVA_STORE_H_ */
