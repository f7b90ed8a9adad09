// Text as officers type it, made comparable: accents, case and zero-width characters do not matter,
// scripts do. Called by the registry, the CLI and searches. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tripoint::codes {

// NFC; Latin letters to ASCII; lower case; zero-width spaces removed. `Đồng Tháp` gives `dong
// thap`, Khmer and Lao stay as they are: the usual recipe (decompose, drop marks) destroys them
// (ux.md, language fact a). Bytes that are not UTF-8 become U+FFFD.
std::string Fold(std::string_view text);

// Fold() without spaces and ASCII punctuation: `O'Yadav`, `o yadav` and `OYADAV` are one.
std::string SearchKey(std::string_view text);

// Those of `candidates` within a few slips of `input` (Damerau-Levenshtein over folded text: at
// most one slip for each three letters and never more than three), or that `input` begins; nearest
// first, then in given order. At most `limit`, no duplicates. Only the first 64 letters count.
std::vector<std::string> Nearest(std::string_view input, const std::vector<std::string>& candidates,
                                 std::size_t limit);

}  // namespace tripoint::codes
