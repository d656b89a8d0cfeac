// An Intel GPU that is not there, for Mesa's Vulkan driver: Debian's mesa-drm-shim stands in for the kernel drivers of other makers, not for Xe.
//
// Preloaded in front of mesa-drm-shim's library for amdgpu, which makes up the device's files; this answers what is asked of them as the Xe driver
// would for XE_DEVICE, a PCI identifier (0xe20b when not set). Memory is the host's; nothing is run.
#define _GNU_SOURCE
#include "interface.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/// The function that this one stands in front of.
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static unsigned deviceIdentifier(void) {
    const char *text = getenv("XE_DEVICE");
    return text ? (unsigned)strtoul(text, NULL, 0) : 0xe20b;
}

/// A family of devices: its PCI identifiers, the version of its graphics, how many processors (DSS) it has and units in each.
typedef struct {
    unsigned first, last, major, minor, processors, units;
    bool hasUnitsOf16Lanes, hasOwnMemory;
} Family;

static const Family *family(void) {
    static const Family families[] = {
        {0xe200, 0xe2ff, 20, 1, 20, 8, true, true},     // Battlemage (Arc B)
        {0x5690, 0x56ff, 12, 55, 32, 16, false, true},  // Alchemist (Arc A)
        {0x7d40, 0x7d7f, 12, 71, 8, 16, false, false},  // Meteor Lake
        {0x6420, 0x64bf, 20, 4, 8, 8, true, false},     // Lunar Lake
        {0xb080, 0xb0ff, 30, 0, 12, 8, true, false},    // Panther Lake
    };
    unsigned identifier = deviceIdentifier();
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (identifier >= families[i].first && identifier <= families[i].last) return &families[i];
    }
    fprintf(stderr, "null device: 0x%04x is no Intel device that is known here\n", identifier);
    exit(2);
}

// ---- files: what /sys says of the device

/// A file with what /sys would say, or -1 for a path that is not the device's.
static int systemFile(const char *path) {
    if (strncmp(path, "/sys/", 5) || !(strstr(path, "226:128/device/") || strstr(path, "0000:01:00.0/"))) return -1;
    const char *name = strrchr(path, '/') + 1;
    unsigned identifier = deviceIdentifier();
    char text[256];
    if (!strcmp(name, "vendor") || !strcmp(name, "subsystem_vendor")) {
        snprintf(text, sizeof text, "0x8086\n");
    } else if (!strcmp(name, "device")) {
        snprintf(text, sizeof text, "0x%04x\n", identifier);
    } else if (!strcmp(name, "revision")) {
        snprintf(text, sizeof text, "0x04\n");
    } else if (!strcmp(name, "subsystem_device")) {
        snprintf(text, sizeof text, "0x1020\n");
    } else if (!strcmp(name, "uevent")) {
        snprintf(text, sizeof text, "DRIVER=xe\nPCI_CLASS=30000\nPCI_ID=8086:%04X\nPCI_SUBSYS_ID=8086:1020\nPCI_SLOT_NAME=0000:01:00.0\n",
            identifier);
    } else {
        return -1;
    }
    int file = memfd_create(name, 0);
    if (file < 0 || write(file, text, strlen(text)) < 0) return -1;
    lseek(file, 0, SEEK_SET);
    return file;
}

/// Which descriptors are the device's.
enum { MOST_DESCRIPTORS = 4096 };
static bool isDevice[MOST_DESCRIPTORS];

static bool isOfDevice(int file) { return file >= 0 && file < MOST_DESCRIPTORS && isDevice[file]; }

static int copied(int from, int to) {
    if (to >= 0 && to < MOST_DESCRIPTORS) isDevice[to] = isOfDevice(from);
    return to;
}

static int opened(const char *path, int flags, mode_t mode) {
    int file = systemFile(path);
    if (file < 0) file = NEXT(open)(path, flags, mode);
    if (file >= 0 && file < MOST_DESCRIPTORS) isDevice[file] = !strncmp(path, "/dev/dri/", 9);
    return file;
}

