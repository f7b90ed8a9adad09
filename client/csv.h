// CSV as spreadsheet programs read and write it (RFC 4180). Pure; any thread.
#pragma once

#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tripoint::client {

// Byte order mark that makes Excel read UTF-8.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// One cell: quoted where needed, and guarded: a cell that a spreadsheet would run as a formula
// begins with '.
std::string CsvCell(std::string_view text);

// A whole line with its end.
std::string CsvLine(const std::vector<std::string>& cells);

// Reads records one by one; a quoted cell may span lines.
class CsvReader {
 public:
  // `in` must outlive this. Records over `bytes_max` are refused.
  CsvReader(std::istream& in, std::size_t bytes_max) : in_(in), bytes_max_(bytes_max) {}
  // Reads the next record into `cells`; false at the end. Errors: INVALID_ARGUMENT for an open
  // quote or one too long; reading may go on after it.
  absl::StatusOr<bool> Next(std::vector<std::string>& cells);
  // Number of the line on which the last record began, from 1.
  int line() const { return record_line_; }

 private:
  std::istream& in_;
  std::size_t bytes_max_;
  int line_ = 0;
  int record_line_ = 0;
};

// Reads one line without its end, of at most `bytes_max` bytes, in bounded memory; false at the
// end. A longer line is skipped to its end and refused: OUT_OF_RANGE.
absl::StatusOr<bool> ReadBoundedLine(std::istream& in, std::size_t bytes_max, std::string& line);

}  // namespace tripoint::client
