// CSV reading and writing.
#include "client/csv.h"

#include <utility>

namespace tripoint::client {
namespace {

constexpr std::string_view kFormulaStarts = "=+-@\t\r";

// Splits one whole record. False: a quote is still open at its end.
bool SplitRecord(std::string_view record, std::vector<std::string>& cells) {
  cells.assign(1, "");
  bool quoted = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted && c == '"' && i + 1 < record.size() && record[i + 1] == '"') {
      cells.back() += '"';
      ++i;
    } else if (c == '"' && (quoted || cells.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return !quoted;
}

// Takes our own guard off again, so that an export re-imports.
void Unguard(std::string& cell) {
  if (cell.size() > 1 && cell[0] == '\'' && kFormulaStarts.find(cell[1]) != std::string_view::npos)
    cell.erase(0, 1);
}

}  // namespace

std::string CsvCell(std::string_view text) {
  std::string guarded(text);
  if (!guarded.empty() && kFormulaStarts.find(guarded[0]) != std::string_view::npos)
    guarded.insert(0, "'");
  if (guarded.find_first_of(",\"\r\n") == std::string::npos) return guarded;
  std::string out = "\"";
  for (const char c : guarded) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    out += CsvCell(cells[i]);
  }
  return out + "\r\n";
}

absl::StatusOr<bool> ReadBoundedLine(std::istream& in, std::size_t bytes_max, std::string& line) {
  line.clear();
  bool too_long = false;
  bool any = false;
  for (int c = in.get(); c != std::istream::traits_type::eof(); c = in.get()) {
    any = true;
    if (c == '\n') break;
    if (line.size() < bytes_max) {
      line += static_cast<char>(c);
    } else {
      too_long = true;
    }
  }
  if (!any) return false;
  if (too_long) return absl::OutOfRangeError("longer than " + std::to_string(bytes_max) + " bytes");
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

absl::StatusOr<bool> CsvReader::Next(std::vector<std::string>& cells) {
  std::string record;
  record_line_ = line_ + 1;
  while (true) {
    std::string line;
    const absl::StatusOr<bool> more = ReadBoundedLine(in_, bytes_max_, line);
    ++line_;
    if (!more.ok()) return more.status();
    if (!*more) {
      if (record.empty()) return false;
      return absl::InvalidArgumentError("a quote is not closed");
    }
    if (line_ == 1 && std::string_view(line).starts_with(kByteOrderMark))
      line.erase(0, kByteOrderMark.size());
    if (!record.empty()) record += '\n';
    record += line;
    if (record.size() > bytes_max_)
      return absl::OutOfRangeError("longer than " + std::to_string(bytes_max_) + " bytes");
    if (record.empty()) {
      record_line_ = line_ + 1;
      continue;
    }
    if (!SplitRecord(record, cells)) continue;
    for (std::string& cell : cells) Unguard(cell);
    return true;
  }
}

}  // namespace tripoint::client
