// A product of few rows by a matrix that lies transposed, as in the input gradient of an expert of
// few rows, made with its operands exchanged.
//
// C^T = W X^T reads the matrix as a left operand, by rows, and in order: as a right one it would be
// transposed for rows that do not pay for that. What is transposed are the few rows, once for a
// task, and the tiles of the result. A panel of the matrix is used for all rows while it is in L1,
// and what follows it is fetched meanwhile. Products do not ask which factor comes first, and each
// sum runs over k in rising order: the bits are those of block_product.h. Thread-safe: no state.
#pragma once

#include "kernels/cpu/gemm/block_product.h"

namespace tessera::cpu::dense {

// Whether MakeTurnedBlock takes it: up to 64 rows as they lie, all of them packed in the room, and
// a matrix [n, k].
bool CanTurn(const Block& block);
// Whether it is the faster way, too.
bool TurnsBlock(const Block& block);

// REQUIRES: CanTurn(block).
void MakeTurnedBlock(const Block& block);

}  // namespace tessera::cpu::dense
