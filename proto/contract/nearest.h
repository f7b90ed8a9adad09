// "Did you mean": the words that are nearest to what was typed. Used by the command lines, the
// configuration and the code lists. Pure; any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/contract/text_form.h"

namespace tripoint::contract {

// Makes spellings comparable before they are compared; what it gives is UTF-8.
using Folding = std::function<std::string(std::string_view)>;

// A word as it is compared, for lists that are asked again and again.
struct Spelling {
  std::string word;
  std::u32string letters;  // the first 64 of the folded word
};
// `folded`: what the folding of the list makes of `word`.
Spelling SpellingOf(std::string word, std::string_view folded);

// Those of `words` within a few slips of `typed` (optimal string alignment over folded letters: at
// most one slip for each three letters and never more than three), or that `typed` begins; nearest
// first, then in given order. At most `limit`, no duplicates. Only the first 64 letters count.
std::vector<std::string> Nearest(std::string_view typed, const std::vector<std::string>& words,
                                 std::size_t limit, const Folding& fold = AsciiLower);
// The same of a list whose spellings are at hand; `folded`: what was typed, folded as they are.
std::vector<std::string> NearestOf(std::string_view folded, const std::vector<Spelling>& words,
                                   std::size_t limit);

// The nearest of `words`; empty when none is near.
std::string NearestWord(std::string_view typed, const std::vector<std::string>& words);

// ` Did you mean x?` or ` Did you mean one of: x, y?`; empty when none of `words` is near.
std::string DidYouMean(std::string_view typed, const std::vector<std::string>& words);

}  // namespace tripoint::contract
