// What a Registry holds; seen by registry*.cc only. Immutable after Load.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/codes/registry.h"
#include "proto/contract/nearest.h"

namespace tripoint::codes {

struct Registry::Data {
  std::map<std::string, CodeList, std::less<>> lists;
  Places places;
  std::map<std::string, std::size_t, std::less<>> unit_by_id;
  std::map<std::string, std::size_t, std::less<>> unit_by_word;  // by SearchKey
  std::map<std::string, std::size_t, std::less<>> gate_by_word;
  // By list: what a mistyped word may have meant, as written. Folded once: folding the names of all
  // units again was most of what a refused line of an import cost.
  std::map<std::string, std::vector<contract::Spelling>, std::less<>> spellings;

  absl::Status IndexPlaces();
  absl::Status CheckPlaces() const;
  absl::Status AddPlaceLists();
  void AddSpellings();  // of the lists that hold no places
};

}  // namespace tripoint::codes
