// "Did you mean", as a sentence. CLI11 2.1.2 has none (CLIUtils/CLI11#1009). Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tripoint::client {

// ` Did you mean x?` or ` Did you mean one of: x, y?`; empty when none of `words` is near `typed`.
std::string DidYouMean(std::string_view typed, const std::vector<std::string>& words);

}  // namespace tripoint::client
