// Loads the registry and answers about code lists; registry_places.cc answers about units and
// gates. Any thread.
#include "proto/codes/registry.h"

#include <utility>

#include "proto/codes/embedded.h"
#include "proto/codes/fold.h"
#include "proto/codes/registry_data.h"
#include "proto/contract/error.h"
#include "proto/contract/nearest.h"

namespace tripoint::codes {
namespace {

using contract::Reason;

constexpr std::size_t kSuggestionsMax = 3;

}  // namespace

absl::StatusOr<Registry> Registry::Load() {
  auto data = std::make_shared<Data>();
  for (std::string_view file : EmbeddedNames()) {
    if (!file.ends_with(".tsv")) continue;
    const std::string name(file.substr(0, file.size() - 4));
    absl::StatusOr<CodeList> list = CodeList::Parse(name, EmbeddedFile(file));
    if (!list.ok()) return list.status();
    data->lists.emplace(name, *std::move(list));
  }
  absl::StatusOr<Places> places =
      ReadPlaces(EmbeddedFile("units.json"), EmbeddedFile("gates.json"));
  if (!places.ok()) return places.status();
  data->places = *std::move(places);
  data->AddSpellings();
  if (absl::Status status = data->IndexPlaces(); !status.ok()) return status;
  if (absl::Status status = data->CheckPlaces(); !status.ok()) return status;
  if (absl::Status status = data->AddPlaceLists(); !status.ok()) return status;
  return Registry(std::move(data));
}

std::vector<std::string> Registry::ListNames() const {
  std::vector<std::string> names;
  for (const auto& [name, list] : data_->lists) {
    if (list.has_labels()) names.push_back(name);
  }
  return names;
}

const CodeList* Registry::List(std::string_view list) const {
  const auto found = data_->lists.find(list);
  return found == data_->lists.end() ? nullptr : &found->second;
}

const Code* Registry::Find(std::string_view list, std::string_view code) const {
  const CodeList* found = List(list);
  return found == nullptr ? nullptr : found->Find(code);
}

const Code* Registry::FindWord(std::string_view list, std::string_view word) const {
  if (list == "units") {
    const Unit* unit = FindUnit(word);
    return unit == nullptr ? nullptr : Find(list, unit->id);
  }
  if (list == "gates") {
    const Gate* gate = FindGate(word);
    return gate == nullptr ? nullptr : Find(list, gate->id);
  }
  const CodeList* found = List(list);
  return found == nullptr ? nullptr : found->FindWord(word);
}

absl::StatusOr<const Code*> Registry::ResolveWord(std::string_view list,
                                                  std::string_view word) const {
  const std::string name(list);
  const std::string typed(word.substr(0, 64));
  if (List(list) == nullptr) {
    return contract::Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                           "there is no code list \"" + name + "\"",
                           "the lists are fixed with the program", "tripoint codes");
  }
  if (const Code* code = FindWord(list, word); code != nullptr) return code;
  std::string why;
  for (const std::string& near : Suggestions(list, word))
    why += (why.empty() ? "did you mean " : ", ") + near;
  return contract::Error(absl::StatusCode::kInvalidArgument, Reason::kCodeUnknown,
                         "\"" + typed + "\" is not in the list " + name,
                         why.empty() ? "nothing in the list is spelled like it" : why + "?",
                         "tripoint codes " + name);
}

std::string Registry::Label(std::string_view list, std::string_view code,
                            std::string_view language) const {
  const Code* found = Find(list, code);
  if (found == nullptr) return std::string(code);
  const std::string& label = found->labels[LanguageIndex(language)];
  if (!label.empty()) return label;
  return found->labels[0].empty() ? found->code : found->labels[0] + " (" + found->code + ")";
}

bool Registry::Translated(std::string_view list, std::string_view code,
                          std::string_view language) const {
  const Code* found = Find(list, code);
  return found != nullptr && !found->labels[LanguageIndex(language)].empty();
}

void Registry::Data::AddSpellings() {
  for (const auto& [name, list] : lists) {
    std::vector<contract::Spelling>& words = spellings[name];
    for (const Code& code : list.codes()) {
      words.push_back(contract::SpellingOf(code.code, SearchKey(code.code)));
      for (const std::string& alias : code.aliases)
        words.push_back(contract::SpellingOf(alias, SearchKey(alias)));
    }
  }
}

std::vector<std::string> Registry::Suggestions(std::string_view list, std::string_view text,
                                               std::size_t limit) const {
  const auto found = data_->spellings.find(list);
  if (found == data_->spellings.end()) return {};
  return contract::NearestOf(SearchKey(text), found->second, limit);
}

std::optional<std::string_view> Registry::Check(std::string_view list,
                                                std::string_view code) const {
  const Code* found = Find(list, code);
  return found == nullptr ? std::nullopt : std::optional<std::string_view>(found->code);
}

std::vector<std::string_view> Registry::Members(std::string_view list) const {
  std::vector<std::string_view> members;
  if (const CodeList* found = List(list); found != nullptr) {
    for (const Code& code : found->codes()) members.push_back(code.code);
  }
  return members;
}

std::string Registry::Suggest(std::string_view list, std::string_view code) const {
  for (const std::string& word : Suggestions(list, code, kSuggestionsMax)) {
    if (const Code* found = FindWord(list, word); found != nullptr) return found->code;
  }
  return {};
}

}  // namespace tripoint::codes
