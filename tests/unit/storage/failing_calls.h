// What the system refuses when a test says so: syncs, which this program has in the place of the C
// library's, room in a file, and open files. Test thread only, unless said otherwise.
#pragma once

#include <sys/resource.h>

#include <atomic>

namespace tripoint::storage::testing_support {

// How often this whole program called fsync and fdatasync, and how many of the next calls fail with
// EIO, after those that succeed first. Any thread.
extern std::atomic<int> fsyncs;
extern std::atomic<int> fsyncs_before;
extern std::atomic<int> fsyncs_that_fail;
extern std::atomic<int> fdatasyncs;
extern std::atomic<int> fdatasyncs_that_fail;

// While it lives no file of this process grows beyond `bytes`: a write that begins before ends
// there, and one behind it fails with EFBIG.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes);
  ~FileSizeLimit();
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_ = {};
  void (*on_signal_)(int) = nullptr;
};

// While it lives no file can be opened: EMFILE.
class OpenFileLimit {
 public:
  OpenFileLimit();
  ~OpenFileLimit();
  OpenFileLimit(const OpenFileLimit&) = delete;
  OpenFileLimit& operator=(const OpenFileLimit&) = delete;

 private:
  rlimit before_ = {};
};

}  // namespace tripoint::storage::testing_support
