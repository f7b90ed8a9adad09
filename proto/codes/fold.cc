// Folding with ICU. Pure; any thread.
#include "proto/codes/fold.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/translit.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "proto/codes/icu_text.h"

namespace tripoint::codes {
namespace {

char LowerAscii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool HasNoWidth(UChar32 letter) { return letter == 0x200B || letter == 0x2060 || letter == 0xFEFF; }

bool IsLatin(UChar32 letter) {
  UErrorCode status = U_ZERO_ERROR;
  return uscript_getScript(letter, &status) == USCRIPT_LATIN && U_SUCCESS(status);
}

// A Latin letter with marks, without them; false: it is more than an ASCII letter with marks.
bool AppendWithoutMarks(UChar32 letter, const icu::Normalizer2& decomposing,
                        icu::UnicodeString& folded) {
  if (letter == 0x0110 || letter == 0x0111) {  // the stroke of Đ and đ is no mark
    folded.append(u'd');
    return true;
  }
  icu::UnicodeString parts;
  if (!decomposing.getDecomposition(letter, parts)) return false;
  for (int32_t i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
    const UChar32 part = parts.char32At(i);
    if (u_charType(part) == U_NON_SPACING_MARK) continue;
    if (part >= 0x80) return false;
    folded.append(part);
  }
  return true;
}

// Made for the first text that needs it. Null when ICU's data is missing: then such a text stays.
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

std::optional<std::string> FoldPlainly(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* composing = icu::Normalizer2::getNFCInstance(status);
  const icu::Normalizer2* decomposing = icu::Normalizer2::getNFDInstance(status);
  if (U_FAILURE(status)) return std::nullopt;
  const icu::UnicodeString composed = composing->normalize(FromUtf8(text), status);
  icu::UnicodeString folded;
  for (int32_t i = 0; i < composed.length(); i = composed.moveIndex32(i, 1)) {
    const UChar32 letter = composed.char32At(i);
    if (HasNoWidth(letter)) continue;
    if (letter < 0x80 || !IsLatin(letter)) {
      folded.append(letter);
    } else if (!AppendWithoutMarks(letter, *decomposing, folded)) {
      return std::nullopt;
    }
  }
  folded = composing->normalize(folded.toLower(icu::Locale::getRoot()), status);
  if (U_FAILURE(status)) return std::nullopt;
  return ToUtf8(folded);
}

std::string Fold(std::string_view text) {
  if (IsAscii(text)) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), LowerAscii);
    return lower;
  }
  if (std::optional<std::string> plain = FoldPlainly(text); plain.has_value()) return *plain;
  icu::UnicodeString unicode = FromUtf8(text);
  if (const icu::Transliterator* folding = Folding(); folding != nullptr)
    folding->transliterate(unicode);
  return ToUtf8(unicode);
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
