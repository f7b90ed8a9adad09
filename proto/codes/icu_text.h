// UTF-8 as ICU has it, and back. Included by the files that work with ICU: fold.cc here and
// client/text.cc. Pure; any thread.
#pragma once

#include <unicode/unistr.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tripoint::codes {

// Bytes that are not UTF-8 become U+FFFD.
inline icu::UnicodeString FromUtf8(std::string_view text) {
  return icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())));
}

inline std::string ToUtf8(const icu::UnicodeString& text) {
  std::string utf8;
  text.toUTF8String(utf8);
  return utf8;
}

}  // namespace tripoint::codes
