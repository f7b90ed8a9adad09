// The one renderer.
#include "client/render.h"

#include <algorithm>
#include <utility>

#include "client/csv.h"
#include "client/errors.h"
#include "client/json.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

constexpr int kColumnGap = 2;
constexpr int kNativeColumnsMin = 12;  // the last column is never cut below this

// Room that a column gets while a list is followed, so that lines that come later stand under their
// heads.
int FollowColumns(std::string_view id) {
  if (id == "ref") return 16;
  if (id == "unit" || id == "from") return 14;
  if (id == "ack_by") return 30;
  if (id == "state") return 12;
  if (id == "recipients") return 24;
  if (id == "when" || id == "time" || id == "received" || id == "shared" || id == "since" ||
      id == "valid_until")
    return 20;
  if (id.starts_with("time_")) return 25;
  return 0;
}

std::string JsonOf(const Row& row, const google::protobuf::Message& record, bool pretty) {
  return row.json.empty() ? ToJson(record, pretty) : row.json;
}

}  // namespace

absl::StatusOr<Format> ParseFormat(std::string_view text) {
  static constexpr std::pair<std::string_view, Format> kNames[] = {
      {"table", Format::kTable},     {"wide", Format::kWide}, {"json", Format::kJson},
      {"jsonl", Format::kJsonLines}, {"csv", Format::kCsv},   {"id", Format::kId}};
  std::vector<std::string> names;
  for (const auto& [name, format] : kNames) {
    if (text == name) return format;
    names.emplace_back(name);
  }
  return UsageError(
      "no output format \"" + std::string(text) + "\"." + contract::DidYouMean(text, names),
      "the formats are " + Join(names, ", "), "tripoint help formats");
}

bool Printer::may_redraw() const {
  return host_.OutputIsTerminal() && !machine() && !options_.accessible && host_.Columns() > 0;
}

absl::Status Printer::BeginList(std::vector<Column> columns, std::string empty_text) {
  columns_.clear();
  picks_.clear();
  waiting_.clear();
  empty_text_ = std::move(empty_text);
  std::vector<std::size_t> chosen;
  if (options_.columns.empty()) {
    const bool all = options_.format != Format::kTable;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (all || columns[i].usual) chosen.push_back(i);
    }
  }
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.id);
  for (const std::string& name : options_.columns) {
    const auto found = std::find(names.begin(), names.end(), ToLowerAscii(name));
    if (found == names.end()) {
      return UsageError("no column \"" + name + "\" here." + contract::DidYouMean(name, names),
                        "the columns are " + Join(names, ", "), "");
    }
    chosen.push_back(static_cast<std::size_t>(found - names.begin()));
  }
  if (options_.format != Format::kCsv) {
    std::stable_partition(chosen.begin(), chosen.end(),
                          [&](std::size_t i) { return !columns[i].native; });
  }
  for (const std::size_t i : chosen) {
    picks_.push_back(i);
    columns_.push_back(columns[i]);
  }
  if (options_.format == Format::kJson && !following_) {
    in_array_ = true;
    array_has_one_ = false;  // the bracket waits: a refusal before the first row is one object
  }
  if (options_.format == Format::kCsv && !csv_headed_) {
    std::vector<std::string> heads;
    for (const Column& column : columns_) heads.push_back(column.id);
    Out(std::string(kByteOrderMark) + CsvLine(heads));
    csv_headed_ = true;
  }
  return absl::OkStatus();
}

std::vector<std::string> Printer::Pick(const Row& row) const {
  std::vector<std::string> cells;
  for (const std::size_t i : picks_) cells.push_back(i < row.cells.size() ? row.cells[i] : "");
  return cells;
}

void Printer::WriteRow(const Row& row, const google::protobuf::Message& record) {
  switch (options_.format) {
    case Format::kTable:
    case Format::kWide:
      Out(TableLine(Pick(row)));
      break;
    case Format::kJson:
    case Format::kJsonLines:
      if (in_array_) {
        Out((array_has_one_ ? ",\n" : "[\n") + JsonOf(row, record, false));
        array_has_one_ = true;
      } else {
        Out(JsonOf(row, record, false) + "\n");
      }
      break;
    case Format::kCsv:
      Out(CsvLine(Pick(row)));
      break;
    case Format::kId:
      Out(row.id + "\n");
      break;
  }
}

