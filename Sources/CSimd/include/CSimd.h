#ifndef MONGE_CSIMD_H
#define MONGE_CSIMD_H
#endif
