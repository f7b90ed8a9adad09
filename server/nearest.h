// "Did you mean" for configuration keys and commands. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tripoint {

// The word of `words` that is nearest to `typed`, by edits (swapped neighbours count once); empty
// when none is near.
std::string Nearest(std::string_view typed, const std::vector<std::string>& words);

}  // namespace tripoint
