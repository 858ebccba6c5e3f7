#include "rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double Uniform(unsigned long long* state) {   /* splitmix64 (Steele et al., OOPSLA 2014) */
  unsigned long long z = (*state += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

double Normal(unsigned long long* state) {
  const double radius = sqrt(-2 * log(Uniform(state)));
  return radius * cos(6.283185307179586 * Uniform(state));
}

void Shuffle(unsigned long long* state, size_t* order, size_t count) {
  for (size_t i = count; i > 1; --i) {
    const size_t j = (size_t)(Uniform(state) * (double)i);
    const size_t other = order[i - 1];
    order[i - 1] = order[j];
    order[j] = other;
  }
}

static void* Memory(size_t count, size_t size) {
  void* memory = calloc(count > 0 ? count : 1, size);
  if (memory == NULL) {
    fputs("error: out of memory\n", stderr);
    exit(1);
  }
  return memory;
}

static Rows NewRows(size_t count, size_t features) {
  Rows rows = {count, features, NULL, NULL};
  rows.x = Memory(count * features, sizeof(float));
  rows.y = Memory(count * kTasks, sizeof(float));
  return rows;
}

void FreeSplit(Split* split) {
  Rows* all[3] = {&split->train, &split->validation, &split->test};
  for (int i = 0; i < 3; ++i) {
    free(all[i]->x);
    free(all[i]->y);
  }
  memset(split, 0, sizeof(*split));
}

/* ---- Census ---- */

enum {
  kColumns = 15, kWeight = 2, kMarital = 5, kIncome = 14,
  kMostWords = 64, kWordBytes = 40, kMostRows = 1 << 20
};
static const int kIsNumber[kColumns] = {1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0};

typedef struct Person {
  char words[kColumns][kWordBytes];
} Person;

/* The fields of a line; 0 when it has not as many as there should be. */
static int ReadPerson(char* line, Person* person) {
  int column = 0;
  for (char* word = strtok(line, ",\r\n"); word != NULL; word = strtok(NULL, ",\r\n")) {
    while (*word == ' ') ++word;
    if (column == kColumns) return 0;
    snprintf(person->words[column++], kWordBytes, "%s", word);
  }
  return column == kColumns;
}

/* Words of a column in the order in which training rows bring them. */
typedef struct Vocabulary {
  char words[kMostWords][kWordBytes];
  size_t count;
  double mean, deviation;   /* of a column of numbers */
} Vocabulary;

static size_t Find(const Vocabulary* vocabulary, const char* word) {
  size_t i = 0;
  while (i < vocabulary->count && strcmp(vocabulary->words[i], word) != 0) ++i;
  return i;
}

static int IsFeature(int column) {
  return column != kWeight && column != kMarital && column != kIncome;
}

static void Learn(const Person* people, const size_t* order, size_t count,
                  Vocabulary* vocabularies) {
  for (int c = 0; c < kColumns; ++c) {
    Vocabulary* v = &vocabularies[c];
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; ++i) {
      const char* word = people[order[i]].words[c];
      if (kIsNumber[c]) {
        sum += atof(word);
        squares += atof(word) * atof(word);
      } else if (Find(v, word) == v->count && v->count < kMostWords) {
        memcpy(v->words[v->count++], word, kWordBytes);
      }
    }
    v->mean = sum / (double)count;
    v->deviation = sqrt(fmax(squares / (double)count - v->mean * v->mean, 1e-12));
  }
}

static Rows Encode(const Person* people, const size_t* order, size_t count,
                   const Vocabulary* vocabularies) {
  size_t features = 0;
  for (int c = 0; c < kColumns; ++c) {
    if (IsFeature(c)) features += kIsNumber[c] ? 1 : vocabularies[c].count;
  }
  Rows rows = NewRows(count, features);
  for (size_t i = 0; i < count; ++i) {
    const Person* person = &people[order[i]];
    float* x = rows.x + i * features;
    for (int c = 0; c < kColumns; ++c) {
      const Vocabulary* v = &vocabularies[c];
      if (!IsFeature(c)) continue;
      if (kIsNumber[c]) {
        *x++ = (float)((atof(person->words[c]) - v->mean) / v->deviation);
      } else {
        const size_t word = Find(v, person->words[c]);
        if (word < v->count) x[word] = 1;
        x += v->count;
      }
    }
    rows.y[i * kTasks] = strncmp(person->words[kIncome], ">50K", 4) == 0;
    rows.y[i * kTasks + 1] = strcmp(person->words[kMarital], "Never-married") == 0;
  }
  return rows;
}

