// A file that appears whole under its name or not at all, and never in place of another. For what a
// node sends in pieces. One thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tripoint::client {

// What `number` (errno) means for a file that was to be written.
absl::Status FileError(const std::string& what, int number);

class NewFile {
 public:
  // Begins `path`.part, in place of one of a run that was killed; refused while another run writes
  // it.
  explicit NewFile(std::string path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();  // what was not kept is gone

  // Errors: FAILED_PRECONDITION / DISK_FULL, CONFIG_INVALID; ALREADY_EXISTS there is such a file,
  // or another run is writing it; also of an empty write, what happened before.
  absl::Status Write(std::string_view bytes);
  // Synced and under its own name. Errors: as Write; ALREADY_EXISTS when there is such a file.
  absl::Status Keep();

 private:
  const std::string path_;
  const std::string part_;
  int descriptor_ = -1;
  int error_ = 0;
  bool kept_ = false;
};

}  // namespace tripoint::client
