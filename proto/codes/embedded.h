// The data files of this folder, inside the binary: a node needs no file beside its configuration.
#pragma once

#include <string_view>

namespace tripoint::codes {

// The text of a data file of proto/codes by its name, such as `categories.tsv`; empty when there is none.
std::string_view EmbeddedFile(std::string_view name);

}  // namespace tripoint::codes
