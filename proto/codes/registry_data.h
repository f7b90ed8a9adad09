// What a Registry holds; seen by registry*.cc only. Immutable after Load.
#pragma once

#include <map>
#include <string>

#include "proto/codes/registry.h"

namespace tripoint::codes {

struct Registry::Data {
  std::map<std::string, CodeList, std::less<>> lists;
  Places places;
  std::map<std::string, std::size_t, std::less<>> unit_by_id;
  std::map<std::string, std::size_t, std::less<>> unit_by_word;  // by SearchKey
  std::map<std::string, std::size_t, std::less<>> gate_by_word;
  std::vector<std::string>
      unit_words;  // what a mistyped unit may have meant: ids and names as written
  std::vector<std::string> gate_words;

  absl::Status IndexPlaces();
  absl::Status CheckPlaces() const;
  absl::Status AddPlaceLists();
};

}  // namespace tripoint::codes
