// Text as officers type it, made comparable: accents, case and zero-width characters do not matter,
// scripts do. Called by the registry, the CLI and searches. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tripoint::codes {

// NFC; Latin letters to ASCII; lower case; zero-width spaces removed. `Đồng Tháp` gives `dong
// thap`, Khmer and Lao stay as they are: the usual recipe (decompose, drop marks) destroys them
// (ux.md, language fact a). Bytes that are not UTF-8 become U+FFFD.
std::string Fold(std::string_view text);

// What Fold() gives, without ICU's rules, which are 4 MiB of memory once they are made: for letters
// of Vietnamese and its like, and scripts that stay. nullopt: it takes the rules.
std::optional<std::string> FoldPlainly(std::string_view text);

// Fold() without spaces and ASCII punctuation: `O'Yadav`, `o yadav` and `OYADAV` are one.
std::string SearchKey(std::string_view text);

}  // namespace tripoint::codes
