// Folding with ICU and the edit distance for did-you-mean. Pure; any thread.
#include "proto/codes/fold.h"

#include <unicode/translit.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>

namespace tripoint::codes {
namespace {

constexpr std::size_t kDistanceLettersMax = 64;
constexpr std::size_t kDistanceMax = 3;

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

std::u32string Letters(std::string_view text) {
  const std::string key = SearchKey(text);
  const auto unicode =
      icu::UnicodeString::fromUTF8(icu::StringPiece(key.data(), static_cast<int32_t>(key.size())));
  std::u32string letters;
  for (int32_t i = 0; i < unicode.length() && letters.size() < kDistanceLettersMax;
       i = unicode.moveIndex32(i, 1)) {
    letters.push_back(static_cast<char32_t>(unicode.char32At(i)));
  }
  return letters;
}

// Optimal string alignment: insert, delete, replace, swap of neighbours.
std::size_t Distance(const std::u32string& a, const std::u32string& b) {
  using Row = std::array<std::size_t, kDistanceLettersMax + 1>;
  Row before{}, previous{}, current{};
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replace, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    before = previous;
    previous = current;
  }
  return previous[b.size()];
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

std::vector<std::string> Nearest(std::string_view input, const std::vector<std::string>& candidates,
                                 std::size_t limit) {
  const std::u32string typed = Letters(input);
  if (typed.empty()) return {};
  const std::size_t allowed = std::clamp<std::size_t>(typed.size() / 3, 1, kDistanceMax);
  std::vector<std::pair<std::size_t, std::string>> found;
  for (const std::string& candidate : candidates) {
    const std::u32string letters = Letters(candidate);
    const std::size_t gap = letters.size() > typed.size() ? letters.size() - typed.size()
                                                          : typed.size() - letters.size();
    const bool begins = typed.size() >= 3 && letters.starts_with(typed);
    if (gap > allowed && !begins) continue;
    const std::size_t distance = Distance(typed, letters);
    if (distance <= allowed) {
      found.emplace_back(distance, candidate);
    } else if (begins) {
      found.emplace_back(kDistanceMax + 1, candidate);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> nearest;
  for (auto& [distance, candidate] : found) {
    if (nearest.size() == limit) break;
    if (std::find(nearest.begin(), nearest.end(), candidate) == nearest.end()) {
      nearest.push_back(std::move(candidate));
    }
  }
  return nearest;
}

}  // namespace tripoint::codes
