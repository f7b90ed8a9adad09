// The copy of checked TLS files: see live_folder.h. One thread.
#include "certs/live_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "certs/files.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

constexpr char kCurrent[] = "current";
constexpr char kRootsName[] = "roots.pem";

// The number of a folder's name; 0 when it is not one of ours.
std::uint64_t NumberOf(const std::string& name) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() ? number : 0;
}

std::vector<std::uint64_t> NumbersIn(const std::string& folder) {
  std::vector<std::uint64_t> numbers;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (const std::uint64_t number = NumberOf(at->path().filename().string()); number != 0)
      numbers.push_back(number);
  }
  return numbers;
}

// gRPC tells a swap between its read of the key and of the certificate only by their times in whole
// seconds. A time that is the folder's number is different for every swap, however fast they follow
// each other.
absl::Status StampTime(const std::string& path, std::uint64_t number) {
  const timespec time{.tv_sec = static_cast<time_t>(number), .tv_nsec = 0};
  const timespec both[2] = {time, time};
  if (utimensat(AT_FDCWD, path.c_str(), both, 0) == 0) return absl::OkStatus();
  return contract::Error(absl::StatusCode::kFailedPrecondition, contract::Reason::kConfigInvalid,
                         "The copied TLS files could not be stamped",
                         "The file system refused a file time",
                         "Check the owner of the data folder");
}

}  // namespace

absl::StatusOr<LiveFolder> LiveFolder::Open(const std::string& data_folder) {
  LiveFolder live(data_folder + "/tls");
  if (absl::Status made = MakeFolder(live.folder_, 0700); !made.ok()) return made;
  for (const std::uint64_t number : NumbersIn(live.folder_))
    live.number_ = std::max(live.number_, number);
  return live;
}

absl::StatusOr<bool> LiveFolder::Reload(const std::string& certificate_folder, const Trust& trust,
                                        const UnitIdentity& expected, std::int64_t now_s) {
  absl::StatusOr<TlsFiles> files = CheckTlsFiles(certificate_folder, trust, expected, now_s);
  if (!files.ok()) return files.status();
  const std::string roots_pem = trust.RootsPem();
  const absl::StatusOr<std::string> used_certificate = ReadSmallFile(Current(kTlsCertificateName));
  const absl::StatusOr<std::string> used_key = ReadSmallFile(Current(kTlsKeyName));
  const absl::StatusOr<std::string> used_roots = ReadSmallFile(Current(kRootsName));
  if (used_certificate.ok() && used_key.ok() && used_roots.ok() &&
      *used_certificate == files->certificate_pem && *used_key == files->key_pem &&
      *used_roots == roots_pem) {
    return false;
  }
  const std::uint64_t number = number_ + 1;
  const std::string next = fmt::format("{}/{}", folder_, number);
  if (absl::Status made = MakeFolder(next, 0700); !made.ok()) return made;
  struct Copy {
    const char* name;
    const std::string& contents;
    mode_t mode;
  };
  for (const Copy& copy : {Copy{kTlsKeyName, files->key_pem, kSecretMode},
                           Copy{kTlsCertificateName, files->certificate_pem, kPublicMode},
                           Copy{kRootsName, roots_pem, kPublicMode}}) {
    const std::string path = fmt::format("{}/{}", next, copy.name);
    absl::Status written = ReplaceFile(path, copy.contents, copy.mode);
    if (written.ok()) written = StampTime(path, number);
    if (!written.ok()) return written;
  }
  if (absl::Status swapped =
          SwapLink(fmt::format("{}/{}", folder_, kCurrent), std::to_string(number));
      !swapped.ok()) {
    return swapped;
  }
  number_ = number;
  RemoveOld(number);
  return true;
}

absl::Status LiveFolder::CheckCurrent(const Trust& trust, const UnitIdentity& expected,
                                      std::int64_t now_s) const {
  if (const absl::StatusOr<std::string> roots = ReadSmallFile(Current(kRootsName)); !roots.ok())
    return roots.status();
  return CheckTlsFiles(fmt::format("{}/{}", folder_, kCurrent), trust, expected, now_s).status();
}

WatchedFiles LiveFolder::Watched(unsigned refresh_s) const {
  return {.key_path = Current(kTlsKeyName),
          .certificate_path = Current(kTlsCertificateName),
          .roots_path = Current(kRootsName),
          .refresh_s = std::max(refresh_s, 1U)};
}

std::string LiveFolder::Current(const char* name) const {
  return fmt::format("{}/{}/{}", folder_, kCurrent, name);
}

void LiveFolder::RemoveOld(std::uint64_t keep) const {
  // The previous one stays for a reader that opened it just before the swap. What cannot be removed
  // is tried again later.
  for (const std::uint64_t number : NumbersIn(folder_)) {
    std::error_code ignored;
    if (number + 1 < keep)
      std::filesystem::remove_all(fmt::format("{}/{}", folder_, number), ignored);
  }
}

}  // namespace tripoint::certs
