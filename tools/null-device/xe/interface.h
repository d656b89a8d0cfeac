// What Mesa's driver for Intel asks of the Xe kernel driver, as the kernel's interface defines it (include/uapi/drm/drm.h and xe_drm.h of Linux 6.8
// and newer). Debian's release has older headers, and not all of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

// ---- what all drivers of graphics answer

enum { DRM_REQUESTS = 'd' };
enum { DRM_VERSION = 0x00, DRM_CAPABILITY = 0x0c, DRM_CREATE_SYNC_OBJECT = 0xbf };

typedef struct {
    int major, minor, patch;
    size_t nameSize;
    char *name;
    size_t dateSize;
    char *date;
    size_t descriptionSize;
    char *description;
} DrmVersion;

typedef struct {
    uint64_t capability, value;
} DrmCapability;

typedef struct {
    uint32_t handle, flags;
} DrmSyncObject;

// ---- what Xe answers

/// Where the numbers of a driver's own requests begin.
enum { XE_FIRST_REQUEST = 0x40 };
enum {
    XE_DEVICE_QUERY = 0x00,
    XE_GEM_CREATE = 0x01,
    XE_GEM_MMAP_OFFSET = 0x02,
    XE_VM_CREATE = 0x03,
    XE_EXEC_QUEUE_CREATE = 0x06,
    XE_EXEC_QUEUE_GET_PROPERTY = 0x08,
};

// Queries.
enum {
    XE_QUERY_ENGINES,
    XE_QUERY_MEMORY_REGIONS,
    XE_QUERY_CONFIGURATION,
    XE_QUERY_GRAPHICS,
    XE_QUERY_HARDWARE,
    XE_QUERY_TOPOLOGY,
    XE_QUERY_ENGINE_CYCLES,
};

typedef struct {
    uint64_t extensions;
    uint32_t query, size;
    uint64_t data, reserved[2];
} XeQuery;

typedef struct {
    uint16_t class, index, graphics, padding;
} XeEngine;

enum { XE_ENGINE_RENDER = 0, XE_ENGINE_COPY = 1, XE_ENGINE_COMPUTE = 4 };

typedef struct {
    uint32_t count, padding;
    struct {
        XeEngine engine;
        uint64_t reserved[3];
    } engines[3];
} XeEngines;

enum { XE_MEMORY_SYSTEM = 0, XE_MEMORY_OWN = 1 };

typedef struct {
    uint16_t class, index;
    uint32_t pageSize;
    uint64_t size, used, visibleSize, visibleUsed, reserved[6];
} XeMemoryRegion;

typedef struct {
    uint32_t count, padding;
    XeMemoryRegion regions[2];
} XeMemoryRegions;

enum { XE_CONFIGURATION_DEVICE, XE_CONFIGURATION_FLAGS, XE_CONFIGURATION_ALIGNMENT, XE_CONFIGURATION_ADDRESS_BITS, XE_CONFIGURATION_PRIORITY };
enum { XE_FLAG_HAS_OWN_MEMORY = 1 };

typedef struct {
    uint32_t count, padding;
    uint64_t values[5];
} XeConfiguration;

typedef struct {
    uint32_t count, padding;
    struct {
        uint16_t type, tile, index, padding[3];
        uint32_t clock;
        uint64_t nearRegions, farRegions;
        uint16_t major, minor, revision, padding2;
        uint64_t reserved[7];
    } graphics;
} XeGraphics;

enum { XE_MASK_GEOMETRY = 1, XE_MASK_COMPUTE = 2, XE_MASK_CACHE_BANKS = 3, XE_MASK_UNITS = 4, XE_MASK_UNITS_OF_16_LANES = 5 };

typedef struct __attribute__((packed)) {
    uint16_t graphics, type;
    uint32_t byteCount;
    uint64_t mask;
} XeMask;

typedef struct {
    uint64_t extensions, size;
    uint32_t placement, flags, space, handle;
    uint16_t caching, padding[3];
    uint64_t reserved[2];
} XeCreateMemory;

typedef struct {
    uint64_t extensions;
    uint32_t handle, flags;
    uint64_t offset, reserved[2];
} XeMapOffset;

typedef struct {
    uint64_t extensions;
    uint32_t flags, handle;
    uint64_t reserved[2];
} XeCreateSpace;

typedef struct {
    uint64_t extensions;
    uint16_t width, placements;
    uint32_t space, flags, handle;
    uint64_t instances, reserved[2];
} XeCreateQueue;

typedef struct {
    uint64_t extensions;
    uint32_t queue, property;
    uint64_t value, reserved[2];
} XeQueueProperty;
