#ifndef MONGE_CSIMD_H
#define MONGE_CSIMD_H

#include "monge_columns.h"
#include "monge_kernels.h"
#include "monge_pool.h"

#endif
