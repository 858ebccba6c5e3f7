/* Rows of numbers with a label for each of two tasks, cut into training, validation and test.
 *
 * Census: https://archive.ics.uci.edu/dataset/2/adult, "adult.data": income above 50K, and never
 * married. Synthetic: two regression tasks whose weights have a given cosine (Ma et al., KDD 2018,
 * section 3.3). */
#ifndef ROWS_H_
#define ROWS_H_

#include <stddef.h>

enum { kTasks = 2 };

typedef struct Rows {
  size_t count, features;
  float* x;   /* [count][features] */
  float* y;   /* [count][kTasks] */
} Rows;

typedef struct Split {
  Rows train, validation, test;
} Split;

/* NULL, or what is wrong. Four fifths of the rows train, a tenth validates, a tenth tests; which
 * ones follows from the seed. Numbers are standardised and categories known by the training rows
 * alone. */
const char* ReadCensus(const char* path, unsigned seed, Split* split);

/* 10,000 rows train, 1,000 validate, 1,000 test, of 100 features. */
void MakeSynthetic(double cosine, unsigned seed, Split* split);

void FreeSplit(Split* split);

/* Numbers that follow from the state alone. */
double Uniform(unsigned long long* state);
double Normal(unsigned long long* state);
void Shuffle(unsigned long long* state, size_t* order, size_t count);

#endif /* ROWS_H_ */
