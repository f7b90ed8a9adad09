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

// Insert, delete, replace, swap of neighbours.
std::size_t SlipsBetween(const std::u32string& a, const std::u32string& b) {
  using Row = std::array<std::size_t, kLettersMax + 1>;
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

std::vector<std::string> Nearest(std::string_view typed, const std::vector<std::string>& words,
                                 std::size_t limit, const Folding& fold) {
  const std::u32string wanted = LettersOf(fold(typed));
  if (wanted.empty()) return {};
  const std::size_t allowed = std::clamp<std::size_t>(wanted.size() / 3, 1, kSlipsMax);
  std::vector<std::pair<std::size_t, const std::string*>> found;
  for (const std::string& word : words) {
    const std::u32string letters = LettersOf(fold(word));
    const std::size_t gap = letters.size() > wanted.size() ? letters.size() - wanted.size()
                                                           : wanted.size() - letters.size();
    // The shortened word is near too: `cert` for `certificates`.
    const bool begins = wanted.size() >= 3 && letters.starts_with(wanted);
    if (gap > allowed && !begins) continue;
    const std::size_t slips = SlipsBetween(wanted, letters);
    if (slips <= allowed && slips < wanted.size()) {  // some letter is the same
      found.emplace_back(slips, &word);
    } else if (begins) {
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
