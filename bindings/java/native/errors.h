/* A status as TesseraException. */
#ifndef TESSERA_JAVA_ERRORS_H_
#define TESSERA_JAVA_ERRORS_H_

#include "native/arrays.h"

static jbyteArray TesseraTextOfStatus(JNIEnv* env, const char* text) {
  return TesseraBytesOut(env, text, strlen(text));
}

/* Throws what the status says and frees it. An exception that is pending already stays. */
static void TesseraThrow(JNIEnv* env, tsr_status* status) {
  if (!(*env)->ExceptionCheck(env)) {
    jbyteArray message = TesseraTextOfStatus(env, tsr_status_message(status));
    jbyteArray path = TesseraTextOfStatus(env, tsr_status_path(status));
    jbyteArray file = TesseraTextOfStatus(env, tsr_status_file(status));
    jbyteArray payload = TesseraTextOfStatus(env, tsr_status_payload(status));
    if (!(*env)->ExceptionCheck(env)) {
      jobject exception = (*env)->CallStaticObjectMethod(
          env, tessera_exception, tessera_new_exception, (jint)tsr_status_code(status), message,
          path, file, (jint)tsr_status_line(status), (jint)tsr_status_rank(status),
          (jboolean)(tsr_status_retryable(status) != 0), payload);
      /* No memory for it is an exception, too, and pending. */
      if (!(*env)->ExceptionCheck(env)) (*env)->Throw(env, (jthrowable)exception);
    }
  }
  tsr_status_free(status);
}

#endif /* TESSERA_JAVA_ERRORS_H_ */
