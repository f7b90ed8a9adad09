// The form of a file that leaves a node by hand: what it is, which version, how long, and the seal
// of the unit that made it over every byte before.
//
// Made by the node (server/rpc), opened by whoever checks it. Pure; any thread. Bytes:
// evidence/README.md. Opening proves nothing: the seal is checked by the caller, who knows which
// unit the contents name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "certs/signing_key.h"

namespace tripoint::evidence {

enum class FileKind : std::uint8_t { kEvidence, kBundle };

// The version that this software writes, and the newest that it reads.
inline constexpr std::uint32_t kFileVersion = 1;
// Longest evidence file: an envelope, three certificates, three revocation lists, a proof.
inline constexpr std::size_t kEvidenceBytesMax = 512 * 1024;

// Views into the bytes that were opened.
struct OpenedFile {
  std::string_view body;
  std::string_view sealed;  // everything before the seal
  std::string_view seal;
};

// Errors: DATA_LOSS / EVIDENCE_INVALID or BUNDLE_INVALID (no such file, cut short, bytes behind its
// end); FAILED_PRECONDITION / SCHEMA_NEWER; INVALID_ARGUMENT / TOO_LARGE.
absl::StatusOr<OpenedFile> OpenFile(FileKind kind, std::string_view bytes, std::size_t bytes_max);

// The whole file, sealed with `key`.
std::string SealFile(FileKind kind, std::string_view body, const certs::SigningKey& key);

bool VerifySeal(const OpenedFile& file, const certs::SignatureVerifier& verifier);

}  // namespace tripoint::evidence
