// Text in four languages: digits, columns on a terminal, and making foreign text harmless.
//
// Pure; any thread. UTF-8 in and out; broken UTF-8 becomes U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tripoint::client {

// Khmer and Lao digits become ASCII digits; all else stays.
std::string AsciiDigits(std::string_view text);

// Columns that `text` takes on a terminal: one a grapheme, two if it is wide. Terminals disagree
// about Khmer and Lao vowels, so nothing is ever placed after native text.
int DisplayColumns(std::string_view text);

// True when `text` holds Khmer or Lao letters.
bool IsNativeScript(std::string_view text);

// At most `columns` columns, cut at a grapheme border with an ellipsis.
std::string Truncate(std::string_view text, int columns);

// Text of others made safe for a terminal: control characters and direction overrides become
// U+FFFD, so that nobody across the border moves our cursor. Line feeds and tabs become a space
// unless `keep_lines`.
std::string Harmless(std::string_view text, bool keep_lines = false);

// A size as people say it: `203.4 KiB`.
std::string SizeText(std::uint64_t bytes);

// Pads with spaces to `columns`.
std::string Padded(std::string_view text, int columns);

std::string ToUpperAscii(std::string_view text);
std::string ToLowerAscii(std::string_view text);
std::string_view Trimmed(std::string_view text);
std::vector<std::string> Split(std::string_view text, char separator);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace tripoint::client
