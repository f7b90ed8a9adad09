// Scans texts, eight ASCII bytes at a time (text_form.h). Any thread.
#include "proto/contract/text_form.h"

#include <algorithm>
#include <cstring>

namespace tripoint::contract {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
constexpr std::size_t kQuotedBytesMax = 40;

// Whether all 8 bytes are printable ASCII: the common case, eight at a time.
bool IsPlain(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word & kHighBits;
  const std::uint64_t deleted = word ^ (kOnes * 0x7f);
  const std::uint64_t is_delete = (deleted - kOnes) & ~deleted & kHighBits;
  return ((word & kHighBits) | below_space | is_delete) == 0;
}

bool IsForbidden(std::uint32_t point, bool allow_lines) {
  if (point < 0xA0) return true;  // the callers pass only what is not ASCII: C1
  if (point == 0x2028 || point == 0x2029) return !allow_lines;
  return (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

bool IsLetter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::size_t DecodeLetter(std::string_view text, std::uint32_t& point) {
  const auto byte = [&text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const std::uint32_t first = byte(0);
  if (first >= 0xC2 && first <= 0xDF && follows(1)) {
    point = (first & 0x1F) << 6 | (byte(1) & 0x3FU);
    return 2;
  }
  if (first >= 0xE0 && first <= 0xEF && follows(1) && follows(2)) {
    point = (first & 0x0F) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
    const bool is_surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point >= 0x800 && !is_surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4 && follows(1) && follows(2) && follows(3)) {
    point =
        (first & 0x07) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU);
    return point >= 0x10000 && point <= 0x10FFFF ? 4 : 0;
  }
  return 0;
}

TextFault ScanText(std::string_view text, bool allow_lines) {
  std::size_t i = 0;
  while (i < text.size()) {
    while (i + 8 <= text.size() && IsPlain(text.data() + i)) i += 8;
    if (i >= text.size()) break;
    const auto c = static_cast<std::uint8_t>(text[i]);
    if (c < 0x80) {
      const bool is_line = c == '\n' || c == '\t';
      if ((c < 0x20 && !(is_line && allow_lines)) || c == 0x7f) return TextFault::kControlCharacter;
      ++i;
      continue;
    }
    std::uint32_t point = 0;
    const std::size_t length = DecodeLetter(text.substr(i), point);
    if (length == 0) return TextFault::kNotUtf8;
    if (IsForbidden(point, allow_lines)) return TextFault::kControlCharacter;
    i += length;
  }
  return TextFault::kNone;
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // no continuation byte
  }));
}

bool IsCodeForm(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '+' || c == '-' || c == '.' || c == '_';
  });
}

bool IsTwoLetters(std::string_view text) {
  return text.size() == 2 && IsLetter(text[0]) && IsLetter(text[1]);
}

std::string AsciiUpper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

std::string AsciiLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text.substr(0, kQuotedBytesMax)) {
    quoted += c >= 0x20 && c < 0x7f && c != '"' ? c : '?';
  }
  if (text.size() > kQuotedBytesMax) quoted += "...";
  return quoted += '"';
}

}  // namespace tripoint::contract
