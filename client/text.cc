// Text in four languages, by ICU.
#include "client/text.h"

#include <fmt/format.h>
#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <memory>

#include "proto/codes/icu_text.h"

namespace tripoint::client {
namespace {

using codes::FromUtf8;
using codes::ToUtf8;

// Graphemes of `text`, in order.
std::vector<icu::UnicodeString> Graphemes(std::string_view text) {
  std::vector<icu::UnicodeString> parts;
  const icu::UnicodeString wide = FromUtf8(text);
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::BreakIterator> breaks(
      icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  if (U_FAILURE(status)) return {wide};
  breaks->setText(wide);
  int32_t begin = breaks->first();
  for (int32_t end = breaks->next(); end != icu::BreakIterator::DONE;
       begin = end, end = breaks->next()) {
    parts.emplace_back(wide, begin, end - begin);  // a copy: `wide` ends here
  }
  return parts;
}

int ColumnsOf(const icu::UnicodeString& grapheme) {
  const UChar32 base = grapheme.char32At(0);
  const int type = u_charType(base);
  if (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_FORMAT_CHAR) return 0;
  const int width = u_getIntPropertyValue(base, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 2 : 1;
}

bool Dangerous(UChar32 letter) {
  if (letter < 0x20 || (letter >= 0x7F && letter < 0xA0)) return true;
  return (letter >= 0x202A && letter <= 0x202E) || (letter >= 0x2066 && letter <= 0x2069) ||
         letter == 0x200E || letter == 0x200F || letter == 0x2028 || letter == 0x2029;
}

}  // namespace

std::string AsciiDigits(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i, 3);
    const unsigned last = rest.size() == 3 ? static_cast<unsigned char>(rest[2]) : 0;
    if (rest.substr(0, 2) == "\xE1\x9F" && last >= 0xA0 && last <= 0xA9) {
      out += static_cast<char>('0' + (last - 0xA0));  // U+17E0: Khmer
      i += 2;
    } else if (rest.substr(0, 2) == "\xE0\xBB" && last >= 0x90 && last <= 0x99) {
      out += static_cast<char>('0' + (last - 0x90));  // U+0ED0: Lao
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

int DisplayColumns(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; })) {
    return static_cast<int>(text.size());
  }
  int columns = 0;
  for (const icu::UnicodeString& part : Graphemes(text)) columns += ColumnsOf(part);
  return columns;
}

bool IsNativeScript(std::string_view text) {
  const icu::UnicodeString wide = FromUtf8(text);
  for (int32_t i = 0; i < wide.length(); i = wide.moveIndex32(i, 1)) {
    UErrorCode status = U_ZERO_ERROR;
    const UScriptCode script = uscript_getScript(wide.char32At(i), &status);
    if (script == USCRIPT_KHMER || script == USCRIPT_LAO) return true;
  }
  return false;
}

std::string Truncate(std::string_view text, int columns) {
  if (DisplayColumns(text) <= columns) return std::string(text);
  std::string out;
  int used = 0;
  for (const icu::UnicodeString& part : Graphemes(text)) {
    const int width = ColumnsOf(part);
    if (used + width > columns - 1) break;
    used += width;
    out += ToUtf8(part);
  }
  return columns > 0 ? out + "…" : "";
}

std::string Harmless(std::string_view text, bool keep_lines) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; })) {
    return std::string(text);
  }
  const icu::UnicodeString wide = FromUtf8(text);
  icu::UnicodeString out;
  for (int32_t i = 0; i < wide.length(); i = wide.moveIndex32(i, 1)) {
    const UChar32 letter = wide.char32At(i);
    if (letter == '\n' || letter == '\t') {
      out.append(keep_lines ? letter : UChar32{' '});
    } else {
      out.append(Dangerous(letter) ? UChar32{0xFFFD} : letter);
    }
  }
  return ToUtf8(out);
}

std::string SizeText(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  if (bytes < 1024 * 1024) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024);
  if (bytes < 1024ULL * 1024 * 1024)
    return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1024.0 * 1024 * 1024));
}

std::string Padded(std::string_view text, int columns) {
  const int missing = columns - DisplayColumns(text);
  return std::string(text) + std::string(static_cast<std::size_t>(std::max(missing, 0)), ' ');
}

std::string ToUpperAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return out;
}

std::string ToLowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(Trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

}  // namespace tripoint::client
