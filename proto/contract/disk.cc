// See disk.h.
#include "proto/contract/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace tripoint::contract {

bool IsDiskFull(int error) { return error == ENOSPC || error == EDQUOT; }

int SyncFolder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return error;
}

}  // namespace tripoint::contract
