// The data files of this folder, inside the binary: a node needs no file beside its configuration.
// Called by Registry::Load.
#pragma once

#include <string_view>
#include <vector>

namespace tripoint::codes {

// The text of a data file of proto/codes by its name, such as `categories.tsv`; empty when there is
// none.
std::string_view EmbeddedFile(std::string_view name);

// Names of all of them.
std::vector<std::string_view> EmbeddedNames();

}  // namespace tripoint::codes