void Printer::Add(const Row& row, const google::protobuf::Message& record) {
  if (machine()) {
    WriteRow(row, record);
  } else {
    std::vector<std::string> cells = Pick(row);
    for (std::string& cell : cells) cell = Harmless(cell);
    waiting_.push_back(std::move(cells));
  }
}

std::string Printer::TableLine(const std::vector<std::string>& cells) const {
  std::string line;
  int used = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string cell = Harmless(cells[i]);
    if (i + 1 == cells.size()) {
      const int room = host_.Columns() - used;
      const bool cut =
          options_.format == Format::kTable && host_.OutputIsTerminal() && host_.Columns() > 0;
      line += cut ? Truncate(cell, std::max(room, kNativeColumnsMin)) : cell;
    } else {
      line += Padded(cell, widths_[i]) + std::string(kColumnGap, ' ');
      used += std::max(widths_[i], DisplayColumns(cell)) + kColumnGap;
    }
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

void Printer::EndList() {
  if (in_array_) {
    Out(array_has_one_ ? "\n]\n" : "[]\n");
    in_array_ = false;
  }
  if (machine()) return;
  widths_.assign(columns_.size(), 0);
  std::vector<std::string> heads;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    heads.push_back(columns_[i].title);
    widths_[i] = DisplayColumns(columns_[i].title);
    if (following_ && !may_redraw())
      widths_[i] = std::max(widths_[i], FollowColumns(columns_[i].id));
    for (const auto& cells : waiting_) widths_[i] = std::max(widths_[i], DisplayColumns(cells[i]));
  }
  if (waiting_.empty() && !following_) {
    Note(empty_text_);
    return;
  }
  const std::string head = TableLine(heads);
  Out(options_.colour ? "\x1b[1m" + head.substr(0, head.size() - 1) + "\x1b[0m\n" : head);
  for (const auto& cells : waiting_) Out(TableLine(cells));
  waiting_.clear();
}

void Printer::Append(const Row& row, const google::protobuf::Message& record) {
  WriteRow(row, record);
}

void Printer::ClearScreen() { Out("\x1b[H\x1b[2J\x1b[3J"); }

absl::Status Printer::Show(const std::vector<Column>& columns, const Row& row,
                           const google::protobuf::Message& record, std::string_view text) {
  if (!machine() && options_.columns.empty()) {
    Out(text);
  } else if (options_.format == Format::kJson) {
    Out(JsonOf(row, record, true) + "\n");
  } else {
    const absl::Status begun = BeginList(columns, "");
    if (!begun.ok()) return begun;
    Add(row, record);
    EndList();
  }
  return absl::OkStatus();
}

void Printer::Text(std::string_view text) {
  if (!machine()) Out(text);
}

void Printer::Note(std::string_view text) {
  if (!options_.quiet && !text.empty()) Warn(text);
}

void Printer::Detail(std::string_view text) {
  if (options_.verbose) Warn(text);
}

void Printer::Warn(std::string_view text) {
  Progress("");
  host_.WriteError(std::string(text) + (text.ends_with('\n') ? "" : "\n"));
}

void Printer::Refusal(const absl::Status& status) {
  Progress("");
  if (options_.format == Format::kJson || options_.format == Format::kJsonLines) {
    if (in_array_ && array_has_one_) Out("\n]\n");
    in_array_ = false;
    Out(ErrorJson(status));
    return;
  }
  host_.WriteError(ErrorText(status, options_.colour && host_.ErrorIsTerminal()));
}

void Printer::Progress(std::string_view text) {
  if (options_.quiet) return;
  if (host_.ErrorIsTerminal() && !options_.accessible) {
    if (text.empty() && !progress_shown_) return;
    host_.WriteError("\r\x1b[K" + std::string(text));
    progress_shown_ = !text.empty();
  } else if (!text.empty()) {
    host_.WriteError(std::string(text) + "\n");
  }
}

void Printer::Out(std::string_view text) {
  if (progress_shown_ && host_.OutputIsTerminal()) Progress("");
  if (alive_ && !text.empty()) alive_ = host_.Write(text);
}

}  // namespace tripoint::client
