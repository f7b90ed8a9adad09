// One code list: a tab-separated file of proto/codes, read once. Called by Registry; immutable, any
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tripoint::codes {

// Languages of labels, in the order of Code::labels.
inline constexpr std::array<std::string_view, 4> kLanguages = {"en", "vi", "km", "lo"};

// Position of a language in kLanguages; 0 (English) for any other text.
std::size_t LanguageIndex(std::string_view language);

struct Code {
  std::string code;                   // canonical spelling
  std::string group;                  // column `parent`; empty when the list has none
  std::vector<std::string> aliases;   // words that a command line accepts for it
  std::array<std::string, 4> labels;  // by kLanguages; empty = untranslated
  std::map<std::string, std::string, std::less<>> columns;  // every other column by its header

  // Text of a further column; empty when there is none.
  std::string_view Column(std::string_view name) const;
  // The column as a whole number; nullopt when empty or no number.
  std::optional<std::int64_t> Number(std::string_view name) const;
};

class CodeList {
 public:
  // `text`: comment lines with #, a header, rows; tabs between cells. The first column is the code.
  // Errors: DATA_LOSS / CORRUPT for no header, too many cells, an empty code, or a code or alias
  // that stands twice (in any case).
  static absl::StatusOr<CodeList> Parse(std::string_view name, std::string_view text);

  // A list made of codes at hand (units, gates), under the same rules.
  static absl::StatusOr<CodeList> Make(std::string_view name, std::vector<Code> codes);

  const std::string& name() const { return name_; }
  const std::vector<Code>& codes() const { return codes_; }
  // False for the tables that only map imported words: they have no labels and are not offered to
  // users.
  bool has_labels() const { return has_labels_; }

  // The code in any case (`drg-trf`); null when there is none.
  const Code* Find(std::string_view code) const;
  // The code, an alias (`smuggling`) or a label in any language, without regard to accents; null
  // when there is none.
  const Code* FindWord(std::string_view word) const;

 private:
  absl::Status Index();

  std::string name_;
  bool has_labels_ = true;
  std::vector<Code> codes_;
  std::map<std::string, std::size_t, std::less<>> by_code_;  // lower case
  std::map<std::string, std::size_t, std::less<>>
      by_word_;  // search keys of codes, aliases, labels
};

}  // namespace tripoint::codes
