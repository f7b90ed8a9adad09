// See signed_file.h.
#include "evidence/signed_file.h"

#include <fmt/format.h>

#include <utility>

#include "proto/contract/error.h"

namespace tripoint::evidence {
namespace {

using contract::Error;
using contract::Reason;

constexpr std::string_view kEvidenceMagic = "TRIPOINTEVIDENCE";
constexpr std::string_view kBundleMagic = "TRIPOINT--BUNDLE";
// Before what is signed, so that a seal is never a head or a receipt. The NUL is part of it.
constexpr std::string_view kSealTag("tripoint/file/1\0", 16);
constexpr std::size_t kHeaderBytes = 16 + 4 + 8;

std::string_view MagicOf(FileKind kind) {
  return kind == FileKind::kBundle ? kBundleMagic : kEvidenceMagic;
}

void AppendBigEndian(std::string& bytes, std::uint64_t value, int width) {
  for (int shift = (width - 1) * 8; shift >= 0; shift -= 8)
    bytes += static_cast<char>(value >> shift & 0xFF);
}

std::uint64_t ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

absl::Status NotWhole(FileKind kind, std::string why) {
  return Error(absl::StatusCode::kDataLoss,
               kind == FileKind::kBundle ? Reason::kBundleInvalid : Reason::kEvidenceInvalid,
               "This is no whole file", std::move(why),
               "Get the file again from the unit that made it");
}

std::string SignedBytes(std::string_view sealed) { return std::string(kSealTag).append(sealed); }

}  // namespace

absl::StatusOr<OpenedFile> OpenFile(FileKind kind, std::string_view bytes, std::size_t bytes_max) {
  if (!bytes.starts_with(MagicOf(kind)))
    return NotWhole(kind, fmt::format("It does not begin with {}", MagicOf(kind)));
  if (bytes.size() < kHeaderBytes)
    return NotWhole(kind, fmt::format("It was cut: {} bytes are there", bytes.size()));
  const std::uint64_t version = ReadBigEndian(bytes.substr(16, 4));
  if (version > kFileVersion) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kSchemaNewer,
                 "The file was made by a newer version of this software",
                 fmt::format("Its form is {}; this software reads {}", version, kFileVersion),
                 "Use the newer version");
  }
  if (version != kFileVersion) return NotWhole(kind, "Its form is 0, which never was");
  const std::uint64_t length = ReadBigEndian(bytes.substr(20, 8));
  if (length > bytes_max || bytes.size() > bytes_max) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kTooLarge, "The file is too large",
                 fmt::format("At most {} bytes are read; it has {} and says {}", bytes_max,
                             bytes.size(), length),
                 "Get the file again from the unit that made it");
  }
  const std::size_t whole = kHeaderBytes + length + certs::kSignatureBytes;
  if (bytes.size() < whole)
    return NotWhole(kind, fmt::format("It was cut: {} of {} bytes are there", bytes.size(), whole));
  if (bytes.size() > whole)
    return NotWhole(kind, fmt::format("{} bytes follow its end", bytes.size() - whole));
  OpenedFile file;
  file.body = bytes.substr(kHeaderBytes, length);
  file.sealed = bytes.substr(0, kHeaderBytes + length);
  file.seal = bytes.substr(kHeaderBytes + length);
  return file;
}

std::string SealFile(FileKind kind, std::string_view body, const certs::SigningKey& key) {
  std::string bytes(MagicOf(kind));
  AppendBigEndian(bytes, kFileVersion, 4);
  AppendBigEndian(bytes, body.size(), 8);
  bytes.append(body);
  bytes.append(key.Sign(SignedBytes(bytes)));
  return bytes;
}

bool VerifySeal(const OpenedFile& file, const certs::SignatureVerifier& verifier) {
  return verifier.Verify(SignedBytes(file.sealed), file.seal);
}

}  // namespace tripoint::evidence
