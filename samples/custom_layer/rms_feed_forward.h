/* The layer of this sample, for programs that train with it. */
#ifndef RMS_FEED_FORWARD_H_
#define RMS_FEED_FORWARD_H_

#include "tessera.h"

/* Adds the module type RmsFeedForward to the runtime. */
tsr_status* RegisterRmsFeedForward(tsr_runtime* runtime);

#endif /* RMS_FEED_FORWARD_H_ */
