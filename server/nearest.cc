// Edit distance over short words. See nearest.h.
#include "server/nearest.h"

#include <algorithm>
#include <cstddef>

namespace tripoint {
namespace {

constexpr std::size_t kWordBytesMax = 64;

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> table(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) table[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) table[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      table[i][j] = std::min({table[i - 1][j] + 1, table[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        table[i][j] = std::min(table[i][j], table[i - 2][j - 2] + 1);
      }
    }
  }
  return table[a.size()][b.size()];
}

}  // namespace

std::string Nearest(std::string_view typed, const std::vector<std::string>& words) {
  std::string nearest;
  if (typed.empty() || typed.size() > kWordBytesMax) return nearest;
  std::size_t distance_max = std::max<std::size_t>(1, typed.size() / 3);
  for (const std::string& word : words) {
    // The shortened word is near too: `cert` for `certificates`.
    const bool shortened = typed.size() >= 3 && word.starts_with(typed);
    const std::size_t distance = shortened ? 1 : EditDistance(typed, word);
    if (distance > distance_max || (distance == distance_max && !nearest.empty())) continue;
    nearest = word;
    distance_max = distance;
  }
  return nearest;
}

}  // namespace tripoint
