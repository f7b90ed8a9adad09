// Reads a code list from its tab-separated text. Called by Registry::Load, in the thread that
// starts the node.
#include "proto/codes/code_list.h"

#include <charconv>
#include <utility>

#include "proto/codes/fold.h"
#include "proto/contract/error.h"

namespace tripoint::codes {
namespace {

using contract::Reason;

constexpr std::size_t kCodeBytesMax = 64;
constexpr std::size_t kWordBytesMax = 256;

absl::Status Broken(std::string_view name, std::string why) {
  return contract::Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
                         "the code list " + std::string(name) + " cannot be read", std::move(why),
                         "install the program again; its embedded data is damaged");
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0;;) {
    const std::size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

// ASCII only: codes are ASCII, and this runs for every coded field of every message.
std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

Code ReadRow(const std::vector<std::string_view>& header,
             const std::vector<std::string_view>& cells) {
  Code row;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::string_view cell = i < cells.size() ? cells[i] : std::string_view();
    if (i == 0) {
      row.code = cell;
    } else if (header[i] == "parent") {
      row.group = cell;
    } else if (header[i] == "alias") {
      for (std::string_view alias : Split(cell, ',')) {
        if (!alias.empty()) row.aliases.emplace_back(alias);
      }
    } else if (header[i].starts_with("label_")) {
      row.labels[LanguageIndex(header[i].substr(6))] = cell;
    } else {
      row.columns.emplace(header[i], cell);
    }
  }
  return row;
}

}  // namespace

std::size_t LanguageIndex(std::string_view language) {
  for (std::size_t i = 0; i < kLanguages.size(); ++i) {
    if (kLanguages[i] == language) return i;
  }
  return 0;
}

std::string_view Code::Column(std::string_view name) const {
  const auto found = columns.find(name);
  return found == columns.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::int64_t> Code::Number(std::string_view name) const {
  const std::string_view text = Column(name);
  std::int64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || result.ec != std::errc() || result.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

absl::StatusOr<CodeList> CodeList::Parse(std::string_view name, std::string_view text) {
  CodeList list;
  list.name_ = name;
  std::vector<std::string_view> header;
  for (std::string_view line : Split(text, '\n')) {
    if (line.empty() || line.front() == '#') continue;
    const std::vector<std::string_view> cells = Split(line, '\t');
    if (header.empty()) {
      header = cells;
      continue;
    }
    if (cells.size() > header.size()) {
      return Broken(name, "a row has more cells than the header: " + std::string(cells[0]));
    }
    list.codes_.push_back(ReadRow(header, cells));
  }
  if (header.empty()) return Broken(name, "it has no header");
  list.has_labels_ = false;
  for (std::string_view column : header)
    list.has_labels_ = list.has_labels_ || column == "label_en";
  if (absl::Status status = list.Index(); !status.ok()) return status;
  return list;
}

absl::StatusOr<CodeList> CodeList::Make(std::string_view name, std::vector<Code> codes) {
  CodeList list;
  list.name_ = name;
  list.codes_ = std::move(codes);
  if (absl::Status status = list.Index(); !status.ok()) return status;
  return list;
}

absl::Status CodeList::Index() {
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    const Code& row = codes_[i];
    if (row.code.empty() || row.code.size() > kCodeBytesMax)
      return Broken(name_, "a row has no code or a long one");
    if (!by_code_.emplace(Lower(row.code), i).second)
      return Broken(name_, row.code + " stands twice");
    by_word_.emplace(SearchKey(row.code), i);
  }
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    for (const std::string& alias : codes_[i].aliases) {
      if (!by_word_.emplace(SearchKey(alias), i).second)
        return Broken(name_, alias + " stands twice");
    }
  }
  // Two codes may read alike in some language; then the first wins, and its code still tells them
  // apart.
  for (std::size_t i = 0; i < codes_.size(); ++i) {
    for (const std::string& label : codes_[i].labels) {
      if (!label.empty()) by_word_.emplace(SearchKey(label), i);
    }
  }
  return absl::OkStatus();
}

const Code* CodeList::Find(std::string_view code) const {
  if (code.empty() || code.size() > kCodeBytesMax) return nullptr;
  const auto found = by_code_.find(Lower(code));
  return found == by_code_.end() ? nullptr : &codes_[found->second];
}

const Code* CodeList::FindWord(std::string_view word) const {
  if (const Code* code = Find(word); code != nullptr) return code;
  if (word.size() > kWordBytesMax) return nullptr;
  const auto found = by_word_.find(SearchKey(word));
  return found == by_word_.end() ? nullptr : &codes_[found->second];
}

}  // namespace tripoint::codes
