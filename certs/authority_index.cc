// The authority's book: see authority_index.h. Pure; any thread.
#include "certs/authority_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at != std::string_view::npos;) {
    const std::size_t end = text.find(separator, at);
    parts.push_back(text.substr(at, end == std::string_view::npos ? end : end - at));
    at = end == std::string_view::npos ? end : end + 1;
  }
  return parts;
}

bool ParseNumber(std::string_view text, std::int64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseLine(std::string_view line, std::vector<IssuedRow>* rows) {
  const std::vector<std::string_view> parts = Split(line, '\t');
  if (parts.size() == 6 && parts[0] == "issued") {
    IssuedRow row{.serial = std::string(parts[1]),
                  .kind = std::string(parts[2]),
                  .uri = std::string(parts[3]),
                  .not_after_s = 0,
                  .issue_time_s = 0,
                  .revoke_time_s = std::nullopt};
    if (!ParseNumber(parts[4], &row.not_after_s) || !ParseNumber(parts[5], &row.issue_time_s))
      return false;
    rows->push_back(std::move(row));
    return true;
  }
  std::int64_t time_s = 0;
  if (parts.size() != 3 || parts[0] != "revoked" || !ParseNumber(parts[2], &time_s)) return false;
  const auto row = std::find_if(rows->begin(), rows->end(),
                                [&](const IssuedRow& r) { return r.serial == parts[1]; });
  if (row == rows->end()) return false;
  if (!row->revoke_time_s.has_value()) row->revoke_time_s = time_s;
  return true;
}

}  // namespace

std::string IssuedLine(const IssuedRow& row) {
  return fmt::format("issued\t{}\t{}\t{}\t{}\t{}", row.serial, row.kind, row.uri, row.not_after_s,
                     row.issue_time_s);
}

std::string RevokedLine(std::string_view serial, std::int64_t revoke_time_s) {
  return fmt::format("revoked\t{}\t{}", serial, revoke_time_s);
}

absl::StatusOr<std::vector<IssuedRow>> ParseIndex(std::string_view text) {
  std::vector<IssuedRow> rows;
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;
    ++number;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!line.empty() && !line.starts_with('#') && !ParseLine(line, &rows)) {
      return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                             "The authority's book (issued.tsv) is damaged",
                             fmt::format("Line {} cannot be read", number),
                             "Restore the authority's folder from its backup");
    }
  }
  return rows;
}

}  // namespace tripoint::certs
