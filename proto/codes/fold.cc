// Folding with ICU. Pure; any thread.
#include "proto/codes/fold.h"

#include <unicode/translit.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace tripoint::codes {
namespace {

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Null when ICU's data is missing: Registry::Load notices that, since folding then changes nothing.
const icu::Transliterator* Folding() {
  static const std::unique_ptr<const icu::Transliterator> kFolding = [] {
    UErrorCode status = U_ZERO_ERROR;
    const auto rules = icu::UnicodeString::fromUTF8(
        "NFC; [\\u200B\\u2060\\uFEFF] Remove; [:Latin:] Latin-ASCII; Lower; NFC");
    return std::unique_ptr<const icu::Transliterator>(
        icu::Transliterator::createInstance(rules, UTRANS_FORWARD, status));
  }();
  return kFolding.get();
}

}  // namespace

std::string Fold(std::string_view text) {
  if (IsAscii(text)) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), LowerAscii);
    return lower;
  }
  auto unicode = icu::UnicodeString::fromUTF8(
      icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  if (const icu::Transliterator* folding = Folding(); folding != nullptr)
    folding->transliterate(unicode);
  std::string folded;
  unicode.toUTF8String(folded);
  return folded;
}

std::string SearchKey(std::string_view text) {
  std::string key = Fold(text);
  std::erase_if(key, [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    return static_cast<unsigned char>(c) < 0x80 && !letter;
  });
  return key;
}

}  // namespace tripoint::codes
