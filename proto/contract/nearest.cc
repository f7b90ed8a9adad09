// Edit distance over short words. See nearest.h.
#include "proto/contract/nearest.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace tripoint::contract {
namespace {

constexpr std::size_t kLettersMax = 64;
constexpr std::size_t kSlipsMax = 3;

std::u32string LettersOf(std::string_view text) {
  std::u32string letters;
  while (!text.empty() && letters.size() < kLettersMax) {
    std::uint32_t point = 0;
    const std::size_t bytes = DecodeLetter(text, point);
    // ASCII, and what is no letter at all, counts as its byte.
    if (bytes == 0) point = static_cast<std::uint8_t>(text.front());
    letters.push_back(static_cast<char32_t>(point));
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return letters;
}

// Insert, delete, replace, swap of neighbours; or kSlipsMax + 1 when there are more than `allowed`.
// `a` and `b` are within `allowed` letters of each other: only places that are so near one another
// can be part of so few slips.
std::size_t SlipsBetween(const std::u32string& a, const std::u32string& b, std::size_t allowed) {
  using Row = std::array<std::uint8_t, kLettersMax + 1>;
  constexpr std::uint8_t kMany = kSlipsMax + 1;
  Row rows[3];
  for (Row& row : rows) row.fill(kMany);
  for (std::size_t j = 0; j <= std::min(b.size(), allowed); ++j)
    rows[0][j] = static_cast<std::uint8_t>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    Row& current = rows[i % 3];
    const Row& previous = rows[(i + 2) % 3];
    const Row& before = rows[(i + 1) % 3];
    const std::size_t first = i > allowed ? i - allowed : 1;
    const std::size_t last = std::min(b.size(), i + allowed);
    current[first - 1] = i > allowed ? kMany : static_cast<std::uint8_t>(i);
    std::uint8_t least = current[first - 1];
    for (std::size_t j = first; j <= last; ++j) {
      int slips = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      slips = std::min({slips, previous[j] + 1, current[j - 1] + 1, int{kMany}});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        slips = std::min(slips, before[j - 2] + 1);
      current[j] = static_cast<std::uint8_t>(slips);
      least = std::min(least, current[j]);
    }
    if (last < b.size()) current[last + 1] = kMany;
    // A swap steps over this row; but what it steps from would be within one replacement here.
    if (least > allowed) return kMany;
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

Spelling SpellingOf(std::string word, std::string_view folded) {
  return {std::move(word), LettersOf(folded)};
}

std::vector<std::string> Nearest(std::string_view typed, const std::vector<std::string>& words,
                                 std::size_t limit, const Folding& fold) {
  std::vector<Spelling> spellings;
  spellings.reserve(words.size());
  for (const std::string& word : words) spellings.push_back(SpellingOf(word, fold(word)));
  return NearestOf(fold(typed), spellings, limit);
}

std::vector<std::string> NearestOf(std::string_view folded, const std::vector<Spelling>& words,
                                   std::size_t limit) {
  const std::u32string wanted = LettersOf(folded);
  if (wanted.empty()) return {};
  const std::size_t allowed = std::clamp<std::size_t>(wanted.size() / 3, 1, kSlipsMax);
  std::vector<std::pair<std::size_t, const std::string*>> found;
  for (const auto& [word, letters] : words) {
    const std::size_t gap = letters.size() > wanted.size() ? letters.size() - wanted.size()
                                                           : wanted.size() - letters.size();
    const std::size_t slips =
        gap > allowed ? kSlipsMax + 1 : SlipsBetween(wanted, letters, allowed);
    if (slips <= allowed && slips < wanted.size()) {  // some letter is the same
      found.emplace_back(slips, &word);
    } else if (wanted.size() >= 3 && letters.starts_with(wanted)) {
      // The shortened word is near too: `cert` for `certificates`.
      found.emplace_back(kSlipsMax + 1, &word);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> nearest;
  for (const auto& [slips, word] : found) {
    if (nearest.size() == limit) break;
    if (std::find(nearest.begin(), nearest.end(), *word) == nearest.end()) nearest.push_back(*word);
  }
  return nearest;
}

std::string NearestWord(std::string_view typed, const std::vector<std::string>& words) {
  const std::vector<std::string> near = Nearest(typed, words, 1);
  return near.empty() ? std::string() : near[0];
}

std::string DidYouMean(std::string_view typed, const std::vector<std::string>& words) {
  constexpr std::size_t kOffered = 3;
  const std::vector<std::string> near = Nearest(typed, words, kOffered);
  if (near.empty()) return "";
  if (near.size() == 1) return " Did you mean " + near[0] + "?";
  std::string text = " Did you mean one of: " + near[0];
  for (std::size_t i = 1; i < near.size(); ++i) text += ", " + near[i];
  return text + "?";
}

}  // namespace tripoint::contract
