// A CUDA driver for machines without a card: it remembers which kernels are launched, and runs none of them. With it the
// time of a step is what the host needs to queue one, and its kernels can be counted:
//
//     cc -O2 -shared -fPIC -o driver/libcuda.so.1 benches/idle_driver.c
//     LD_LIBRARY_PATH=driver IDLE_DRIVER_COUNTS=counts lamplight bench electra-small-pretrain-step-b128 --device cuda
//
// The first line of the counts is the memory that was ever asked for. What is read from the card is zero. A clock goes on by 3 microseconds a launch, so that the fastest of several kernels is
// no more than one of them.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, HOST_MEMORY = 1, PAGE = 4096 };
static const size_t MEMORY = (size_t)139 << 30;
static const uint64_t LAUNCH_NS = 3000, ROUND_NS = 500;

typedef struct Kernel {
    char name[256];
    // Of the kernels by which CubeCL measures a card: where its number of rounds lies among the arguments.
    int rounds;
    uint64_t launches;
    struct Kernel *next;
} Kernel;

typedef struct { uint64_t at; } Event;

// A copy between memory of a pitch, as the driver's header lays it out.
typedef struct {
    size_t from_x, from_y; int from_kind; const void *from_host; uint64_t from_device; void *from_array; size_t from_pitch;
    size_t to_x, to_y; int to_kind; char *to_host; uint64_t to_device; void *to_array; size_t to_pitch;
    size_t width, height;
} Copy;

static Kernel *kernels;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t clock_ns, allocated, next_address = (uint64_t)1 << 40, next_handle = 1 << 20;

static void *fresh_handle(void) { return (void *)__sync_fetch_and_add(&next_handle, 16); }

__attribute__((destructor)) static void write_counts(void) {
    const char *path = getenv("IDLE_DRIVER_COUNTS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%llu bytes of memory\n", (unsigned long long)allocated);
    for (Kernel *kernel = kernels; kernel; kernel = kernel->next)
        if (kernel->launches) fprintf(file, "%llu %s\n", (unsigned long long)kernel->launches, kernel->name);
    fclose(file);
}

// The card: one H200.
int cuInit(unsigned flags) { return SUCCESS; }
int cuDriverGetVersion(int *version) { *version = 12090; return SUCCESS; }
int cuDeviceGetCount(int *count) { *count = 1; return SUCCESS; }
int cuDeviceGet(int *device, int index) { *device = 0; return SUCCESS; }
int cuDeviceGetName(char *name, int size, int device) { snprintf(name, size, "NVIDIA H200"); return SUCCESS; }
int cuDeviceGetUuid_v2(char *uuid, int device) { memset(uuid, 1, 16); return SUCCESS; }
int cuDeviceGetPCIBusId(char *id, int size, int device) { snprintf(id, size, "0000:01:00.0"); return SUCCESS; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = MEMORY; return SUCCESS; }
int cuMemGetInfo_v2(size_t *free, size_t *total) { *free = *total = MEMORY; return SUCCESS; }

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    static const struct { int attribute, value; } known[] = {
        {1, 1024}, {2, 1024}, {3, 1024}, {4, 64},             // threads of a block
        {5, 2147483647}, {6, 65535}, {7, 65535},              // blocks of a grid
        {8, 49152}, {81, 233472}, {97, 232448},               // shared memory
        {10, 32}, {12, 65536}, {16, 132}, {39, 2048},         // threads of a warp, registers, multiprocessors
        {41, 1}, {75, 9}, {76, 0}, {95, 1}, {106, 32}, {115, 1}, // unified addresses, capability, pools
    };
    *value = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].attribute == attribute) *value = known[i].value;
    return SUCCESS;
}

int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)PAGE; return SUCCESS; }
int cuCtxSetCurrent(void *context) { return SUCCESS; }
int cuCtxGetCurrent(void **context) { *context = (void *)PAGE; return SUCCESS; }
int cuCtxGetDevice(int *device) { *device = 0; return SUCCESS; }
int cuCtxGetStreamPriorityRange(int *least, int *greatest) { *least = 0; *greatest = -5; return SUCCESS; }
int cuCtxSynchronize(void) { return SUCCESS; }

