/* A checkpoint store in memory: a list of named objects, some still being written, and one
 * operation that can be told to fail. A store is called by one thread at a time. */
#ifndef TESSERA_TESTS_CAPI_MEMORY_STORE_H_
#define TESSERA_TESTS_CAPI_MEMORY_STORE_H_

#include "tests/capi/build.h"

enum { MOST_OBJECTS = 256, MOST_NAME = 160 };

typedef struct Object {
  char name[MOST_NAME]; /* empty: a free place */
  char* data;
  size_t bytes;
  int is_ended;
} Object;

typedef enum Wrong {
  NOTHING, WRITE, READ, READ_LESS, READ_MORE, LIST, LIST_OTHERS, LIST_TWICE, LIST_NEGATIVE, RENAME,
  REMOVE
} Wrong;

typedef struct Memory {
  Object objects[MOST_OBJECTS];
  Wrong wrong;
  tsr_code code;  /* of the status that a wrong operation returns */
  int destroyed;
} Memory;

static tsr_status* MaybeWrong(const Memory* memory, Wrong operation) {
  if (memory->wrong != operation) return NULL;
  return tsr_status_new(memory->code, TEXT("the bucket is gone"));
}

/* The object with this name, or (with `adds`) a new one. */
static Object* Find(Memory* memory, const char* name, size_t len, int adds) {
  Object* place = NULL;
  int i;
  for (i = 0; i < MOST_OBJECTS; ++i) {
    Object* object = &memory->objects[i];
    if (strlen(object->name) == len && memcmp(object->name, name, len) == 0) return object;
    if (object->name[0] == 0 && place == NULL) place = object;
  }
  if (!adds) return NULL;
  EXPECT(place != NULL && len < MOST_NAME);
  memset(place, 0, sizeof(*place));
  memcpy(place->name, name, len);
  return place;
}

static void Drop(Object* object) {
  free(object->data);
  memset(object, 0, sizeof(*object));
}

static tsr_status* MemoryWrite(void* user, const char* name, size_t name_len, int64_t offset,
                               const void* bytes, size_t len, int32_t last) {
  Memory* memory = (Memory*)user;
  tsr_status* status = MaybeWrong(memory, WRITE);
  Object* object;
  if (status != NULL) return status;
  object = Find(memory, name, name_len, 1);
  EXPECT((int64_t)object->bytes == offset && !object->is_ended);
  object->data = (char*)realloc(object->data, object->bytes + len + 1);
  if (len > 0) memcpy(object->data + object->bytes, bytes, len);
  object->bytes += len;
  object->is_ended = last;
  return NULL;
}

static tsr_status* MemoryRead(void* user, const char* name, size_t name_len, int64_t offset,
                              void* buffer, size_t len, size_t* out_len) {
  Memory* memory = (Memory*)user;
  tsr_status* status = MaybeWrong(memory, READ);
  const Object* object = Find(memory, name, name_len, 0);
  if (status != NULL) return status;
  if (object == NULL || !object->is_ended) return tsr_status_new(TSR_NOT_FOUND, TEXT("no object"));
  EXPECT(offset >= 0 && (size_t)offset + len <= object->bytes);
  memcpy(buffer, object->data + offset, len);
  *out_len = memory->wrong == READ_LESS ? len - 1 : memory->wrong == READ_MORE ? len + 1 : len;
  return NULL;
}

static tsr_status* MemoryList(void* user, const char* prefix, size_t prefix_len,
                              tsr_listing* listing) {
  Memory* memory = (Memory*)user;
  tsr_status* status = MaybeWrong(memory, LIST);
  int i;
  for (i = 0; status == NULL && i < MOST_OBJECTS; ++i) {
    const Object* object = &memory->objects[i];
    const int64_t bytes = memory->wrong == LIST_NEGATIVE ? -1 : (int64_t)object->bytes;
    if (!object->is_ended) continue;
    if (memory->wrong != LIST_OTHERS && strncmp(object->name, prefix, prefix_len) != 0) continue;
    status = tsr_listing_add(listing, TEXT(object->name), bytes);
    if (status == NULL && memory->wrong == LIST_TWICE) {
      status = tsr_listing_add(listing, TEXT(object->name), bytes);
      tsr_status_free(status); /* says nothing of what it was told */
      return NULL;
    }
  }
  return status;
}

static tsr_status* MemoryRename(void* user, const char* from, size_t from_len, const char* to,
                                size_t to_len) {
  Memory* memory = (Memory*)user;
  tsr_status* status = MaybeWrong(memory, RENAME);
  int i;
  for (i = 0; status == NULL && i < MOST_OBJECTS; ++i) {
    Object* object = &memory->objects[i];
    char name[2 * MOST_NAME];
    if (object->name[0] == 0 || strncmp(object->name, from, from_len) != 0) continue;
    snprintf(name, sizeof(name), "%.*s%s", (int)to_len, to, object->name + from_len);
    EXPECT(strlen(name) < MOST_NAME);
    memcpy(object->name, name, strlen(name) + 1);
  }
  return status;
}

static tsr_status* MemoryRemove(void* user, const char* name, size_t name_len) {
  Memory* memory = (Memory*)user;
  tsr_status* status = MaybeWrong(memory, REMOVE);
  Object* object = status == NULL ? Find(memory, name, name_len, 0) : NULL;
  if (object != NULL) Drop(object);
  return status;
}

static void MemoryDestroy(void* user) { ++((Memory*)user)->destroyed; }

static tsr_store_def MemoryStore(const char* name, Memory* memory) {
  tsr_store_def def;
  memset(&def, 0, sizeof(def));
  def.struct_size = sizeof(def);
  def.name = name;
  def.write = &MemoryWrite;
  def.read = &MemoryRead;
  def.list = &MemoryList;
  def.rename = &MemoryRename;
  def.remove = &MemoryRemove;
  def.user = memory;
  def.destroy = &MemoryDestroy;
  return def;
}

/* How many objects there are whose names hold `part`. */
static int CountObjects(const Memory* memory, const char* part) {
  int i, count = 0;
  for (i = 0; i < MOST_OBJECTS; ++i) count += strstr(memory->objects[i].name, part) != NULL;
  return count;
}

static void FreeObjects(Memory* memory) {
  int i;
  for (i = 0; i < MOST_OBJECTS; ++i) Drop(&memory->objects[i]);
}

#endif /* TESSERA_TESTS_CAPI_MEMORY_STORE_H_ */
