/* Registers the layer MixtureOfDepths (mixture_of_depths.c) with a runtime. */
#ifndef MIXTURE_OF_DEPTHS_H_
#define MIXTURE_OF_DEPTHS_H_

#include "tessera.h"

tsr_status* RegisterMixtureOfDepths(tsr_runtime* runtime);

#endif /* MIXTURE_OF_DEPTHS_H_ */
