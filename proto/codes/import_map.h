// From the words of the reference data set to our codes, for `tripoint incident import`.
// The rules are data: incident_category_map.tsv and incident_term_map.tsv. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/codes/registry.h"

namespace tripoint::codes {

// What the choice of a category looks at: the record's own words.
struct ImportFacts {
  std::string id;                  // `INC-0041`
  std::string category;            // `smuggling_goods`
  std::vector<std::string> goods;  // `rosewood`
  std::vector<std::string> roles;  // `suspect`
};

struct ImportedCategory {
  std::string code;   // of the list categories; empty when no rule fits
  bool exact = true;  // false: nothing fits better, the officer should look at it
};

// The category of a record: a code of our own list as it is, else the first rule that fits.
ImportedCategory ImportCategory(const Registry& registry, const ImportFacts& facts);

// Our code in `list` (goods, quantity_units, documents, vehicles, person_roles, time_precision) for
// a word of the data; a word that is a code itself stays. Empty when there is none.
std::string ImportCode(const Registry& registry, std::string_view list, std::string_view word);

}  // namespace tripoint::codes