static mode_t modeArgument(int flags, va_list list) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; }

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = modeArgument(flags, list);
    va_end(list);
    return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = modeArgument(flags, list);
    va_end(list);
    return opened(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) {
    int file = systemFile(path);
    return file >= 0 ? fdopen(file, "r") : NEXT(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) { return fopen(path, mode); }

int dup(int file) { return copied(file, NEXT(dup)(file)); }

static int controlled(int file, int command, void *argument) {
    int result = NEXT(fcntl)(file, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(file, result) : result;
}

int fcntl(int file, int command, ...) {
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return controlled(file, command, argument);
}

int fcntl64(int file, int command, ...) {
    va_list list;
    va_start(list, command);
    void *argument = va_arg(list, void *);
    va_end(list);
    return controlled(file, command, argument);
}

/// Memory of the device is memory of the host.
void *mmap64(void *address, size_t size, int protection, int flags, int file, off64_t offset) {
    if (isOfDevice(file)) {
        file = -1;
        offset = 0;
        flags = (flags & ~(MAP_SHARED | MAP_SHARED_VALIDATE)) | MAP_PRIVATE | MAP_ANONYMOUS;
    }
    return NEXT(mmap64)(address, size, protection, flags, file, offset);
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    return mmap64(address, size, protection, flags, file, offset);
}

// ---- requests

/// What a query is answered with.
static size_t answer(uint32_t query, char buffer[static 1024]) {
    const Family *own = family();
    switch (query) {
    case XE_QUERY_ENGINES: {
        XeEngines engines = {.count = 3};
        engines.engines[0].engine.class = XE_ENGINE_RENDER;
        engines.engines[1].engine.class = XE_ENGINE_COPY;
        engines.engines[2].engine.class = XE_ENGINE_COMPUTE;
        memcpy(buffer, &engines, sizeof engines);
        return sizeof engines;
    }
    case XE_QUERY_MEMORY_REGIONS: {
        XeMemoryRegions regions = {.count = own->hasOwnMemory ? 2 : 1};
        regions.regions[0] = (XeMemoryRegion){.class = XE_MEMORY_SYSTEM, .pageSize = 4096, .size = 32ull << 30};
        regions.regions[1] = (XeMemoryRegion){
            .class = XE_MEMORY_OWN, .index = 1, .pageSize = 65536, .size = 16ull << 30, .visibleSize = 16ull << 30};
        memcpy(buffer, &regions, sizeof regions);
        return sizeof regions - (2 - regions.count) * sizeof *regions.regions;
    }
    case XE_QUERY_CONFIGURATION: {
        XeConfiguration configuration = {.count = 5};
        configuration.values[XE_CONFIGURATION_DEVICE] = deviceIdentifier() | 4 << 16;
        configuration.values[XE_CONFIGURATION_FLAGS] = own->hasOwnMemory ? XE_FLAG_HAS_OWN_MEMORY : 0;
        configuration.values[XE_CONFIGURATION_ALIGNMENT] = own->hasOwnMemory ? 65536 : 4096;
        configuration.values[XE_CONFIGURATION_ADDRESS_BITS] = 48;
        configuration.values[XE_CONFIGURATION_PRIORITY] = 1;
        memcpy(buffer, &configuration, sizeof configuration);
        return sizeof configuration;
    }
    case XE_QUERY_GRAPHICS: {
        XeGraphics graphics = {.count = 1};
        graphics.graphics.clock = 19200000;
        graphics.graphics.nearRegions = 1;
        graphics.graphics.major = (uint16_t)own->major;
        graphics.graphics.minor = (uint16_t)own->minor;
        graphics.graphics.revision = 4;
        memcpy(buffer, &graphics, sizeof graphics);
        return sizeof graphics;
    }
    case XE_QUERY_TOPOLOGY: {
        uint64_t processors = (1ull << own->processors) - 1;
        const XeMask masks[] = {
            {0, XE_MASK_GEOMETRY, 8, processors},
            {0, XE_MASK_COMPUTE, 8, processors},
            {0, XE_MASK_CACHE_BANKS, 8, 0xffff},
            {0, own->hasUnitsOf16Lanes ? XE_MASK_UNITS_OF_16_LANES : XE_MASK_UNITS, 8, (1ull << own->units) - 1},
        };
        memcpy(buffer, masks, sizeof masks);
        return sizeof masks;
    }
    case XE_QUERY_ENGINE_CYCLES: return sizeof(XeEngine) + 4 * sizeof(uint64_t);
    default: return 0;
    }
}

static int answered(XeQuery *query) {
    if (query->query > XE_QUERY_ENGINE_CYCLES) {
        errno = EINVAL;
        return -1;
    }
    char buffer[1024] = {0};
    size_t size = answer(query->query, buffer);
    // Asked without memory for it, the driver tells the size.
    if (query->size && query->data) memcpy((void *)query->data, buffer, size < query->size ? size : query->size);
    query->size = (uint32_t)size;
    return 0;
}

static void put(char *to, size_t *size, const char *text) {
    if (to && *size) strncpy(to, text, *size);
    *size = strlen(text);
}

static void sayVersion(DrmVersion *version) {
    version->major = 1;
    version->minor = 1;
    version->patch = 0;
    put(version->name, &version->nameSize, "xe");
    put(version->date, &version->dateSize, "20240101");
    put(version->description, &version->descriptionSize, "Intel Xe2 Graphics");
}

/// Whatever else is asked for is granted without being done.
int ioctl(int file, unsigned long request, ...) {
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    if (_IOC_TYPE(request) != DRM_REQUESTS || !isOfDevice(file)) return NEXT(ioctl)(file, request, argument);
    static uint32_t handles;
    switch (_IOC_NR(request)) {
    case DRM_VERSION: sayVersion(argument); break;
    case DRM_CAPABILITY: ((DrmCapability *)argument)->value = 3; break;
    case DRM_CREATE_SYNC_OBJECT: ((DrmSyncObject *)argument)->handle = ++handles; break;
    case XE_FIRST_REQUEST + XE_DEVICE_QUERY: return answered(argument);
    case XE_FIRST_REQUEST + XE_GEM_CREATE: ((XeCreateMemory *)argument)->handle = ++handles; break;
    case XE_FIRST_REQUEST + XE_GEM_MMAP_OFFSET: {
        XeMapOffset *map = argument;
        map->offset = (uint64_t)map->handle << 32;
        break;
    }
    case XE_FIRST_REQUEST + XE_VM_CREATE: ((XeCreateSpace *)argument)->handle = ++handles; break;
    case XE_FIRST_REQUEST + XE_EXEC_QUEUE_CREATE: ((XeCreateQueue *)argument)->handle = ++handles; break;
    case XE_FIRST_REQUEST + XE_EXEC_QUEUE_GET_PROPERTY: ((XeQueueProperty *)argument)->value = 0; break;
    default: break;
    }
    return 0;
}
