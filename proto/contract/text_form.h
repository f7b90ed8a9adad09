// Forms of strings: valid UTF-8 without control characters, codes, languages, regions.
//
// Pure; any thread. Called by validate.cc on every string and by domain on codes from peers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tripoint::contract {

enum class TextFault : std::uint8_t { kNone, kNotUtf8, kControlCharacter };

// Refuses invalid UTF-8, C0 and C1 control characters, DEL, and the marks that reorder text on
// screen (U+202A to U+202E, U+2066 to U+2069: no language here needs them, and they make a line
// read as another). With `allow_lines` line feed, tab and the Unicode line separators are allowed.
// Zero-width space and joiners stay: Khmer and Lao are written with them.
TextFault ScanText(std::string_view text, bool allow_lines);

// Length of the UTF-8 sequence of a letter that is not ASCII, and its code point; 0 when `text`
// begins with anything else. `text` is not empty.
std::size_t DecodeLetter(std::string_view text, std::uint32_t& point);

// Unicode code points of valid UTF-8; a letter with its marks counts as several, as it is written.
std::size_t CountCharacters(std::string_view text);

// 1 to 64 of A-Z, a-z, 0-9 and `+ - . _`: what a code of any version of the lists looks like.
bool IsCodeForm(std::string_view text);

// Two ASCII letters.
bool IsTwoLetters(std::string_view text);

std::string AsciiUpper(std::string_view text);
std::string AsciiLower(std::string_view text);

// `text` for a message: at most 40 bytes, in double quotes, without anything but printable ASCII.
std::string Quoted(std::string_view text);

}  // namespace tripoint::contract
