// Which reports are not believed, by whose memory they are about: suppressions (options.cc) cannot
// say that, they know stacks alone, and the stack of an access is forgotten after a while. Linked
// as absl_mutex.cc is; called by ThreadSanitizer for each report, with its locks held: nothing here
// may call what it intercepts. Any thread.
#include <dlfcn.h>

#include <cstddef>

namespace __tsan {
class ReportDesc;
bool OnReport(const ReportDesc* report, bool suppressed);
}  // namespace __tsan

// Of its runtime (tsan_debugging.cpp); in no header. `trace` ends with null.
extern "C" {
int __tsan_get_report_data(void* report, const char** description, int* count, int* stacks,
                           int* accesses, int* locations, int* mutexes, int* threads,
                           int* thread_ids, void** sleep_trace, unsigned long trace_size);
int __tsan_get_report_mop(void* report, unsigned long index, int* thread, void** address, int* size,
                          int* write, int* atomic, void** trace, unsigned long trace_size);
int __tsan_get_report_loc(void* report, unsigned long index, const char** type, void** address,
                          unsigned long* start, unsigned long* size, int* thread, int* descriptor,
                          int* suppressable, void** trace, unsigned long trace_size);
}

namespace {

constexpr unsigned long kFrames = 32;

bool Same(const char* one, const char* other) {
  while (*one != '\0' && *one == *other) {
    ++one;
    ++other;
  }
  return *one == *other;
}

bool Holds(const char* text, const char* part) {
  for (; text != nullptr && *text != '\0'; ++text) {
    const char* here = text;
    const char* there = part;
    while (*there != '\0' && *here == *there) {
      ++here;
      ++there;
    }
    if (*there == '\0') return true;
  }
  return false;
}

// Whether RocksDB stands innermost, but for the standard library: its templates are ours by linking
// also where RocksDB calls them.
bool IsOfRocksDb(void* const* trace) {
  for (std::size_t i = 0; i < kFrames && trace[i] != nullptr; ++i) {
    Dl_info found;
    if (dladdr(trace[i], &found) == 0) return false;
    if (Holds(found.dli_fname, "/librocksdb.so")) return true;
    const bool standard = Holds(found.dli_fname, "/libtsan.so") ||
                          Holds(found.dli_fname, "/libstdc++.so") ||
                          Holds(found.dli_sname, "_ZNSt") || Holds(found.dli_sname, "_ZNKSt");
    if (!standard) return false;
  }
  return false;
}

// Whether the innermost frame of `trace` behind the allocator's own is this function of a library.
bool IsFrom(void* const* trace, const char* function) {
  for (std::size_t i = 0; i < 3 && trace[i] != nullptr; ++i) {
    Dl_info found;
    if (dladdr(trace[i], &found) != 0 && found.dli_sname != nullptr &&
        Same(found.dli_sname, function)) {
      return true;
    }
  }
  return false;
}

// RocksDB's tables in memory: readers find there by atomics what a writer put there. Nothing of
// ours is kept in them, and where RocksDB calls us it is about other memory.
bool IsMemTable(void* const* trace) {
  return IsFrom(trace, "_ZN7rocksdb5Arena16AllocateNewBlockEm") ||
         IsFrom(trace,
                "_ZN7rocksdb16ColumnFamilyData20ConstructNewMemtableERKNS_16MutableCFOptionsEm");
}

void AccessOf(void* report, int index, void** trace) {
  void* address = nullptr;
  int thread = 0;
  int size = 0;
  int write = 0;
  int atomic = 0;
  __tsan_get_report_mop(report, static_cast<unsigned long>(index), &thread, &address, &size, &write,
                        &atomic, trace, kFrames);
}

// What RocksDB made and RocksDB alone touches: it hands over by atomics, too. Where it calls us, or
// touches what we made, we stand innermost.
bool IsWithinRocksDb(void* report, int accesses, void* const* made) {
  if (!IsOfRocksDb(made)) return false;
  for (int i = 0; i < accesses; ++i) {
    void* access[kFrames] = {};
    AccessOf(report, i, access);
    const bool forgotten = access[0] == nullptr;
    if (!forgotten && !IsOfRocksDb(access)) return false;
  }
  return true;
}

// The end of a lock within a call of gRPC, which counts who uses it by atomics, partly in generated
// code that is not built for ThreadSanitizer. Messages are in such memory, too, but no lock of
// ours.
bool IsLockOfACall(void* report, int accesses, void* const* trace) {
  if (!IsFrom(trace, "gpr_malloc")) return false;
  for (int i = 0; i < accesses; ++i) {
    void* access[kFrames] = {};
    AccessOf(report, i, access);
    if (IsFrom(access, "__tsan_mutex_destroy")) return true;
  }
  return false;
}

}  // namespace

bool __tsan::OnReport(const ReportDesc* of, bool suppressed) {
  if (suppressed) return true;
  void* const report = const_cast<ReportDesc*>(of);
  const char* description = nullptr;
  int counts[8] = {};
  void* sleep[kFrames] = {};
  __tsan_get_report_data(report, &description, &counts[0], &counts[1], &counts[2], &counts[3],
                         &counts[4], &counts[5], &counts[6], sleep, kFrames);
  const int accesses = counts[2];
  const int locations = counts[3];
  for (int i = 0; i < locations; ++i) {
    void* made[kFrames] = {};
    const char* type = nullptr;
    void* address = nullptr;
    unsigned long start = 0;
    unsigned long size = 0;
    int thread = 0;
    int descriptor = 0;
    int suppressable = 0;
    __tsan_get_report_loc(report, static_cast<unsigned long>(i), &type, &address, &start, &size,
                          &thread, &descriptor, &suppressable, made, kFrames);
    if (IsMemTable(made) || IsWithinRocksDb(report, accesses, made) ||
        IsLockOfACall(report, accesses, made)) {
      return true;
    }
  }
  return false;
}
