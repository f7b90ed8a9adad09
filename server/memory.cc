// How the allocator behaves; read by jemalloc when the process starts, by nobody else.
//
// Few arenas: a node has two cores, and each arena keeps memory of its own. What was freed goes
// back to the system after a second, so that a burst does not stay resident.
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf = "narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,tcache_max:4096";
}
