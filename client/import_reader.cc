// Reads an import file record by record.
#include "client/import_reader.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "client/errors.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

// A photo or an office document that was named by mistake: its lines would all be bad, and say
// nothing. Leaves `in` at its beginning.
bool LooksBinary(std::istream& in) {
  std::array<char, 4096> head{};
  in.read(head.data(), head.size());
  const auto end = head.begin() + in.gcount();
  in.clear();
  in.seekg(0);
  return std::find(head.begin(), end, '\0') != end;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImportReader>> ImportReader::Open(
    Context& context, const std::string& path, const std::map<std::string, std::string>& mapping) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return UsageError("\"" + path + "\" is no file; nothing was recorded",
                      "it is read twice: first checked, then recorded",
                      "give the path of a .jsonl or .csv file");
  }
  std::unique_ptr<ImportReader> reader(new ImportReader(context, path));
  if (!reader->in_)
    return UsageError("\"" + path + "\" cannot be read; nothing was recorded",
                      "its permissions do not allow it",
                      "make it readable for you: chmod u+r FILE");
  if (LooksBinary(reader->in_)) {
    return UsageError("\"" + path + "\" is no text; nothing was recorded",
                      "it holds bytes that no JSON Lines or CSV file has; a spreadsheet is first "
                      "saved as CSV UTF-8",
                      "give a .jsonl or .csv file: tripoint help import");
  }
  reader->size_ = static_cast<int64_t>(std::filesystem::file_size(path, error));
  const bool csv = ToLowerAscii(path).ends_with(".csv") || !mapping.empty();
  if (csv) {
    reader->csv_ = std::make_unique<CsvReader>(reader->in_, kImportLineBytesMax);
    const absl::Status header = reader->ReadHeader(mapping);
    if (!header.ok()) return header;
  }
  return reader;
}

absl::Status ImportReader::ReadHeader(const std::map<std::string, std::string>& mapping) {
  std::vector<std::string> header;
  const absl::StatusOr<bool> more = csv_->Next(header);
  if (!more.ok() || !*more) {
    return UsageError("the file has no header line", "the first line of a CSV names its columns",
                      "tripoint help import");
  }
  Faults faults;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string field = UsualField(header[i]);
    // A column that --map names is what --map says, and nothing else.
    const bool named = std::any_of(mapping.begin(), mapping.end(),
                                   [&](const auto& pair) { return pair.second == header[i]; });
    if (!field.empty() && !named && mapping.find(field) == mapping.end())
      column_of_.try_emplace(field, i);
  }
  for (const auto& [field, column] : mapping) {
    const std::vector<std::string>& fields = CsvFields();
    if (std::find(fields.begin(), fields.end(), field) == fields.end()) {
      faults.Add("--map", "no field \"" + field + "\"." + contract::DidYouMean(field, fields) +
                              " The fields are " + Join(fields, ", "));
    }
    const auto found = std::find(header.begin(), header.end(), column);
    if (found == header.end()) {
      faults.Add("--map", "no column \"" + column + "\"." + contract::DidYouMean(column, header) +
                              " The columns are " + Join(header, ", "));
    } else {
      column_of_[field] = static_cast<std::size_t>(found - header.begin());
    }
  }
  for (const char* needed : {"when", "kind"}) {
    if (column_of_.find(needed) == column_of_.end() && faults.empty()) {
      faults.Add("--map", std::string("which column is ") + needed + "? say --map " + needed +
                              "=COLUMN; the columns are " + Join(header, ", "));
    }
  }
  return faults.ToStatus("nothing was recorded");
}

std::optional<ImportLine> ImportReader::Next() { return csv_ != nullptr ? NextRow() : NextJson(); }

std::optional<ImportLine> ImportReader::NextJson() {
  std::string text;
  while (true) {
    const absl::StatusOr<bool> more = ReadBoundedLine(in_, kImportLineBytesMax, text);
    if (more.ok() && !*more) return std::nullopt;
    ++line_;
    ImportLine line;
    line.number = line_;
    if (!more.ok()) {
      line.unreadable = true;
      line.record = more.status();
      return line;
    }
    std::string_view json = Trimmed(text);
    if (line_ == 1 && json.starts_with(kByteOrderMark)) json.remove_prefix(kByteOrderMark.size());
    // An array as `-o json` writes it has one object a line between brackets.
    if (json == "[" || json == "]") json = {};
    if (json.ends_with(',')) json.remove_suffix(1);
    if (json.empty()) continue;
    line.record = RecordFromJson(context_, json);
    return line;
  }
}

std::optional<ImportLine> ImportReader::NextRow() {
  std::vector<std::string> row;
  const absl::StatusOr<bool> more = csv_->Next(row);
  if (more.ok() && !*more) return std::nullopt;
  ImportLine line;
  line.number = csv_->line();
  if (!more.ok()) {
    line.unreadable = true;
    line.record = more.status();
    return line;
  }
  std::map<std::string, std::string> cells;
  for (const auto& [field, column] : column_of_) {
    if (column < row.size()) cells[field] = row[column];
  }
  line.record = RecordFromCells(context_, cells);
  return line;
}

int64_t ImportReader::position() {
  const auto at = in_.tellg();
  return at < 0 ? size_ : static_cast<int64_t>(at);
}

}  // namespace tripoint::client
