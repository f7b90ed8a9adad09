// Reads an import file record by record in bounded memory, JSON Lines or CSV. One thread.
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/context.h"
#include "client/csv.h"
#include "client/import_record.h"

namespace tripoint::client {

// A line over this is refused by its number; the rest goes on.
inline constexpr std::size_t kImportLineBytesMax = 256 * 1024;

struct ImportLine {
  int number = 0;           // of the line in the file, from 1
  bool unreadable = false;  // the line itself; `record` says why
  absl::StatusOr<ImportRecord> record = absl::UnknownError("");
};

class ImportReader {
 public:
  // `mapping`: field -> column (CSV only). Errors: USAGE when the file cannot be opened, its header
  // does not have a named column, or a field is unknown.
  static absl::StatusOr<std::unique_ptr<ImportReader>> Open(
      Context& context, const std::string& path, const std::map<std::string, std::string>& mapping);

  // Next record; nullopt at the end. A bad line is a line with an error, never the end.
  std::optional<ImportLine> Next();

  // Bytes read so far and of the whole file, for progress.
  int64_t position();
  int64_t size() const { return size_; }

 private:
  ImportReader(Context& context, const std::string& path)
      : context_(context), in_(path, std::ios::binary) {}
  absl::Status ReadHeader(const std::map<std::string, std::string>& mapping);
  std::optional<ImportLine> NextJson();
  std::optional<ImportLine> NextRow();

  Context& context_;
  std::ifstream in_;
  int64_t size_ = 0;
  int line_ = 0;
  std::unique_ptr<CsvReader> csv_;                // absent for JSON Lines
  std::map<std::string, std::size_t> column_of_;  // field -> index
};

}  // namespace tripoint::client
