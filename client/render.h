// The one renderer: every command prints its records through a Printer, whatever the output mode.
//
// Data goes to standard output, everything else to standard error (ux.md 3.1). One thread. A record
// is given as a row of cells (tables, CSV), as its message (JSON) and by its reference (id), so
// that no mode can say something else.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/host.h"

namespace tripoint::client {

enum class Format { kTable, kWide, kJson, kJsonLines, kCsv, kId };

// Reads `table`, `wide`, `json`, `jsonl`, `csv` or `id`. Errors: USAGE with the nearest name.
absl::StatusOr<Format> ParseFormat(std::string_view text);

struct Column {
  std::string id;     // name for --columns and head of the CSV column, such as `state`
  std::string title;  // head in a table, such as `STATE`
  // Shown by `table` too; others only by `wide`, `csv` and when named.
  bool usual = true;
  // May hold Khmer or Lao: always the last column, because terminals disagree about its width.
  bool native = false;
};

struct Row {
  std::string id;
  std::vector<std::string> cells;  // one for each column
  std::string fingerprint = {};  // followers: same means nothing to say; empty = the record's bytes
  std::string json = {};         // instead of the record, for what has no message in the contract
};

struct PrinterOptions {
  Format format = Format::kTable;
  std::vector<std::string> columns;  // of --columns; empty = usual ones
  bool quiet = false;
  bool verbose = false;
  bool colour = false;
  bool accessible = false;  // no redraw, no colour, no progress line that moves
};

class Printer {
 public:
  // `host` outlives the printer.
  Printer(Host& host, PrinterOptions options) : host_(host), options_(std::move(options)) {}

  const PrinterOptions& options() const { return options_; }
  bool machine() const {
    return options_.format != Format::kTable && options_.format != Format::kWide;
  }
  // Redrawing makes sense: a terminal, a table, and nobody asked for plain lines.
  bool may_redraw() const;

  // Starts a list. `empty_text` is what a table says when no row came. Errors: USAGE for an unknown
  // name in --columns.
  absl::Status BeginList(std::vector<Column> columns, std::string empty_text);
  void Add(const Row& row, const google::protobuf::Message& record);
  // Ends the list. With `open` (following) more rows may come by Append, and JSON is written as
  // lines.
  void EndList();
  // One more row under a list that was ended, in the columns and widths that it had.
  void Append(const Row& row, const google::protobuf::Message& record);
  // From now on JSON lists are lines: a list that never ends cannot be an array.
  void BeginFollowing() { following_ = true; }
  void ClearScreen();

  // One record: `text` for people, else as a list of one.
  absl::Status Show(const std::vector<Column>& columns, const Row& row,
                    const google::protobuf::Message& record, std::string_view text);

  // Text of the result itself; only table and wide.
  void Text(std::string_view text);
  // Raw output, such as a completion script.
  void Raw(std::string_view text) { Out(text); }
  // For people, on standard error; not with --quiet.
  void Note(std::string_view text);
  // Only with --verbose.
  void Detail(std::string_view text);
  // On standard error even with --quiet: something that a person must know.
  void Warn(std::string_view text);
  // The error, on standard error; in the JSON modes an object on standard output.
  void Refusal(const absl::Status& status);
  // A line that replaces itself on a terminal; elsewhere the caller limits how often. Empty removes
  // it.
  void Progress(std::string_view text);

  // False once nobody reads standard output any more.
  bool alive() const { return alive_; }

 private:
  void Out(std::string_view text);
  std::vector<std::string> Pick(const Row& row) const;
  void WriteRow(const Row& row, const google::protobuf::Message& record);
  std::string TableLine(const std::vector<std::string>& cells) const;

  Host& host_;
  PrinterOptions options_;
  std::vector<Column> columns_;     // chosen, native last
  std::vector<std::size_t> picks_;  // index of each in a row's cells
  std::vector<int> widths_;
  std::vector<std::vector<std::string>> waiting_;  // table rows until the widths are known
  std::string empty_text_;
  bool in_array_ = false;
  bool array_has_one_ = false;
  bool following_ = false;
  bool csv_headed_ = false;
  bool progress_shown_ = false;
  bool alive_ = true;
};

}  // namespace tripoint::client