const char* ReadCensus(const char* path, unsigned seed, Split* split) {
  FILE* file = fopen(path, "r");
  char line[1024];
  size_t count = 0, room = 1024;
  unsigned long long state = seed * 2654435761ull + 1;
  if (file == NULL) return "the file cannot be opened";
  Person* people = Memory(room, sizeof(Person));
  while (fgets(line, sizeof(line), file) != NULL && count < kMostRows) {
    if (count == room) {
      people = realloc(people, (room *= 2) * sizeof(Person));
      if (people == NULL) {
        fclose(file);
        return "out of memory";
      }
    }
    if (!ReadPerson(line, &people[count])) continue;      /* an empty line at the end */
    if (people[count].words[0][0] < '0' || people[count].words[0][0] > '9') continue;  /* names */
    ++count;
  }
  fclose(file);
  if (count < 100) {
    free(people);
    return "expected at least 100 rows of 15 fields as adult.data has, got fewer";
  }
  size_t* order = Memory(count, sizeof(size_t));
  Vocabulary* vocabularies = Memory(kColumns, sizeof(Vocabulary));
  for (size_t i = 0; i < count; ++i) order[i] = i;
  Shuffle(&state, order, count);
  const size_t train = count * 8 / 10, rest = (count - train) / 2;
  Learn(people, order, train, vocabularies);
  split->train = Encode(people, order, train, vocabularies);
  split->validation = Encode(people, order + train, rest, vocabularies);
  split->test = Encode(people, order + train + rest, count - train - rest, vocabularies);
  free(vocabularies);
  free(order);
  free(people);
  return NULL;
}

/* ---- Synthetic ---- */

enum { kDims = 100, kSines = 5 };
static const double kLength = 0.3;   /* of the weights of a task */

static Rows Labelled(unsigned long long* state, size_t count, double w[kTasks][kDims]) {
  Rows rows = NewRows(count, kDims);
  for (size_t i = 0; i < count; ++i) {
    float* x = rows.x + i * kDims;
    for (int d = 0; d < kDims; ++d) x[d] = (float)Normal(state);
    for (int k = 0; k < kTasks; ++k) {
      double product = 0, y = 0;
      for (int d = 0; d < kDims; ++d) product += kLength * w[k][d] * x[d];
      /* The paper leaves open the sines: their numbers are those of its authors' generator, how
       * many and the length of the weights those of github.com/drawbridge/keras-mmoe. */
      for (int s = 1; s <= kSines; ++s) y += sin(s * product + (s - 1) * (s - 1));
      rows.y[i * kTasks + k] = (float)(product + y + 0.1 * Normal(state));
    }
  }
  return rows;
}

void MakeSynthetic(double cosine, unsigned seed, Split* split) {
  unsigned long long state = seed * 2654435761ull + 7;
  double w[kTasks][kDims];
  for (int k = 0; k < kTasks; ++k) {
    double norm = 0, product = 0;
    for (int d = 0; d < kDims; ++d) {
      w[k][d] = Normal(&state);
      product += w[k][d] * w[0][d];
    }
    for (int d = 0; d < kDims && k > 0; ++d) w[k][d] -= product * w[0][d];
    for (int d = 0; d < kDims; ++d) norm += w[k][d] * w[k][d];
    for (int d = 0; d < kDims; ++d) w[k][d] /= sqrt(norm);
  }
  for (int d = 0; d < kDims; ++d) {
    w[1][d] = cosine * w[0][d] + sqrt(fmax(0, 1 - cosine * cosine)) * w[1][d];
  }
  split->train = Labelled(&state, 10000, w);
  split->validation = Labelled(&state, 1000, w);
  split->test = Labelled(&state, 1000, w);
}
