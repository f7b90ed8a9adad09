// What is done to whole files beside an engine: putting aside, cutting, noting a verdict. A seam,
// so that tests make each step fail and take the power away behind it.
//
// Called by put_aside and judgement; one thread at a time. Nothing is durable before its sync, a
// name not before that of its folder. Each call: 0, or the errno.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tripoint::storage {

class Files {
 public:
  virtual ~Files() = default;

  virtual int MakeFolder(const std::string& path);  // a new one, 0700
  virtual int Link(const std::string& from, const std::string& to);
  virtual int Copy(const std::string& from, const std::string& to);
  // A file with these bytes, which are then durable, 0600; an old one of that name is emptied.
  virtual int Write(const std::string& path, std::string_view bytes);
  virtual int SyncFile(const std::string& path);
  virtual int SyncFolder(const std::string& path);
  virtual int Rename(const std::string& from, const std::string& to);
  // A file, or a folder with all that is in it; what is not there is removed.
  virtual int Remove(const std::string& path);
};

// The bytes of a file with fewer than `bytes_max`. Result: 0, or the errno; EFBIG it has more.
int ReadWhole(const std::string& path, std::size_t bytes_max, std::string& bytes);

// The machine's.
Files& MachineFiles();

}  // namespace tripoint::storage