// Memory: addresses that nothing lies at.
int cuMemAlloc_v2(uint64_t *address, size_t size) {
    *address = __sync_fetch_and_add(&next_address, (size + PAGE - 1) / PAGE * PAGE);
    __sync_fetch_and_add(&allocated, size);
    return SUCCESS;
}
int cuMemAllocAsync(uint64_t *address, size_t size, void *stream) { return cuMemAlloc_v2(address, size); }
int cuMemFree_v2(uint64_t address) { return SUCCESS; }
int cuMemFreeAsync(uint64_t address, void *stream) { return SUCCESS; }
int cuMemHostAlloc(void **memory, size_t size, unsigned flags) {
    *memory = aligned_alloc(PAGE, (size + PAGE - 1) / PAGE * PAGE);
    return SUCCESS;
}
int cuMemAllocHost_v2(void **memory, size_t size) { return cuMemHostAlloc(memory, size, 0); }
int cuMemFreeHost(void *memory) { free(memory); return SUCCESS; }
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t size, void *stream) { return SUCCESS; }
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t size, void *stream) { memset(to, 0, size); return SUCCESS; }
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t size, void *stream) { return SUCCESS; }
int cuMemcpy2DAsync_v2(const Copy *copy, void *stream) {
    for (size_t row = 0; copy->to_kind == HOST_MEMORY && row < copy->height; row++)
        memset(copy->to_host + (copy->to_y + row) * copy->to_pitch + copy->to_x, 0, copy->width);
    return SUCCESS;
}

// Streams and events: all is done at once.
int cuStreamCreate(void **stream, unsigned flags) { *stream = fresh_handle(); return SUCCESS; }
int cuStreamCreateWithPriority(void **stream, unsigned flags, int priority) { return cuStreamCreate(stream, flags); }
int cuStreamDestroy_v2(void *stream) { return SUCCESS; }
int cuStreamSynchronize(void *stream) { return SUCCESS; }
int cuStreamQuery(void *stream) { return SUCCESS; }
int cuStreamWaitEvent(void *stream, Event *event, unsigned flags) { return SUCCESS; }
int cuEventCreate(Event **event, unsigned flags) { *event = calloc(1, sizeof **event); return SUCCESS; }
int cuEventRecord(Event *event, void *stream) { event->at = clock_ns; return SUCCESS; }
int cuEventQuery(Event *event) { return SUCCESS; }
int cuEventSynchronize(Event *event) { return SUCCESS; }
int cuEventElapsedTime(float *ms, Event *start, Event *end) {
    *ms = 1e-3f + 1e-6f * (float)(end->at - start->at);
    return SUCCESS;
}
int cuEventElapsedTime_v2(float *ms, Event *start, Event *end) { return cuEventElapsedTime(ms, start, end); }
int cuEventDestroy_v2(Event *event) { free(event); return SUCCESS; }

// Kernels.
int cuModuleLoadData(void **module, const void *image) { *module = fresh_handle(); return SUCCESS; }
int cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options, void **values) {
    return cuModuleLoadData(module, image);
}
int cuModuleUnload(void *module) { return SUCCESS; }
int cuFuncSetAttribute(Kernel *kernel, int attribute, int value) { return SUCCESS; }
int cuModuleGetFunction(Kernel **kernel, void *module, const char *name) {
    *kernel = calloc(1, sizeof **kernel);
    snprintf((*kernel)->name, sizeof (*kernel)->name, "%s", name);
    if (strstr(name, "throughput")) (*kernel)->rounds = strstr(name, "direct") && strstr(name, "memory") ? 2 : 1;
    if (strstr(name, "memory_read_throughput")) (*kernel)->rounds = 2;
    pthread_mutex_lock(&lock);
    (*kernel)->next = kernels;
    kernels = *kernel;
    pthread_mutex_unlock(&lock);
    return SUCCESS;
}
int cuLaunchKernel(Kernel *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                   unsigned block_z, unsigned shared, void *stream, void **arguments, void **extra) {
    kernel->launches++;
    clock_ns += LAUNCH_NS;
    if (kernel->rounds) {
        // CubeCL takes more rounds until they last, by the clock of the host too.
        const uint32_t *numbers = arguments[kernel->rounds];
        uint64_t ns = 0;
        for (int i = 0; i < 4; i++)
            if (numbers[i] < 1u << 26) ns += numbers[i] * ROUND_NS;
        clock_ns += ns;
        struct timespec pause = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
        nanosleep(&pause, NULL);
    }
    return SUCCESS;
}
