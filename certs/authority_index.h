// The authority's own book: what was issued and what was revoked, one line each, only ever
// appended.
//
// Internal to certs/authority.cc and `tripointd ca show`. One writer (FolderLock). The revocation
// list is made from this book alone, so that a lost or damaged list can always be made again.
//   issued <TAB> serial <TAB> kind <TAB> URI <TAB> not after (Unix s) <TAB> time (Unix s)
//   revoked <TAB> serial <TAB> time (Unix s)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tripoint::certs {

struct IssuedRow {
  std::string serial;  // lower-case hex
  std::string kind;    // node, officer, signing
  std::string uri;
  std::int64_t not_after_s = 0;
  std::int64_t issue_time_s = 0;
  std::optional<std::int64_t> revoke_time_s;
};

std::string IssuedLine(const IssuedRow& row);
std::string RevokedLine(std::string_view serial, std::int64_t revoke_time_s);

// Reads the whole book. A torn last line (power loss while appending) is left out: its certificate
// never left the authority. Errors: DATA_LOSS / CORRUPT with the line number for any other damage.
absl::StatusOr<std::vector<IssuedRow>> ParseIndex(std::string_view text);

}  // namespace tripoint::certs
